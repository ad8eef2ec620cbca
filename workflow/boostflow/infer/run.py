"""The stage infer: from template files to workspace.json and fit.json, and the plots of both."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boostflow.config.models import Infer
from boostflow.config.systematics import AnySystematic
from boostflow.errors import BoostflowError
from boostflow.infer import fit, workspace
from boostflow.infer.merge import binning, merge
from boostflow.io import read_json, write_json
from boostflow.plots.style import Label, save, style
from boostflow.templates.files import TemplateSet, read

log = logging.getLogger(__name__)


def read_templates(paths: Sequence[Path]) -> dict[str, TemplateSet]:
    """Template files by variation, which is the stem of the path."""
    return {path.stem: read(path) for path in paths}


def infer(
    paths: Sequence[Path],
    systematics: Mapping[str, AnySystematic],
    config: Infer,
    workspace_path: Path,
    fit_path: Path,
) -> dict[str, Any]:
    """Build the workspace, fit it, write both; returns what is in fit.json.

    Raises:
        BoostflowError: see `workspace.build` and `fit.minimise`.
    """
    for name in ("pyhf", "cabinetry"):
        logging.getLogger(name).setLevel(logging.ERROR)
    templates = read_templates(paths)
    if "nominal" not in templates:
        raise BoostflowError(f"no nominal.root among the templates {', '.join(map(str, paths))}")
    edges = {
        region: binning(templates["nominal"], region, config.signal, config.bin_error_max)
        for region in templates["nominal"]
    }
    for variation, others in templates.items():
        workspace.check_alike(templates["nominal"], others, variation)
    merged = {name: merge(others, edges) for name, others in templates.items()}
    spec, notes = workspace.build(merged, systematics, config)
    kept = {
        region: next(iter(contents.values())).edges.tolist()
        for region, contents in merged["nominal"].items()
    }
    notes = [
        f"{region}: bins {', '.join(f'{x:g}' for x in kept[region])}" for region in kept
    ] + notes
    for note in notes:
        log.info("%s", note)
    write_json(workspace_path, spec)
    result = fit.run(spec, systematics) | {
        "signal": config.signal,
        "edges": kept,
        "notes": notes,
    }
    write_json(fit_path, result)
    log.info("%s; discovery significance %.2f", result["text"], result["significance"]["value"])
    return result


def plot(
    paths: Sequence[Path],
    systematics: Mapping[str, AnySystematic],
    workspace_path: Path,
    fit_path: Path,
    folder: Path,
    label: Label,
) -> None:
    """Draw the plots of `plots.names.fit_plots` into a folder."""
    from boostflow.plots import fit as draw

    for name in ("pyhf", "cabinetry"):
        logging.getLogger(name).setLevel(logging.ERROR)
    spec, result = read_json(workspace_path), read_json(fit_path)
    templates = read_templates(paths)
    kept = {
        region: np.flatnonzero(np.isin(next(iter(samples.values())).edges, result["edges"][region]))
        for region, samples in templates["nominal"].items()
    }
    templates = {name: merge(others, kept) for name, others in templates.items()}
    titles = {name: declared.title or name for name, declared in systematics.items()}
    with style():
        variable = next(iter(templates["nominal"].values()))[result["signal"][0]].variable
        figures = draw.prefit(spec, result, variable, label)
        for region, figure in figures.items():
            save(figure, folder / f"prefit_{region}.png")
        save(draw.ranking(result, titles, label), folder / "ranking.png")
        save(draw.breakdown(result, label), folder / "breakdown.png")
        for name, declared in systematics.items():
            if declared.members():
                figure = draw.systematic(name, declared, templates, result["signal"], label)
                save(figure, folder / f"systematic_{name}.png")

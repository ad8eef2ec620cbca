"""The stage infer: from template files to workspace.json and fit.json, and the plots of both."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boostflow.config.statistics import Infer
from boostflow.config.systematics import AnySystematic, by_parameter, nuisances
from boostflow.errors import BoostflowError
from boostflow.infer import enter, fit, observed, workspace
from boostflow.infer.merge import binning, merge
from boostflow.infer.yields import tabulate
from boostflow.io import atomic, read_json, write_json
from boostflow.plots.style import Label, save, style
from boostflow.templates.files import TemplateSet, read

log = logging.getLogger(__name__)

PSEUDO = "pseudo"
"""Variation that the templates of the validation split count as."""


def parameter_titles(systematics: Mapping[str, AnySystematic]) -> dict[str, str]:
    """How plots and tables call the nuisance parameters: the title of their only entry, with the
    number of the component where there are several."""
    titles = {
        parameter: (systematics[names[0]].title if len(names) == 1 else None) or parameter
        for parameter, names in by_parameter(systematics).items()
    }
    return {
        nuisance: f"{titles[parameter]} {nuisance.removeprefix(f'{parameter}_')}"
        if nuisance != parameter
        else titles[parameter]
        for nuisance, parameter in nuisances(systematics).items()
    }


def read_templates(paths: Sequence[Path]) -> dict[str, TemplateSet]:
    """Template files by variation, which is the stem of the path."""
    return {path.stem: read(path) for path in paths}


def infer(
    paths: Sequence[Path],
    systematics: Mapping[str, AnySystematic],
    config: Infer,
    workspace_path: Path,
    fit_path: Path,
    yields_path: Path,
    data: Sequence[str] = (),
    pseudo: Path | None = None,
    controls: Path | None = None,
) -> dict[str, Any]:
    """Build the workspace, fit it, write both and the yields; returns what is in fit.json.

    Args:
        paths: template files of nominal and all variations, named by them.
        systematics: by name.
        config: the infer block.
        workspace_path: to write.
        fit_path: to write.
        yields_path: to write.
        data: names of the samples of collision data.
        pseudo: templates of the validation split, for pseudo-data.

    `controls` is background.json with the scale factors that enter (`infer.enter`).

    Raises:
        BoostflowError: see `workspace.build`, `observed.observations` and `minimum.minimise`.
    """
    for name in ("pyhf", "cabinetry"):
        logging.getLogger(name).setLevel(logging.ERROR)
    templates = read_templates(paths)
    if "nominal" not in templates:
        raise BoostflowError(f"no nominal.root among the templates {', '.join(map(str, paths))}")
    templates["nominal"], counts = observed.split(templates["nominal"], data)
    if pseudo is not None:
        templates[PSEUDO] = read(pseudo)
    edges = {
        region: binning(templates["nominal"], region, config.signal, config.bin_error_max)
        for region in templates["nominal"]
    }
    for variation, others in templates.items():
        workspace.check_alike(templates["nominal"], others, variation)
    merged = {name: merge(others, edges) for name, others in templates.items()}
    independent = merged.pop(PSEUDO, None)
    counts = {region: np.add.reduceat(n, edges[region][:-1]) for region, n in counts.items()}
    fitted, drawn = observed.observations(config, merged["nominal"], counts, independent)
    spec, notes = workspace.build(merged, systematics, config, fitted, independent)
    if controls is not None:
        spec = enter.apply(spec, read_json(controls)["control"])
    kept = {
        region: next(iter(contents.values())).edges.tolist()
        for region, contents in merged["nominal"].items()
    }
    notes = [
        *(f"{region}: bins {', '.join(f'{x:g}' for x in kept[region])}" for region in kept),
        *(drawn + notes),
    ]
    for note in notes:
        log.info("%s", note)
    write_json(workspace_path, spec)
    found = fit.run(spec, systematics, config)
    undefined = [note] if (note := found["limit"].get("note")) else []
    for note in (unknown := [*fit.unknown_parts(found["breakdown"]), *undefined]):
        log.warning("%s", note)
    result = found | {
        "signal": config.signal,
        "variable": next(iter(next(iter(merged["nominal"].values())).values())).variable,
        "edges": kept,
        "notes": [*notes, *unknown],
    }
    unfitted = counts if config.data != "observed" else {}
    empty = {
        region: {name: t.values <= 0 for name, t in contents.items()}
        for region, contents in merged["nominal"].items()
    }
    write_json(yields_path, tabulate(spec, kept, unfitted, empty))
    write_json(fit_path, result)
    z = result["significance"]
    log.info("%s; discovery significance %.2f", result["text"], z.get("observed", z["expected"]))
    return result


def plot(
    paths: Sequence[Path],
    systematics: Mapping[str, AnySystematic],
    fit_path: Path,
    yields_path: Path,
    folder: Path,
    label: Label,
    data: Sequence[str] = (),
) -> None:
    """Draw the plots of `plots.names.fit_plots` into a folder; `data` names collision data."""
    from boostflow.plots import fit as draw

    result, yields = read_json(fit_path), read_json(yields_path)
    templates = read_templates(paths)
    templates["nominal"], _ = observed.split(templates["nominal"], data)
    kept = {
        region: np.flatnonzero(np.isin(next(iter(samples.values())).edges, result["edges"][region]))
        for region, samples in templates["nominal"].items()
    }
    templates = {name: merge(others, kept) for name, others in templates.items()}
    titles = parameter_titles(systematics)
    with style():
        for region, entry in yields.items():
            for stage in ("prefit", "postfit"):
                figure = draw.region(region, entry, result, stage, label)
                save(figure, folder / f"{stage}_{region}.png")
        save(draw.ranking(result, titles, label), folder / "ranking.png")
        save(draw.breakdown(result, label), folder / "breakdown.png")
        save(draw.correlation(result, titles, label), folder / "correlation.png")
        save(draw.scan(result, label), folder / "scan.png")
        save(draw.limit(result, label), folder / "limit.png")
        for name, declared in systematics.items():
            if declared.members():
                figure = draw.systematic(name, declared, templates, result["signal"], label)
                save(figure, folder / f"systematic_{name}.png")


def tabulate_fit(
    systematics: Mapping[str, AnySystematic],
    fit_path: Path,
    yields_path: Path,
    folder: Path,
    record: Path,
    energy: float,
) -> None:
    """Write yields.txt, yields.csv, yields.tex and the HEPData record.

    Args:
        systematics: by name.
        fit_path: fit.json.
        yields_path: yields.json.
        folder: for the yields.
        record: for HEPData.
        energy: centre-of-mass energy (GeV).
    """
    from boostflow.infer import tables
    from boostflow.plots.style import AXES

    result, yields = read_json(fit_path), read_json(yields_path)
    rows = tables.yield_rows(yields)
    formats = {"txt": tables.yields_text, "csv": tables.yields_csv, "tex": tables.yields_latex}
    for suffix, write in formats.items():
        with atomic(folder / f"yields.{suffix}") as part:
            part.write_text(write(rows), encoding="utf-8")
    variable = AXES.get(result["variable"], (result["variable"], ""))
    content = tables.hepdata(result, yields, parameter_titles(systematics), variable, energy)
    tables.write_hepdata(content, record)

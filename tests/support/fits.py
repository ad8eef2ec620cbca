"""Template files, and the files that the stages of the fit read and write."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import hist

from boostflow.jobs import statistics as jobs
from boostflow.templates.files import TemplateSet, write


def write_templates(folder: Path, templates: Mapping[str, TemplateSet]) -> list[Path]:
    """Write templates as the stage does, one file a variation; returns the files."""
    paths = [folder / f"{variation}.root" for variation in templates]
    for path, contents in zip(paths, templates.values(), strict=True):
        histograms = {}
        for region, samples in contents.items():
            for sample, template in samples.items():
                axis = hist.axis.Variable(template.edges, name=template.variable, flow=False)
                filled = hist.Hist(axis, storage=hist.storage.Weight())
                filled.view().value = template.values
                filled.view().variance = template.variances
                histograms[region, sample] = filled
        write(path, histograms)
    return paths


def fit_files(
    folder: Path,
    templates: Sequence[Path],
    pseudo: Sequence[Path] = (),
    controls: Sequence[Path] = (),
) -> jobs.Infer.Files:
    """Files of a fit that writes into a folder."""
    return jobs.Infer.Files(
        templates=list(templates),
        pseudo=list(pseudo),
        controls=list(controls),
        workspace=folder / "workspace.json",
        fit=folder / "fit.json",
        yields=folder / "yields.json",
    )


def plot_files(fit: jobs.Infer.Files) -> jobs.PlotFit.Files:
    """Files of the plots of a fit, in a folder beside it."""
    return jobs.PlotFit.Files(
        templates=fit.templates, fit=fit.fit, yields=fit.yields, plots=fit.fit.parent / "plots"
    )


def table_files(fit: jobs.Infer.Files, folder: Path) -> jobs.FitTables.Files:
    """Files of the tables of a fit in a folder, with the HEPData record below it."""
    return jobs.FitTables.Files(
        fit=fit.fit, yields=fit.yields, tables=folder, hepdata=folder / "hepdata"
    )


def fitted_by_pyhf(folder: Path, spec: Mapping[str, Any]) -> dict[str, list[float]]:
    """The best values of a workspace's parameters by pyhf's own command line."""
    file = folder / "workspace.json"
    file.write_text(json.dumps(spec))
    command = [str(Path(sys.executable).parent / "pyhf"), "fit", "--value", str(file)]
    out = subprocess.run(
        [*command, "--optimizer", "minuit"], capture_output=True, text=True, check=True
    )
    return json.loads(out.stdout)["mle_parameters"]

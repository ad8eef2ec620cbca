"""What is shown of a fit: its plots, the tables of yields, and the record for HEPData."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from boostflow.config.systematics import AnySystematic, nuisances, titles
from boostflow.infer import observed, tables
from boostflow.infer.merge import merge
from boostflow.infer.transfer import fitted, simulated
from boostflow.io import atomic, read_json
from boostflow.plots.names import contour_plot, of_poi
from boostflow.templates.files import read_variations

if TYPE_CHECKING:
    from boostflow.jobs.statistics import FitTables, PlotFit
    from boostflow.jobs.transfer import PlotTransfer


def parameter_titles(systematics: Mapping[str, AnySystematic]) -> dict[str, str]:
    """How plots and tables call the nuisance parameters, by name of the parameter.

    That is its title (`config.systematics.titles`); the components of one that has several are
    numbered.
    """
    names = titles(systematics)
    return {
        nuisance: f"{names[parameter]} {nuisance.removeprefix(f'{parameter}_')}"
        if nuisance != parameter
        else names[parameter]
        for nuisance, parameter in nuisances(systematics).items()
    }


def plot(job: PlotFit, files: PlotFit.Files) -> None:
    """Draw the plots of `plots.names.fit_plots` as PNG files into a folder.

    Beside them, where a systematic has templates, `systematics.html` to compare them.

    Raises:
        BoostflowError: a file cannot be read, or the templates lack a sample.
    """
    from boostflow.plots import fit as draw
    from boostflow.plots import strengths, toggle
    from boostflow.plots.measurement import measurement
    from boostflow.plots.style import save, style

    result, yields = read_json(files.fit), read_json(files.yields)
    templates = read_variations(files.templates)
    templates["nominal"], _ = observed.split(templates["nominal"], job.data)
    templates = {name: fitted(others, job.transfer) for name, others in templates.items()}
    kept = {
        region: np.flatnonzero(np.isin(next(iter(samples.values())).edges, result["edges"][region]))
        for region, samples in templates["nominal"].items()
    }
    templates = {
        name: simulated(merge(others, kept), job.transfer) for name, others in templates.items()
    }
    names, label, folder = parameter_titles(job.systematics), job.label, files.plots
    with style():
        for region, entry in yields.items():
            for stage in ("prefit", "postfit"):
                figure = draw.region(region, entry, result, stage, label)
                save(figure, folder / f"{stage}_{region}.png")
        measured = {name: entry for name, entry in yields.items() if name not in job.beside}
        save(measurement(measured, result, label), folder / "measurement.png")
        save(strengths.correlation(result, names, label), folder / "correlation.png")
        for poi in result["pois"]:
            figures = {
                "ranking": strengths.ranking(result, poi, names, label),
                "breakdown": strengths.breakdown(result, poi, label),
                "scan": strengths.scan(result, poi, label),
                "limit": strengths.limit(result, poi, label),
            }
            for name, figure in figures.items():
                save(figure, folder / f"{of_poi(name, poi, result['pois'])}.png")
        for found in result["contours"]:
            figure = strengths.contours(result, found, label)
            save(figure, folder / f"{contour_plot(found['pois'])}.png")
        for name, declared in job.systematics.items():
            if declared.members():
                figure = draw.systematic(name, declared, templates, result["pois"], label)
                save(figure, folder / f"systematic_{name}.png")
    if any(declared.members() for declared in job.systematics.values()):
        signal = [sample for found in result["pois"].values() for sample in found["samples"]]
        data = toggle.compared(job.systematics, templates, signal)
        with atomic(folder / "systematics.html") as part:
            part.write_text(toggle.page(data, label), encoding="utf-8")


def tabulate(job: FitTables, files: FitTables.Files) -> None:
    """Write yields.txt, yields.csv and yields.tex into one folder, the HEPData record into another.

    Raises:
        BoostflowError: the fit or its yields cannot be read.
    """
    from boostflow.observables.catalogue import column

    result, yields = read_json(files.fit), read_json(files.yields)
    rows = tables.yield_rows(yields)
    formats = {"txt": tables.yields_text, "csv": tables.yields_csv, "tex": tables.yields_latex}
    for suffix, write in formats.items():
        with atomic(files.tables / f"yields.{suffix}") as part:
            part.write_text(write(rows), encoding="utf-8")
    declared = column(result["variable"])
    variable = (declared.title, declared.unit.value)
    content = tables.hepdata(
        result, yields, parameter_titles(job.systematics), variable, job.energy
    )
    tables.write_hepdata(content, files.hepdata)


def plot_transfer(job: PlotTransfer, files: PlotTransfer.Files) -> None:
    """Draw the plots of `plots.names.transfer_plots` as PNG files into a folder.

    Raises:
        BoostflowError: the file of the checks cannot be read.
    """
    from boostflow.plots import transfer as draw
    from boostflow.plots.style import save, style

    found = read_json(files.figures)
    with style():
        for region in [*found["regions"], *found["validation"].get("regions", [])]:
            figure = draw.ratio(region, found, job.label)
            save(figure, files.plots / f"ratio_{region}.png")
        for name in dict.fromkeys(x["of"] for x in found["regions"].values() if x["at"]):
            save(draw.curves(name, found, job.label), files.plots / f"function_{name}.png")
        save(draw.bias(found, job.label), files.plots / "bias.png")

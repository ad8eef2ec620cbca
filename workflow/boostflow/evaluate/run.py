"""The stages that judge models: figures of merit to JSON, plots to PNG."""

from __future__ import annotations

import numpy as np

from boostflow.evaluate import anomaly as of_events
from boostflow.evaluate import compare, judge, varied
from boostflow.io import read_json, write_json
from boostflow.jobs.models import (
    Compare,
    CompareEvents,
    Evaluate,
    EvaluateSystematics,
    PlotSystematics,
)
from boostflow.plots import anomaly as draw_events
from boostflow.plots import evaluation as draw
from boostflow.plots import purity
from boostflow.plots import uncertainty as draw_errors
from boostflow.plots.style import save, style
from boostflow.scored import read_scored, samples_of
from boostflow.seeds import derive


def evaluate(job: Evaluate, files: Evaluate.Files) -> None:
    """Evaluate a model, write its figures and plots.

    Args:
        job: how it is judged.
        files: the plots are those of `plots.names.model_plots`; metrics.json in the folder of the
            model has a `history`.

    Raises:
        BoostflowError: missing or mismatched files, a class without jets, NaN scores, a family
            that draws other plots than it names.
    """
    metrics = read_json(files.model / "metrics.json")
    figures, jets = judge.figures_of(job, files)
    write_json(files.figures, {"model": job.name} | figures)
    with style():
        for name, figure in draw.plots(job, files, figures, jets, metrics):
            save(figure, files.plots / f"{name}.png")


def systematics(job: EvaluateSystematics, files: EvaluateSystematics.Files) -> None:
    """Write the systematic errors of a model's figures.

    Raises:
        BoostflowError: see `varied.measure`.
    """
    known = read_json(files.nominal)
    result = varied.measure(job, files, known)
    write_json(files.figures, {"model": known["model"]} | result)


def plot_systematics(job: PlotSystematics, files: PlotSystematics.Files) -> None:
    """Draw the plots of `plots.names.systematic_plots` as PNG files into a folder.

    Raises:
        BoostflowError: the file of the errors is missing or is not JSON.
    """
    result, text = read_json(files.figures), job.label
    with style():
        save(draw_errors.roc(result, text), files.plots / "roc_systematics.png")
        figure = draw_errors.auc_shifts(result, job.titles, text)
        save(figure, files.plots / "auc_systematics.png")
        if "significance" in result:
            figure = draw_errors.significance(result, job.scores, text)
            save(figure, files.plots / "significance_systematics.png")


def comparison(job: Compare, files: Compare.Files) -> None:
    """Compare the reference and each other model on the same test jets.

    Raises:
        BoostflowError: missing or mismatched files, a single model.
    """
    jets, models = samples_of(files.jets), {}
    for path in files.scores:
        model = path.parent.name
        columns = [quoted.column for quoted in (job.efficiency, job.purity) if quoted is not None]
        wanted = list(dict.fromkeys([*judge.COLUMNS, *columns]))
        table = read_scored(jets, path, wanted, varied.OPTIONAL)
        table["row"] = np.arange(len(table["label"]))
        models[model] = judge.classified(table, job.judged[model])
    seed = derive(job.seed, "compare")
    result = compare.compare(models, job.reference, job.bootstrap, seed, job.efficiency, job.purity)
    write_json(files.figures, result)
    with style():
        save(draw_errors.comparison(result, job.label), files.plot)
        for path in files.purity:
            save(purity.of_all(result["pairs"], job.label), path)


def anomaly(job: CompareEvents, files: CompareEvents.Files) -> None:
    """Compare clusterings of events, write figures and a plot.

    Raises:
        BoostflowError: a file is missing or is not JSON.
    """
    summary = of_events.compare([read_json(path) for path in files.evaluations])
    write_json(files.figures, summary)
    with style():
        save(draw_events.scan(summary, job.titles, job.label), files.plot)

"""All plots of one model's evaluation, by the names that its task and its family give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from matplotlib.figure import Figure

from boostflow.errors import BoostflowError
from boostflow.jobs.models import Evaluate
from boostflow.models.family import Role, families
from boostflow.plots import (
    anomaly,
    compression,
    decorrelated,
    detector,
    efficiency,
    models,
    monitoring,
    purity,
    regression,
    showers,
    trigger,
)
from boostflow.plots.names import HISTORY, task_plots
from boostflow.scored import Table


def plots(
    job: Evaluate,
    files: Evaluate.Files,
    figures: Mapping[str, Any],
    jets: Table,
    metrics: Mapping[str, Any],
) -> Iterator[tuple[str, Figure]]:
    """The plots of `plots.names.model_plots`, each with its name, one after the other.

    Args:
        job: how the model is judged, and the text above the plots.
        files: of the job.
        figures: of merit, from `evaluate.judge`.
        jets: behind them.
        metrics: the model's metrics.json.

    Raises:
        BoostflowError: there is no history to draw, or the family draws other plots than it names.
    """
    text, judged = job.label, job.judged
    family = families()[job.kind]
    functions: dict[str, Callable[[], Figure]] = {
        "roc": lambda: models.roc(figures, text),
        "confusion": lambda: models.confusion(figures, text),
        "scores": lambda: models.scores(figures, text),
        "decorrelation": lambda: decorrelated.spectra(figures["decorrelation"], text),
        "significance": lambda: models.significance(figures, judged.scores, text),
        "accuracy": lambda: models.accuracy(figures, text),
        "embedding": lambda: models.embedding(jets, judged.columns(Role.EMBEDDING), figures, text),
        "mass": lambda: models.mass(jets, figures, text),
        "planes": lambda: anomaly.planes(jets, figures, text),
        "clusters": lambda: anomaly.clusters(figures, text),
        "bits": lambda: compression.bits(figures, text),
        "detection": lambda: detector.detection(figures, text),
        "improvement": lambda: detector.improvement(figures, text),
        "sculpting": lambda: detector.sculpting(figures, text),
        "shapes": lambda: showers.shape_plots(jets, figures, text),
        "resolution": lambda: showers.resolution(figures, text),
        "mean_showers": lambda: showers.mean_showers(jets, text),
        "showers": lambda: showers.single_showers(jets, text),
        "bias": lambda: regression.bias(figures, text),
        "response": lambda: regression.response(figures, text),
        "finding": lambda: regression.finding(figures, text),
        "priors": lambda: regression.priors(figures, text),
        "closure": lambda: regression.closure(figures, text),
    }
    for name in task_plots(judged.task, judged.unit, judged.scores, job.tables):
        if name != "significance" or name in figures:
            yield name, functions[name]()
    if "efficiency" in figures:
        yield "efficiency", efficiency.at_mistag(figures["efficiency"], text)
    if "purity" in figures:
        yield "purity", purity.of_model(figures["purity"], text)
    if "trigger" in figures:
        yield "rate", trigger.rate(figures["trigger"], text)
        yield "turn_on", trigger.turn_on(figures["trigger"], text)
    if "monitoring" in figures:
        yield "shifters", monitoring.page(figures["monitoring"], text)
    yield HISTORY, models.history(metrics, family.history_axis, text)
    if not job.own_plots:
        return
    own = family.module("plots").draw(job, files, figures, jets)
    if sorted(own) != sorted(job.own_plots):
        raise BoostflowError(
            f"models.{job.name}: the family {job.kind} draws {', '.join(own) or 'nothing'}, but"
            f" names {', '.join(job.own_plots)} as its plots"
        )
    yield from own.items()

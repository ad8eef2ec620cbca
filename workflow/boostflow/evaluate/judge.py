"""How a model is judged: by its task and what it scores, from columns whose roles are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from boostflow.errors import BoostflowError
from boostflow.evaluate import (
    anomaly,
    classifier,
    clusterer,
    compression,
    decorrelated,
    detector,
    efficiency,
    monitoring,
    purity,
    regression,
    showers,
    trigger,
)
from boostflow.io import read_json
from boostflow.jobs.models import Evaluate, Judged
from boostflow.models.family import Role, Task, Unit, families
from boostflow.scored import TEST, TRAIN, Table, read_scored, read_scores, samples_of
from boostflow.seeds import derive

COLUMNS = ["split", "weight", "candidate"]
"""Columns of the selected jets that every figure of merit of jets needs."""

Found = tuple[dict[str, Any], Table]
"""Figures of merit, and the test jets (or events) behind them."""


def figures_of(job: Evaluate, files: Evaluate.Files) -> Found:
    """Figures of merit of a model on the test split.

    Raises:
        BoostflowError: there is no such way of judging, missing or mismatched files, a score table
            without the model's columns, a class without jets, NaN scores.
    """
    figures, jets = _by_task(job, files)
    asked = job.evaluate.monitoring
    if asked is not None and job.judged.task in (Task.CLASSIFY, Task.DETECT):
        columns = list(dict.fromkeys(["split", *asked.columns()]))
        table = read_scored(samples_of(files.jets), files.scores, columns, [])
        about = read_json(files.model / "manifest.json")
        features = about.get("features") or about["config"].get("features", [])
        figures["monitoring"] = monitoring.evaluate(
            table, job.judged, features, asked, job.evaluate.bootstrap, _seed(job)
        )
    return figures, jets


def _by_task(job: Evaluate, files: Evaluate.Files) -> Found:
    way = WAYS.get((job.judged.task, job.judged.unit))
    if way is None:
        raise BoostflowError(
            f"models.{job.name}: nothing judges a model of task {job.judged.task} that scores each"
            f" {job.judged.unit}"
        )
    return way(job, files)


def _seed(job: Evaluate) -> int:
    return derive(job.seed, "evaluate", job.name)


def _classifier(job: Evaluate, files: Evaluate.Files) -> Found:
    jets = samples_of(files.jets)
    unknown = [name for name in job.signal if name not in jets]
    if unknown:
        raise BoostflowError(f"unknown signal sample {', '.join(unknown)}")
    quoted, pure, asked = job.evaluate.efficiency, job.evaluate.purity, job.evaluate.trigger
    columns = [
        *COLUMNS,
        *([quoted.column] if quoted else []),
        *([pure.column] if pure else []),
        *(["pt", asked.column] if asked else []),
    ]
    table = read_scored(jets, files.scores, list(dict.fromkeys(columns)), [])
    figures, test = classifier.evaluate(
        table, job.judged, job.evaluate, job.signal, job.luminosity, _seed(job)
    )
    if quoted is not None:
        part = classifier.classified(table, job.judged)
        figures["efficiency"] = efficiency.evaluate(
            part, quoted, job.evaluate.bootstrap, _seed(job)
        )
    if pure is not None:
        part = classifier.classified(table, job.judged)
        figures["purity"] = purity.evaluate(part, pure, job.evaluate.bootstrap, _seed(job))
    if asked is not None:
        part = classifier.classified(table, job.judged)
        figures["trigger"] = trigger.evaluate(
            part, trigger.normalised(part, table), asked, job.evaluate.bootstrap, _seed(job)
        )
    if job.decorrelate is not None:
        more = [*COLUMNS, job.decorrelate.mass, "pt"]
        table = read_scored(jets | samples_of(files.beside), files.scores, more, [])
        figures["decorrelation"] = decorrelated.evaluate(
            table,
            job.decorrelate,
            list(figures["auc"]),
            job.evaluate.efficiencies,
            job.evaluate.bootstrap,
            _seed(job),
        )
    return figures, test


def _clusterer(job: Evaluate, files: Evaluate.Files) -> Found:
    family = families()[job.kind]
    own = family.module("figures").baselines if family.figures else None
    columns = [*COLUMNS, *clusterer.COLUMNS]
    table = _clustered(job, files, columns, clusterer.OPTIONAL)
    return clusterer.evaluate(table, job.judged, job.evaluate, _seed(job), own)


def _events(job: Evaluate, files: Evaluate.Files) -> Found:
    table = _clustered(job, files, anomaly.COLUMNS, [])
    return anomaly.evaluate(table, job.judged, job.evaluate.anomaly, _seed(job))


def _compression(job: Evaluate, files: Evaluate.Files) -> Found:
    codec = families()[job.kind].module("codec").trained(files.model)
    columns = list(dict.fromkeys([*COLUMNS, *codec.rounded()]))
    table = read_scored(samples_of(files.jets), files.scores, columns, [])
    return compression.evaluate(table, codec)


def _detector(job: Evaluate, files: Evaluate.Files) -> Found:
    jets = samples_of(files.jets)
    masses = [] if job.tables else detector.OPTIONAL
    table = read_scored(jets, files.scores, COLUMNS, masses)
    figures, test = detector.evaluate(table, job.judged, job.evaluate, _seed(job))
    return figures | {"objects": "rows" if job.tables else "jets"}, test


def _generator(job: Evaluate, files: Evaluate.Files) -> Found:
    found, samples = samples_of(files.jets), job.judged.samples
    used = [path for name, path in found.items() if not samples or name in samples]
    family = families()[job.kind].module("score")
    every = family.read(used)
    test = every.of(TEST)
    cells = family.generate(files.model, test.energy, _seed(job))
    pair = showers.Pair(test.energy, test.cells, cells)
    return showers.evaluate(pair, every.of(TRAIN).cells, job.evaluate.bootstrap, _seed(job))


def _regression(job: Evaluate, files: Evaluate.Files) -> Found:
    config = job.evaluate.regression
    asked = [config.centrality] if config.ranges else []
    assert job.judged.target is not None
    columns = list(dict.fromkeys([*COLUMNS, job.judged.target, *asked]))
    table = read_scored(samples_of(files.jets), files.scores, columns, regression.OPTIONAL)
    return regression.evaluate(table, job.judged, config, job.evaluate.bootstrap, _seed(job))


def _clustered(
    job: Evaluate, files: Evaluate.Files, columns: list[str], optional: list[str]
) -> Table:
    """The jets of the samples that a clustering is judged by."""
    judged, samples = job.judged, job.judged.samples
    require(judged, set(read_scores(files.scores)), str(files.scores))
    jets = samples_of(files.jets)
    used = {name: path for name, path in jets.items() if not samples or name in samples}
    return read_scored(used, files.scores, columns, optional)


def require(judged: Judged, there: set[str], where: str) -> None:
    """Demand that a score table has the columns of a clustering.

    Args:
        judged: with the columns that its family names.
        there: columns of the table.
        where: name of its file.

    Raises:
        BoostflowError: it has not, or the family names none.
    """
    for role in (Role.CLUSTER, Role.DISTANCE):
        named = judged.columns(role)
        if not named:
            raise BoostflowError(f"{where}: a clustering whose scores have no {role}")
        missing = [name for name in named if name not in there]
        if missing:
            raise BoostflowError(f"{where}: no column {', '.join(missing)} of a clustering")


def classified(table: Table, judged: Judged) -> classifier.Classified:
    """The test jets of a model with a score for each class, be it a classifier or a clustering.

    Raises:
        BoostflowError: a class has no test jet, or a score is not finite.
    """
    if judged.task is Task.CLASSIFY:
        return classifier.classified(table, judged)
    require(judged, set(table), "score table")
    return clusterer.classified(table, judged)


WAYS: dict[tuple[Task, Unit], Callable[[Evaluate, Evaluate.Files], Found]] = {
    (Task.CLASSIFY, "jet"): _classifier,
    (Task.CLUSTER, "jet"): _clusterer,
    (Task.CLUSTER, "event"): _events,
    (Task.COMPRESS, "jet"): _compression,
    (Task.DETECT, "jet"): _detector,
    (Task.GENERATE, "jet"): _generator,
    (Task.REGRESS, "jet"): _regression,
}
"""What judges a model, by its task and what it scores."""

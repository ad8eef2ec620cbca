"""Checks of how models are evaluated."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from boostflow.config.config import Config
from boostflow.config.problems import Place, Problem
from boostflow.models.family import tells_classes


def check(config: Config, at: Place) -> Iterator[Problem]:
    """Samples and classes that figures of merit name exist, and can be told from others."""
    here = at / "evaluate" / "anomaly"
    anomaly = config.evaluate.anomaly
    for name in anomaly:
        if name not in config.samples:
            yield here.unknown("sample", name, config.samples)
    for name, model in config.event_models().items():
        trained = config.trained_on(model)
        found = set(trained) & set(anomaly)
        if not found or found == set(trained):
            yield here.problem(
                f"must name some, not all, of the samples of models.{name}, which has"
                f" `unit: event`: {', '.join(trained)}"
            )
    if config.models:
        yield from _reference(config, at / "evaluate" / "reference")
    if config.models and "rejection" in config.evaluate.model_fields_set:
        yield from _rejection(config, at / "evaluate" / "rejection")
    if config.models and config.evaluate.efficiency is not None:
        yield from _efficiency(config, at / "evaluate" / "efficiency")
    if config.models and config.evaluate.purity is not None:
        yield from _purity(config, at / "evaluate" / "purity")
    if config.models and config.evaluate.trigger is not None:
        yield from _trigger(config, at / "evaluate" / "trigger")
    if config.models and config.evaluate.monitoring is not None:
        yield from _monitoring(config, at / "evaluate" / "monitoring")
    asked = config.evaluate.regression
    if config.models and asked.ranges and asked.centrality not in config.columns():
        yield (at / "evaluate" / "regression" / "centrality").unknown(
            "column", asked.centrality, config.columns()
        )


def _monitoring(config: Config, at: Place) -> Iterator[Problem]:
    """Columns and the class exist, of tables."""
    block = config.evaluate.monitoring
    assert block is not None
    if not config.of_tables():
        yield at.problem("is for rows of tables, which have a time: jets have none")
        return
    known, labels = config.columns(), config.labels()
    for key in ("time", "truth", "culprit", "kind"):
        name = getattr(block, key)
        if name is not None and name not in known:
            yield (at / key).unknown("column", name, known)
    for name in block.parameters:
        if name not in known:
            yield (at / "parameters").unknown("column", name, known)
    if block.flagged not in labels:
        yield (at / "flagged").unknown("class", block.flagged, labels)
    if block.kinds and block.kind is None:
        yield (at / "kind").problem("is missing: name the column that tells the kinds")


def _reference(config: Config, at: Place) -> Iterator[Problem]:
    """The reference is one of the models that are compared."""
    name = config.evaluate.reference
    if name is None:
        return
    if name not in config.models:
        yield at.unknown("model", name, config.models)
    elif not tells_classes(config.models[name]):
        compared = [other for other, block in config.models.items() if tells_classes(block)]
        yield at.problem(
            f"{name} has no score for each class of a jet; those that have:"
            f" {', '.join(compared) or 'none'}"
        )


def _classes(at: Place, named: Iterable[str], labels: Collection[str]) -> Iterator[Problem]:
    """The named classes exist."""
    for label in named:
        if label not in labels:
            yield at.unknown("class", label, labels)


def _efficiency(config: Config, at: Place) -> Iterator[Problem]:
    """Classes and the column exist, and no class is there twice."""
    block, labels = config.evaluate.efficiency, config.labels()
    assert block is not None
    for key, named in (
        ("signal", [block.signal]),
        ("background", [block.background]),
        ("others", block.others),
    ):
        yield from _classes(at / key, named, labels)
    if len(set(block.classes())) < len(block.classes()):
        yield at.problem(f"a class is named twice: {', '.join(block.classes())}")
    if block.column not in config.columns():
        yield (at / "column").unknown("column", block.column, config.columns())


def _purity(config: Config, at: Place) -> Iterator[Problem]:
    """Classes and the column exist, and no class is there twice."""
    block, labels = config.evaluate.purity, config.labels()
    assert block is not None
    yield from _classes(at / "signals", block.signals, labels)
    if len(set(block.signals)) < len(block.signals):
        yield (at / "signals").problem(f"a class is named twice: {', '.join(block.signals)}")
    if block.column not in config.columns():
        yield (at / "column").unknown("column", block.column, config.columns())


def _trigger(config: Config, at: Place) -> Iterator[Problem]:
    """Classes exist, and no line looks for background."""
    block, labels = config.evaluate.trigger, config.labels()
    assert block is not None
    yield from _classes(at / "background", block.background, labels)
    for name, item in block.menu.items():
        here = at / "menu" / name / "signal"
        if item.signal not in labels:
            yield here.unknown("class", item.signal, labels)
        elif item.signal in block.background:
            yield here.problem(f"{item.signal} is background: name another class")


def _rejection(config: Config, at: Place) -> Iterator[Problem]:
    labels = config.labels()
    for signal, backgrounds in config.evaluate.rejection:
        if not backgrounds or signal in backgrounds:
            yield at.problem(f"{signal} needs other classes against it")
        for label in (signal, *backgrounds):
            if label not in labels:
                yield at.unknown("class", label, labels)

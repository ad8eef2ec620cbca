"""Checks of tables: what is for jets has no place beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from boostflow.config.config import Config
from boostflow.config.files import find
from boostflow.config.problems import Place, Problem
from boostflow.config.samples import is_table
from boostflow.config.systematics import AnySystematic, Shift
from boostflow.errors import BoostflowError
from boostflow.models.family import Task
from boostflow.weightfile import WeightCorrection


def check(config: Config, at: Place) -> Iterator[Problem]:
    """All samples are tables or none is, and nothing is asked that only jets have."""
    by = config.select.split.by
    if by is not None and not config.of_tables():
        yield (at / "select" / "split" / "by").problem("is for tables: jets are split by a hash")
    if not config.of_tables():
        return
    if by is not None and by not in config.columns():
        yield (at / "select" / "split" / "by").unknown("column", by, config.columns())
    table = next(name for name, sample in config.samples.items() if is_table(sample))
    for name, sample in config.samples.items():
        if not is_table(sample):
            yield (at / "samples" / name / "source").problem(
                f"{sample.source} is of jets, but {table} of rows of tables: put them into"
                " configurations of their own"
            )
    for key in sorted(config.select.model_fields_set - {"split", "corrections"}):
        yield (at / "select" / key).problem(
            "is for jets: limits of columns of tables are `where` of a sample"
        )
    if config.background is not None:
        yield (at / "background").problem("estimates are of jets, not of tables: set it to null")
    for name, model in config.models.items():
        here = at / "models" / name
        if model.reads().constituents:
            yield here.problem("reads constituents of jets, which rows of tables have none of")
        elif model.task() not in (Task.CLASSIFY, Task.DETECT, Task.GENERATE):
            yield here.problem(
                f"nothing judges a model of task {model.task()} of rows of tables: they classify,"
                " detect or generate"
            )
        for key in ("decorrelate", "planing"):
            if getattr(model, key, None) is not None:
                yield (here / key).problem("is for masses of jets: leave it out")


def shifts(
    config: Config, systematics: Mapping[str, AnySystematic], at: Place
) -> Iterator[Problem]:
    """Shifts are of columns where the objects are rows of tables, and of jets elsewhere.

    Args:
        config: the configuration.
        systematics: by name.
        at: the file of the systematics.
    """
    for name, declared in systematics.items():
        if not isinstance(declared, Shift):
            continue
        here = at / name / "column"
        if declared.column is None and config.of_tables():
            yield here.problem("is missing: rows of tables have no energy, name what is shifted")
        elif declared.column is not None and not config.of_tables():
            yield here.problem("is for tables: of jets `quantity` says what is shifted")
        elif declared.column is not None and declared.column not in config.columns():
            yield here.unknown("column", declared.column, config.columns())


def corrections(
    config: Config,
    systematics: Mapping[str, AnySystematic],
    root: Path,
    at: Place,
    declared_at: Place,
) -> Iterator[Problem]:
    """Corrections that shift columns are in the file, and take columns of the tables.

    Args:
        config: the configuration.
        systematics: by name.
        root: folder of the repository.
        at: the file of the configuration.
        declared_at: the file of the systematics.
    """
    for name, declared in systematics.items():
        if not isinstance(declared, Shift) or not declared.column or not declared.correction:
            continue
        path = find(config.select.corrections, root)
        if path is None:
            missing = f"no such file: {config.select.corrections}"
            yield (at / "select" / "corrections").problem(missing)
            return
        here = declared_at / name / "correction"
        try:
            found = WeightCorrection(path, declared.correction)
        except BoostflowError as error:
            yield here.problem(str(error))
            continue
        for column in found.inputs:
            if column not in config.columns():
                yield here.unknown("column", column, config.columns())

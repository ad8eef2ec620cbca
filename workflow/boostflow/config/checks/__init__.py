"""What types cannot say of a configuration: a module for each stage, each yields its problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from boostflow.config.checks import (
    background,
    blinding,
    evaluate,
    fit,
    models,
    output,
    samples,
    select,
    systematics,
    tables,
    weights,
)
from boostflow.config.config import Config
from boostflow.config.problems import Place, Problem
from boostflow.config.systematics import AnySystematic

__all__ = ["background", "of_config", "of_files", "systematics"]


def of_config(config: Config, at: Place) -> Iterator[Problem]:
    """What is wrong with a configuration by itself: names that must exist elsewhere in it.

    Args:
        config: the configuration.
        at: its file.
    """
    for stage in (
        *(output, samples, tables, weights, select, models, evaluate, fit),
        *(background, blinding),
    ):
        yield from stage.check(config, at)


def of_files(
    config: Config,
    declared: Mapping[str, AnySystematic],
    root: Path,
    at: Place,
    declared_at: Place,
) -> Iterator[Problem]:
    """What is wrong with the files that a configuration names, which are opened for that.

    Args:
        config: the configuration.
        declared: its systematics by name.
        root: folder of the repository.
        at: the file of the configuration.
        declared_at: the file of the systematics.
    """
    yield from select.corrections(config, declared, root, at, declared_at)
    yield from tables.corrections(config, declared, root, at, declared_at)
    yield from samples.golden_json(config, root, at)
    yield from weights.corrections(config, root, at)
    yield from select.veto(config, root, at)

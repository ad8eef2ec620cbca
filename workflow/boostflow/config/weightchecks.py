"""What is wrong with the weights of samples that types cannot say: names, files, corrections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from boostflow.config.config import Config
from boostflow.config.files import brace_fault
from boostflow.config.samples import RootSample
from boostflow.config.weights import (
    SampleWeight,
    branch_column,
    carried,
    relative_column,
)
from boostflow.errors import BoostflowError
from boostflow.ingest.features import weight_columns
from boostflow.weightfile import WeightCorrection

BUILT_IN = weight_columns("PSWeight", 4)
"""Columns of relative weights that a weight of another name could also make."""


def problems(config: Config) -> Iterator[str]:
    """Weights that cannot be: of collision data, of names that are taken, of other branches."""
    for name, sample in config.samples.items():
        if not isinstance(sample, RootSample) or not sample.weights:
            continue
        key = f"samples.{name}.weights"
        if sample.data:
            yield f"{key}: is for simulation; collision data are not weighted"
        for weight in sample.weights:
            columns = {relative_column(weight, side) for side in ("up", "down")}
            if taken := sorted(columns.intersection(BUILT_IN)):
                yield f"{key}.{weight}: {', '.join(taken)} is that of PSWeight; rename it"
        columns: dict[str, str] = {}
        for branch in carried(sample.weights):
            other = columns.setdefault(branch_column(branch), branch)
            if other != branch:
                yield f"{key}: {branch} and {other} would be the same column; rename one of them"


def file_problems(config: Config, find: Callable[[str], Path | None]) -> list[str]:
    """Corrections that are not there, or take other inputs than they are given.

    Args:
        config: the configuration.
        find: where a file of the project is.
    """
    found = []
    for name, sample in config.samples.items():
        for weight, block in getattr(sample, "weights", {}).items():
            key = f"samples.{name}.weights.{weight}"
            found += [f"{key}.{text}" for text in _of_correction(block, find)]
    return found


def _of_correction(block: SampleWeight, find: Callable[[str], Path | None]) -> list[str]:
    if block.file is None or block.correction is None:
        return []
    if fault := brace_fault(block.file):
        return [f"file: {fault}"]
    path = find(block.file)
    if path is None:
        return [f"file: no such file: {block.file}"]
    try:
        correction = WeightCorrection(path, block.correction)
    except BoostflowError as error:
        return [f"file: {error}"]
    found = []
    for side in block.sides():
        values = block.source(side)
        own = block.nominal if side == "nominal" else getattr(block, side)
        assert isinstance(values, dict)
        for name, text in correction.problems(block.inputs, values):
            if name in own:
                found.append(f"{side}.{name}: {text}")
            elif side == "nominal":
                found.append(f"inputs.{name}: {text}")
    return found

"""Checks of the weights of samples: their names, their branches, their corrections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from boostflow.config.config import Config
from boostflow.config.files import brace_fault, find
from boostflow.config.problems import Place, Problem
from boostflow.config.samples import RootSample
from boostflow.config.weights import (
    VARIED,
    SampleWeight,
    branch_column,
    carried,
    relative_column,
)
from boostflow.errors import BoostflowError
from boostflow.theory import branch_of
from boostflow.weightfile import WeightCorrection


def check(config: Config, at: Place) -> Iterator[Problem]:
    """Weights are of simulation, and their columns are no other weight's or branch's."""
    for name, sample in config.samples.items():
        if not isinstance(sample, RootSample) or not sample.weights:
            continue
        here = at / "samples" / name / "weights"
        if sample.data:
            yield here.problem("is for simulation; collision data are not weighted")
        for weight in sample.weights:
            made = [relative_column(weight, side) for side in VARIED]
            if taken := [column for column in made if branch_of(column)]:
                text = (
                    f"{', '.join(taken)} would be columns of {branch_of(taken[0])}, too; rename it"
                )
                yield (here / weight).problem(text)
        columns: dict[str, str] = {}
        for branch in carried(sample.weights):
            other = columns.setdefault(branch_column(branch), branch)
            if other != branch:
                yield here.problem(f"{branch} and {other} would be the same column; rename one")


def corrections(config: Config, root: Path, at: Place) -> Iterator[Problem]:
    """Files of corrections are there, have the correction, and it takes what it is given.

    Args:
        config: the configuration.
        root: folder of the repository.
        at: the file of the configuration.
    """
    for name, sample in config.samples.items():
        for weight, block in sample.weights.items() if isinstance(sample, RootSample) else ():
            yield from _correction(block, root, at / "samples" / name / "weights" / weight)


def _correction(block: SampleWeight, root: Path, at: Place) -> Iterator[Problem]:
    if block.file is None or block.correction is None:
        return
    path = find(block.file, root)
    if fault := brace_fault(block.file):
        yield (at / "file").problem(fault)
        return
    if path is None:
        yield (at / "file").problem(f"no such file: {block.file}")
        return
    try:
        correction = WeightCorrection(path, block.correction)
    except BoostflowError as error:
        yield (at / "file").problem(str(error))
        return
    for side in block.sides():
        values = block.source(side)
        own = block.nominal if side == "nominal" else getattr(block, side)
        assert isinstance(values, dict)
        for name, text in correction.problems(block.inputs, values):
            if name in own:
                yield (at / side / name).problem(text)
            elif side == "nominal":
                yield (at / "inputs" / name).problem(text)

"""Training and scores of families that take deviations and learn nothing of jets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import read_json
from boostflow.models.deviations import DeviationsBlock
from boostflow.models.tabular import SPLITS, matrix, of_split, read
from boostflow.training.manifest import model_folder

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

Probabilities = Callable[[NDArray, Any, Sequence[str]], NDArray]
"""From deviations of shape (jets, columns), as `block.columns()` names them (NaN where there is
none), the block, and classes, to probabilities of shape (jets, classes) that add up to 1."""


def write(job: Train, files: Train.Files, probabilities: Probabilities) -> None:
    """Write the folder of the model: metrics.json, manifest.json.

    Args:
        job: the model's block.
        files: selected jets, and the folder to write.
        probabilities: of the family.

    Raises:
        BoostflowError: a class without deviations or without jets in a split, a column that is
            missing or infinite.
    """
    start = time.monotonic()
    block = job.model
    assert isinstance(block, DeviationsBlock)
    rows = read(files.jets, block.columns(), optional=False, planing=block.planing, missing=None)
    if lost := [name for name in rows.classes if name not in block.deviations]:
        raise BoostflowError(f"there are no `deviations` of class {', '.join(lost)}")
    loss = {}
    for name in SPLITS:
        x, y, weight = of_split(rows, block, name)
        p = np.maximum(probabilities(x, block, rows.classes)[np.arange(len(y)), y], 1e-12)
        loss[name] = float(-np.sum(weight * np.log(p)) / weight.sum())
    history = {"loss": [loss["train"]], "validation_loss": [loss["validation"]]}
    with model_folder(files, block, start, {"history": history}, classes=rows.classes):
        pass


def scores(
    model: Path, jets: ak.Array, block_type: type[DeviationsBlock], probabilities: Probabilities
) -> dict[str, NDArray[np.float32]]:
    """Class probabilities, `p_<class>`, each of shape (jets,).

    Args:
        model: its folder.
        jets: with the columns of deviations.
        block_type: of the family.
        probabilities: of the family.
    """
    about = read_json(model / "manifest.json")
    block = block_type.model_validate(about["config"])
    values = matrix(jets, block.columns(), "jets", missing=None)
    found = probabilities(values, block, about["classes"]).astype(np.float32)
    return {f"p_{name}": found[:, i] for i, name in enumerate(about["classes"])}


def by_class(values: NDArray, block: DeviationsBlock, classes: Sequence[str]) -> NDArray:
    """The deviations of each class, shape (jets, classes, detectors); NaN where there is none.

    A detector that has none of one class has none of all: classes are compared by the same values.

    Args:
        values: of `block.columns()`, shape (jets, columns).
        block: which columns are deviations from which class.
        classes: in the order of the result.
    """
    columns = block.columns()
    places = [[columns.index(x) for x in block.deviations[name]] for name in classes]
    found = values[:, places].astype(float)
    return np.where(np.isnan(found).any(axis=1, keepdims=True), np.nan, found)

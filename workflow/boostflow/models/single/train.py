"""What a cut learns: how the observable is distributed, so that its order becomes a probability."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import write_json
from boostflow.models.single.block import Single
from boostflow.models.single.score import NODES, probabilities
from boostflow.models.tabular import SPLITS, of_split, read
from boostflow.training.manifest import model_folder

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

log = logging.getLogger("single")

MOST = 1000
"""Nodes of the distribution, at most."""


def train(job: Train, files: Train.Files) -> None:
    """Write the distribution of the observable in training jets, all classes in equal parts.

    Args:
        job: the model's block.
        files: selected jets, and the folder to write: observable.json, metrics.json, manifest.json.

    Raises:
        BoostflowError: no jets of the signal, fewer than two classes, a class without jets in a
            split, or an observable that is missing or not finite.
    """
    start = time.monotonic()
    block = job.model
    assert isinstance(block, Single)
    rows = read(files.jets, [block.observable], optional=False, planing=block.planing)
    if block.signal not in rows.classes:
        raise BoostflowError(
            f"there are no jets of class {block.signal}, only of {', '.join(rows.classes)}"
        )
    parts = {name: of_split(rows, block, name) for name in SPLITS}
    x, _, weight = parts["train"]
    nodes = _distribution(x[:, 0], weight)
    loss = {
        name: _loss(probabilities(x[:, 0], nodes, block, rows.classes), y, w)
        for name, (x, y, w) in parts.items()
    }
    history = {"loss": [loss["train"]], "validation_loss": [loss["validation"]]}
    found = {"history": history}
    with model_folder(files, block, start, found, classes=rows.classes) as folder:
        write_json(folder / NODES, nodes)
    log.info("%s of %d jets", block.observable, len(weight))


def _distribution(values: NDArray, weight: NDArray) -> dict[str, list[float]]:
    """Distinct values, thinned, and the part of the jets below each, with half of those at it."""
    x, place = np.unique(values, return_inverse=True)
    at = np.bincount(place, weight)
    below = (np.cumsum(at) - at / 2) / at.sum()
    # As many jets between two nodes.
    kept = np.unique(np.searchsorted(below, np.linspace(0, below[-1], MOST)))
    return {"value": x[kept].tolist(), "below": below[kept].tolist()}


def _loss(p: NDArray, y: NDArray, weight: NDArray) -> float:
    """Mean cross-entropy."""
    mine = np.maximum(p[np.arange(len(y)), y], 1e-12)
    return float(-np.sum(weight * np.log(mine)) / weight.sum())

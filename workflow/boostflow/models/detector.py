"""Trainings and scores of detectors: standardised observables of normal jets, arrays that score.

A detector is its arrays, in `detector.npz`, and a function of them and of the observables.
"""

from __future__ import annotations

import logging
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow import keyed
from boostflow.averages import distances
from boostflow.errors import BoostflowError
from boostflow.io import read_flat, read_json
from boostflow.models.causes import largest
from boostflow.models.detecting import ERROR, DetectorBlock
from boostflow.models.following import Follow
from boostflow.models.inputs import scale
from boostflow.models.tabular import SPLITS, Rows, matrix, read
from boostflow.training.manifest import model_folder

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

log = logging.getLogger("detector")

FILE = "detector.npz"
FEWEST = 20
"""Normal jets that a training needs."""

Arrays = Mapping[str, NDArray]
"""What a detector has learned, by name."""
Errors = Callable[[Arrays, NDArray], NDArray]
"""Scores, shape (jets,), of standardised observables, shape (jets, features)."""
Shares = Callable[[Arrays, NDArray], NDArray]
"""What each feature adds to the score, shape (jets, features), of standardised observables."""


def train(
    job: Train,
    files: Train.Files,
    learn: Callable[[NDArray, DetectorBlock], dict[str, NDArray]],
    history: Callable[[Arrays, NDArray], list[float]],
) -> None:
    """Train a detector on the normal jets of the training split, each of which counts alike.

    Args:
        job: the model's block.
        files: selected jets, and the folder to write: detector.npz, metrics.json, manifest.json.
        learn: makes the arrays of standardised observables, shape (jets, features).
        history: how the loss falls while the detector grows, of the arrays and such observables.

    Raises:
        BoostflowError: too few jets, or an observable that is missing or not finite.
    """
    start = time.monotonic()
    block = job.model
    assert isinstance(block, DetectorBlock)
    given = prepared(files.jets, block)
    block = block.model_copy(update={"features": given.features})
    arrays = learn(given.x["train"], block)
    losses = {name: history(arrays, part) for name, part in given.x.items()}
    found = {"history": {"loss": losses["train"], "validation_loss": losses["validation"]}}
    size = int(sum(part.size for part in arrays.values()))
    with model_folder(files, block, start, found, parameters=size) as folder:
        given.write(folder, arrays)
    log.info("%d jets, %d features", len(given.x["train"]), len(given.features))


class Prepared(NamedTuple):
    """What a detector learns from."""

    features: list[str]
    """Names of the columns."""
    mean: NDArray[np.float32]
    """Of the training jets, shape (features,)."""
    spread: NDArray[np.float32]
    """Their standard deviations, shape (features,)."""
    x: dict[str, NDArray]
    """Standardised observables by split, shape (jets, features) each."""

    def write(self, folder: Path, arrays: Arrays) -> None:
        """Write the detector's file, with what it has learned."""
        # Not compressed: the bytes of a file that a library compresses change with its version.
        scales = {"mean": self.mean, "spread": self.spread}
        np.savez(folder / FILE, allow_pickle=False, **scales, **arrays)


def prepared(inputs: Sequence[Path], block: DetectorBlock) -> Prepared:
    """Read the jets that a detector learns from.

    Args:
        inputs: selected jets, one file a sample.
        block: of the model.

    Raises:
        BoostflowError: too few jets, or an observable that is missing or not finite.
    """
    rows = read(inputs, block.features, optional=block.standard(), fewest=1)
    if block.follow is not None:
        name = block.follow.time
        when = np.concatenate([read_flat(path, [name])[name] for path in inputs])
        rows = rows._replace(x=followed(rows.x, when, block.follow))
    parts = {name: rows.x[chosen(rows, block, code)] for name, code in SPLITS.items()}
    mean, spread = scale(parts["train"])
    x = {name: (part - mean) / spread for name, part in parts.items()}
    return Prepared(rows.features, mean, spread, x)


def followed(x: NDArray, time: NDArray, follow: Follow) -> NDArray[np.float32]:
    """Features as distances from moving averages; see `averages.distances`."""
    return distances(x, time, follow.halflife, follow.clip)


def chosen(rows: Rows, block: DetectorBlock, split: int) -> NDArray[np.intp]:
    """Rows of the jets of one split that a detector learns from, ascending.

    They are all normal jets, and as many of each contaminating sample or class as its part of the
    whole says; which ones follows from their `event_id` and the seed.

    Args:
        rows: the jets of all samples.
        block: what is normal, and what contaminates.
        split: as `boostflow.select.split` numbers it.

    Raises:
        BoostflowError: there are too few.
    """
    label = np.where(rows.labelled, np.asarray(rows.classes)[rows.y], "")
    sample = np.asarray(rows.samples)[rows.sample]

    def of(*names: str) -> NDArray[np.intp]:
        mine = (np.isin(label, names) | np.isin(sample, names)) & (rows.split == split)
        return np.flatnonzero(mine)

    normal = of(*block.normal)
    if len(normal) < FEWEST:
        raise BoostflowError(
            f"{len(normal)} normal jets ({', '.join(block.normal)}) in one of the splits to learn"
            f" from, at least {FEWEST} are needed: simulate more events"
        )
    found = [normal]
    rest = 1 - sum(block.contamination.values())
    for name, part in block.contamination.items():
        there = np.setdiff1d(of(name), normal)
        wanted = round(len(normal) * part / rest)
        if wanted > len(there):
            raise BoostflowError(
                f"contamination.{name}: {wanted} jets make {part:g} of the training jets, there are"
                f" {len(there)}: simulate more events, or choose a smaller part"
            )
        order = np.argsort(keyed.uniform(block.seed, rows.event_id[there]), kind="stable")
        found.append(there[order[:wanted]])
    return np.sort(np.concatenate(found))


def score(
    model: Path, jets: ak.Array, errors: Errors, shares: Shares
) -> dict[str, NDArray[np.float32]]:
    """The score of each jet and its causes, by the names of their columns, shape (jets,) each.

    Args:
        model: folder of the trained detector.
        jets: selected jets.
        errors: of the family.
        shares: of the family.

    Raises:
        BoostflowError: the folder is damaged, or the jets lack an observable.
    """
    path = model / FILE
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        mean, spread = arrays.pop("mean"), arrays.pop("spread")
        about = read_json(model / "manifest.json")
        config = about["config"]
        x = matrix(jets, about.get("features", config["features"]), "jets")
        if config.get("follow") is not None:
            follow = Follow.model_validate(config["follow"])
            x = followed(x, np.asarray(jets[follow.time], np.float64), follow)
        z = (x - mean) / spread
        found = {ERROR: errors(arrays, z).astype(np.float32)}
        if wanted := config.get("causes", 0):
            found |= largest(shares(arrays, z), wanted)
        return found
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as problem:
        raise BoostflowError(
            f"{path}: is no trained detector ({problem}): remove the folder, and the model is"
            " trained again"
        ) from None

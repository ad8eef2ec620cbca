"""The packed jets that classifiers of constituents train on: made once, read batch by batch.

Beside the particles (`boostflow.constituents.shards`) lies a record of each jet: its place in the
selected jets, class, weight, the mass of a planing, and observables. Jets without a class are left
out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boostflow.constituents import shards
from boostflow.constituents.packing import Layout, Packed
from boostflow.constituents.turning import Turns
from boostflow.errors import BoostflowError
from boostflow.io import parquet_chunks, parquet_rows, require_rows
from boostflow.models.family import family_of
from boostflow.models.networks import TaggerBlock
from boostflow.models.tabular import UNMATCHED, Labelled, matrix, trained_weights
from boostflow.seeds import derive
from boostflow.select.split import TRAIN, VALIDATION
from boostflow.training.data import Batched

if TYPE_CHECKING:
    import awkward as ak
    import tensorflow as tf

    from boostflow.jobs.models import Prepare

SPLITS = {"training": TRAIN, "validation": VALIDATION}
PARTICLES, MASK, OBSERVABLES = "particles", "mask", "observables"
"""Names of inputs of networks; a family may have others in the place of the first two."""

Shapes = Mapping[str, tuple[tuple[int | None, ...], str]]
"""Shape without the axis of the jets, and type, of each input of a network."""


def layout(packing: dict[str, Any]) -> Layout:
    """What is kept of each particle, as `TaggerBlock.packing` says."""
    given = dict(packing["layout"])
    return Layout(tuple(given.pop("features")), **given)


def jet_type(observables: int) -> np.dtype:
    """Type of the record of a jet.

    It has its particles, its place among all jets of the samples, the numbers of its sample and its
    class, the hash of its event, its absolute weight, its mass (GeV, or 0) and observables.
    """
    return np.dtype(
        [
            ("counts", "<i4", (1,)),
            ("row", "<i8"),
            ("sample", "<i4"),
            ("event_id", "<u8"),
            ("truth", "<i4"),
            ("weight", "<f8"),
            ("mass", "<f8"),
            ("observables", "<f4", (observables,)),
        ]
    )


# --- writing --------------------------------------------------------------------------------------


def prepare(job: Prepare, files: Prepare.Files) -> None:
    """Pack the training and validation jets of all samples, a few thousand at a time.

    Args:
        job: a block with what decides the packed jets.
        files: selected jets, and the folder to write.

    Raises:
        BoostflowError: no jets, none with a track, say, fewer than two classes, a file that is
            unreadable or lacks a column, or values that are not finite.
    """
    assert isinstance(job.model, TaggerBlock)
    packing = job.model.packing()
    kept, mass, observables = layout(packing), packing["mass"], packing["observables"]
    require_rows(files.jets)
    sizes, classes = _survey(files.jets)
    columns = [*kept.needed(), *observables, *([] if mass is None else [mass])]
    samples = [path.stem for path in files.jets]
    about = {"packing": packing, "classes": classes, "samples": samples}
    record = jet_type(len(observables))
    before = read = 0
    with shards.written(files.prepared, sizes, len(kept.features), about) as writers:
        for number, path in enumerate(files.jets):
            for i, (place, rows) in enumerate(_rows(path, columns)):
                for name, code in SPLITS.items():
                    mine = np.asarray(rows.split) == code
                    chosen = rows[mine]
                    if not len(chosen):
                        continue
                    packed = kept.pack(chosen, str(path))
                    read += int(packed.counts.sum())
                    jets = np.zeros(len(chosen), record)
                    jets["row"] = before + place[mine]
                    jets["sample"] = number
                    jets["event_id"] = np.asarray(chosen.event_id)
                    jets["counts"] = packed.counts[:, None]
                    jets["truth"] = np.searchsorted(classes, _labels(chosen))
                    jets["weight"] = np.abs(np.asarray(chosen.weight))
                    if mass is not None:
                        jets["mass"] = matrix(chosen, [mass], str(path))[:, 0]
                    if observables:
                        jets["observables"] = matrix(chosen, observables, str(path))
                    writers[name].add(packed, jets, derive(0, "pack", number, i))
            before += parquet_rows(path)
        if sum(sizes.values()) and not read:
            raise BoostflowError(
                f"no labelled jet of {', '.join(samples)} has {job.model.collection}: there is"
                " nothing to train on"
            )


def _survey(inputs: Sequence[Path]) -> tuple[dict[str, int], list[str]]:
    """Labelled jets of each split, and the classes, sorted."""
    sizes, classes = dict.fromkeys(SPLITS, 0), set()
    for path in inputs:
        for rows in parquet_chunks(path, ["split", "label"], 1_000_000):
            labels, split = _labels(rows), np.asarray(rows.split)
            classes |= set(labels)
            for name, code in SPLITS.items():
                sizes[name] += int(np.sum((split == code) & (labels != UNMATCHED)))
    found = sorted(classes - {UNMATCHED})
    if len(found) < 2:
        raise BoostflowError(
            f"a classifier needs at least two classes, the jets have {', '.join(found) or 'none'}"
        )
    return sizes, found


def _labels(rows: ak.Array) -> NDArray[np.str_]:
    return np.asarray(rows.label.to_list(), dtype=str)


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[NDArray[np.int64], ak.Array]]:
    """Labelled jets of a table, and their places in it, some at a time."""
    names = list(dict.fromkeys([*columns, "split", "label", "weight", "event_id"]))
    first = 0
    for rows in parquet_chunks(path, names, shards.CHUNK):
        found = np.flatnonzero(_labels(rows) != UNMATCHED)
        yield first + found, rows[found]
        first += len(rows)


# --- reading --------------------------------------------------------------------------------------


class Jets(shards.Shards, Batched):
    """The packed jets of a split, as a training takes them; constituents stay on disk.

    A batch has the network's inputs in the order of `given`, then classes (B,) and weights (B,).
    """

    def __init__(self, folder: Path, name: str, index: dict[str, Any], block: TaggerBlock) -> None:
        packing = index["packing"]
        self.block = block
        observables = len(packing["observables"])
        super().__init__(folder, name, index, layout(packing).dtype, jet_type(observables))
        self.classes: list[str] = index["classes"]
        self.truth = self.jets["truth"].astype(np.int32)
        where = "train" if name == "training" else name
        columns = ("weight", "mass", "sample", "event_id")
        labelled = Labelled(self.truth, *(self.jets[column] for column in columns))
        self.weight = trained_weights(
            labelled, block, self.classes, index["samples"], where
        ).astype(np.float32)
        self.digest = hashlib.blake2b(
            self.digest.encode() + self.weight.tobytes(), digest_size=16
        ).hexdigest()

    def sizes(self) -> tuple[Sequence[int], NDArray[np.integer]]:
        """Jets in each shard; jets are dealt out to ranks by the number of their constituents."""
        return self.shards, self.work

    @cached_property
    def observables(self) -> NDArray[np.float32]:
        """Observables of each jet, (N, O)."""
        return np.ascontiguousarray(self.jets["observables"])

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        """Shapes and types of a batch."""
        import tensorflow as tf

        return (
            *(
                tf.TensorSpec((None, *shape), tf.dtypes.as_dtype(kind))
                for shape, kind in specified(self.block).values()
            ),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,), tf.float32),
        )

    def batch(self, rows: NDArray[np.int64]) -> tuple[NDArray, ...]:
        """The named jets.

        Raises:
            BoostflowError: a shard is gone.
        """
        return self._of(rows, self.take(rows))

    def learned(self, seed: int, epoch: int) -> Callable[[NDArray[np.int64]], tuple[NDArray, ...]]:
        """Jets as they are, or turned; see `training.data.Batched.learned`."""
        if not self.block.turns():
            return self.batch
        turns = Turns.drawn(len(self), seed, epoch)
        names = self.block.packed_features()
        return lambda rows: self._of(rows, turns[rows].applied(self.take(rows), names))

    def _of(self, rows: NDArray[np.int64], jets: Packed) -> tuple[NDArray, ...]:
        inputs = given(self.block, jets, self.observables[rows])
        return (*inputs.values(), self.truth[rows], self.weight[rows])


def specified(block: TaggerBlock) -> Shapes:
    """Shapes and types of all inputs of a family's network: its own, then the observables."""
    observables = len(block.observables)
    own = family_of(block).module("inputs").shapes(block)
    return {**own, **({OBSERVABLES: ((observables,), "float32")} if observables else {})}


def given(
    block: TaggerBlock, jets: Packed, observables: NDArray[np.float32]
) -> dict[str, NDArray[np.generic]]:
    """All inputs of a family's network by name, in the order of `specified`.

    Args:
        block: of the network.
        jets: N packed jets.
        observables: (N, O), O may be 0.
    """
    own = family_of(block).module("inputs").arrays(block, jets) | {OBSERVABLES: observables}
    return {name: own[name] for name in specified(block)}


def read(folder: Path, block: TaggerBlock) -> tuple[Jets, Jets]:
    """Training and validation jets of a folder that `prepare` made.

    Raises:
        BoostflowError: it is missing, damaged, or was packed with other settings, or a class has no
            jets in a split.
    """
    index = shards.index(folder, block.packing())
    training, validation = (Jets(folder, name, index, block) for name in SPLITS)
    return training, validation


# --- the inputs of a network where its family has no others (`models.family.Gives`) ---------------


def shapes(block: TaggerBlock) -> Shapes:
    """Features of any number of constituents, and a mask."""
    return {
        PARTICLES: ((None, len(block.packed_features())), "float32"),
        MASK: ((None,), "float32"),
    }


def arrays(block: TaggerBlock, jets: Packed) -> dict[str, NDArray[np.float32]]:
    """Features (N, n, F), 0 beyond each jet's constituents, and 1 where there is one (N, n)."""
    features, mask = jets.padded()
    return {PARTICLES: features, MASK: mask}

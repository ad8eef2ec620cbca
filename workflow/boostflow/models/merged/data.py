"""The jets of a merged training: what each part was trained on, jet by jet.

Constituents stay on disk, packed as the parts have them; those that several parts share are read
once. All else comes from the tables of selected jets, in the order of the packed jets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boostflow.constituents import shards
from boostflow.constituents.packing import Packed
from boostflow.constituents.turning import Turns
from boostflow.errors import BoostflowError
from boostflow.io import read_json
from boostflow.models import packed
from boostflow.models.family import families
from boostflow.models.merged.block import Merged
from boostflow.models.merged.score import leaves
from boostflow.models.networks import TaggerBlock
from boostflow.models.tabular import Rows, filled, weights
from boostflow.models.tabular import read as read_table
from boostflow.training.data import Batched

if TYPE_CHECKING:
    import tensorflow as tf


Shape = tuple[tuple[int | None, ...], str]
"""Shape of an input without the axis of the jets, and its type."""


class OfColumns:
    """What a network reads of a split that takes observables."""

    jets = None

    def __init__(self, x: NDArray[np.float32]) -> None:
        """`x`: observables of each jet, (N, O)."""
        self.x = x
        self.shapes: list[Shape] = [(x.shape[1:], "float32")]
        self.digest = hashlib.blake2b(x.tobytes(), digest_size=16).hexdigest()

    def given(
        self, rows: NDArray[np.int64], taken: Mapping[int, Packed], turns: Turns | None = None
    ) -> Iterable[NDArray]:
        """All inputs of the named jets; observables know no side of a jet."""
        return [self.x[rows]]


class OfConstituents:
    """What a network reads of a split that takes packed jets."""

    def __init__(self, block: TaggerBlock, jets: packed.Jets) -> None:
        """Read packed jets as a network does.

        Args:
            block: of the network.
            jets: packed as it reads them; networks may share them.
        """
        self.block, self.jets, self.digest = block, jets, jets.digest
        self.shapes: list[Shape] = list(packed.specified(block).values())

    def given(
        self, rows: NDArray[np.int64], taken: Mapping[int, Packed], turns: Turns | None = None
    ) -> Iterable[NDArray]:
        """All inputs of the named jets.

        Args:
            rows: numbers of the jets.
            taken: their constituents, by the `id` of the packed jets.
            turns: of these jets, if the network learns from turned ones.
        """
        constituents = taken[id(self.jets)]
        if turns is not None and self.block.turns():
            constituents = turns.applied(constituents, self.block.packed_features())
        return packed.given(self.block, constituents, self.jets.observables[rows]).values()


class Jets(Batched):
    """The labelled jets of a split, as `training.adam.Split` says.

    A batch has the inputs of all networks that read jets, one after the other, then classes (B,)
    and weights (B,).
    """

    def __init__(
        self,
        readers: Sequence[OfColumns | OfConstituents],
        truth: NDArray[np.int32],
        weight: NDArray[np.float32],
    ) -> None:
        """Join what networks read.

        Args:
            readers: of the networks, whose jets have the same order.
            truth: number of the class of each jet, (N,).
            weight: of each jet, (N,).
        """
        self.readers, self.truth, self.weight = readers, truth, weight
        shared = {id(reader.jets): reader.jets for reader in readers}
        self.packed = [jets for jets in shared.values() if jets is not None]
        self.shards = self.packed[0].shards if self.packed else [len(truth)]
        self.work = sum((jets.work for jets in self.packed), np.zeros(len(truth), np.int64))
        digest = hashlib.blake2b(truth.tobytes() + weight.tobytes(), digest_size=16)
        for reader in readers:
            digest.update(reader.digest.encode())
        self.digest = digest.hexdigest()

    def __len__(self) -> int:
        return len(self.truth)

    def sizes(self) -> tuple[Sequence[int], NDArray[np.integer]]:
        """Jets in each shard, and the constituents of each jet in all parts."""
        return self.shards, self.work

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        """Shapes and types of a batch."""
        import tensorflow as tf

        return (
            *(
                tf.TensorSpec((None, *shape), tf.dtypes.as_dtype(kind))
                for reader in self.readers
                for shape, kind in reader.shapes
            ),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,), tf.float32),
        )

    def batch(self, rows: NDArray[np.int64]) -> tuple[NDArray, ...]:
        """The named jets.

        Raises:
            BoostflowError: a shard is gone.
        """
        return self._of(rows, None)

    def learned(self, seed: int, epoch: int) -> Callable[[NDArray[np.int64]], tuple[NDArray, ...]]:
        """Jets turned alike for all parts that learn so; see `training.data.Batched.learned`."""
        turns = Turns.drawn(len(self), seed, epoch)
        return lambda rows: self._of(rows, turns[rows])

    def _of(self, rows: NDArray[np.int64], turns: Turns | None) -> tuple[NDArray, ...]:
        taken = {id(jets): jets.take(rows) for jets in self.packed}
        given = [x for reader in self.readers for x in reader.given(rows, taken, turns)]
        return (*given, self.truth[rows], self.weight[rows])


def read(
    config: Merged,
    parts: Sequence[Mapping[str, Any]],
    tables: Sequence[Path],
    folders: Sequence[Path],
) -> tuple[Jets, Jets, list[str]]:
    """Training and validation jets, and the names of the classes.

    Args:
        config: the model's block.
        parts: manifests of the models that are joined.
        tables: selected jets, one file a sample.
        folders: of packed jets, for all parts that read constituents.

    Raises:
        BoostflowError: packed jets that are damaged, missing, or others than those of the tables; a
            class without jets in a split, or a column that is missing or not finite.
    """
    networks = [leaf for part in parts for leaf in leaves(part)]
    columns = dict.fromkeys(name for about in networks for name in about.get("features", ()))
    rows = read_table(tables, list(columns), False, config.planing, missing=None)
    blocks = [families()[about["kind"]].block.model_validate(about["config"]) for about in networks]
    taggers = [block if isinstance(block, TaggerBlock) else None for block in blocks]
    found: dict[Path, tuple[packed.Jets, packed.Jets]] = {}
    places: list[Path | None] = []
    for block in taggers:
        place = None if block is None else _folder_of(block, folders)
        places.append(place)
        if block is not None and place is not None and place not in found:
            found[place] = packed.read(place, block)
    splits = []
    for number, (name, code) in enumerate(packed.SPLITS.items()):
        chosen = (rows.split == code) & rows.labelled
        mine = {place: jets[number] for place, jets in found.items()}
        order = _order(mine, rows, chosen)
        readers: list[OfColumns | OfConstituents] = []
        for about, block, place in zip(networks, taggers, places, strict=True):
            if block is None or place is None:
                names = about["features"]
                at = [rows.features.index(column) for column in names]
                x = rows.x[order][:, at]
                missing = about["config"].get("missing", {})
                readers.append(OfColumns(filled(x, names, "selected jets", missing)))
            else:
                readers.append(OfConstituents(block, mine[place]))
        weight = np.zeros(len(rows.y), np.float32)
        where = "train" if name == "training" else name
        weight[chosen] = weights(rows, chosen, config, where)
        splits.append(Jets(readers, rows.y[order].astype(np.int32), weight[order]))
    training, validation = splits
    return training, validation, rows.classes


def _folder_of(block: TaggerBlock, folders: Sequence[Path]) -> Path:
    """The folder of the jets that are packed as a network reads them."""
    for folder in folders:
        if read_json(folder / shards.INDEX).get("packing") == block.packing():
            return folder
    raise BoostflowError(
        f"none of {', '.join(map(str, folders)) or 'no folders'} holds the packed jets of a part"
        f" (kind {block.kind}): prepare them"
    )


def _order(
    found: Mapping[Path, packed.Jets], rows: Rows, chosen: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Rows of the tables in the order of the packed jets of a split.

    Args:
        found: the packed jets by folder.
        rows: the tables.
        chosen: labelled jets of the split, (jets,).

    Raises:
        BoostflowError: they are not the same jets, or not in one order.
    """
    order = np.flatnonzero(chosen)
    for number, (folder, jets) in enumerate(found.items()):
        mine = jets.jets["row"]
        same = np.array_equal(np.sort(mine), np.flatnonzero(chosen)) and (
            jets.classes == rows.classes
            and np.array_equal(jets.truth, rows.y[mine])
            and np.array_equal(jets.jets["weight"], rows.weight[mine])
        )
        if not same:
            raise BoostflowError(
                f"{folder}: holds other jets than the selected ones: remove it and run again"
            )
        if number and not np.array_equal(mine, order):
            first = next(iter(found))
            raise BoostflowError(
                f"{folder}: its jets have another order than those of {first}: remove both and run"
                " again"
            )
        order = mine
    return order

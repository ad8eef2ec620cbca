"""The input of a training: units shuffled into batches, dealt out to ranks, read ahead.

A unit is what is trained on: a jet or an event. Rows are their numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boostflow.seeds import derive

if TYPE_CHECKING:
    import tensorflow as tf

    from boostflow.training.ranks import Single

READ_AHEAD = 4
"""Batches that are read while the network is busy."""


def steps(units: int, batch: int) -> int:
    """Steps in an epoch of `shuffled`: the same on every rank.

    Args:
        units: in the training split.
        batch: units in a step, of all ranks together.
    """
    return units // min(batch, units)


def shuffled(
    shards: Sequence[int],
    batch: int,
    seed: int,
    epoch: int,
    rank: int = 0,
    size: int = 1,
    work: NDArray[np.integer] | None = None,
) -> Iterator[NDArray[np.int64]]:
    """One rank's rows of each step of an epoch.

    Shards come in random order and so do the units of a shard. The order follows from seed and
    epoch alone: all ranks take the same number of steps and the batches are the same for any
    number of ranks. The units that do not fill a last batch (others in each epoch) are left out.

    Args:
        shards: number of units in each; `[n]` if all are at hand.
        batch: units in a step, of all ranks together.
        seed: of the model.
        epoch: from 0.
        rank: whose share.
        size: number of ranks.
        work: how much there is to do for each unit, shape (units,); a batch is dealt out by
            falling work, so that all ranks have equally much to do.
    """
    rng = np.random.default_rng(derive(seed, "shuffle", epoch))
    ends = np.cumsum(shards)
    firsts = ends - shards
    order = np.concatenate(
        [firsts[s] + rng.permutation(shards[s]) for s in rng.permutation(len(firsts))]
    )
    units = int(ends[-1])
    width = min(batch, units)
    for step in range(steps(units, batch)):
        rows = order[step * width :][:width]
        if work is not None:
            rows = rows[np.argsort(-work[rows], kind="stable")]
        yield rows[dealt(len(rows), rank, size)]


def dealt(n: int, rank: int, size: int) -> NDArray[np.int64]:
    """Positions of n sorted things that a rank gets, dealt out there and back again."""
    rounds, place = np.divmod(np.arange(n), size)
    return np.flatnonzero(np.where(rounds % 2, size - 1 - place, place) == rank)


def in_order(
    rows: NDArray[np.int64], batch: int, rank: int = 0, size: int = 1
) -> Iterator[NDArray[np.int64]]:
    """Batches of a rank's share of some rows, in order.

    The share may be one longer than another rank's.
    """
    share = rows[rank::size]
    for start in range(0, len(share), batch):
        yield share[start : start + batch]


def read_ahead(read: Callable[[], Iterator[Any]], signature: Any) -> tf.data.Dataset:
    """What an iterator yields, as tensors, read by another thread while the network is busy.

    Args:
        read: makes the iterator.
        signature: `tf.TensorSpec` of each array that it yields, nested alike.
    """
    import tensorflow as tf

    # There is nothing to tune, and the tuner looks up 10, 20, 40, ... ms after the start and does
    # not end before its next look: an epoch of 0.9 s took 1.3 s, one of 1.4 s 2.6 s.
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_generator(read, output_signature=signature)
    return data.prefetch(READ_AHEAD).with_options(options)


class Batched:
    """A data set that is read in batches: what units they hold, in which order, by which rank."""

    def sizes(self) -> tuple[Sequence[int], NDArray[np.integer] | None]:
        """Units in each shard, and how much there is to do for each, by which ranks share a batch.

        There is one shard if all are at hand, and null for units that are alike.
        """
        raise NotImplementedError

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        """Shapes and types of a batch: one trace of a function serves all batches."""
        raise NotImplementedError

    def batch(self, rows: NDArray[np.int64]) -> tuple[NDArray, ...]:
        """The named units, the arrays of a batch."""
        raise NotImplementedError

    def learned(self, seed: int, epoch: int) -> Callable[[NDArray[np.int64]], tuple[NDArray, ...]]:
        """What gives the named units of an epoch of the training, where these change at random.

        How a unit is changed follows from seed, epoch and its number alone.
        """
        return self.batch

    def batches(self, batch: int, seed: int, epoch: int, ranks: Single) -> tf.data.Dataset:
        """Tensors of a rank in each step of an epoch, as `shuffled`, read ahead."""

        shards, work = self.sizes()
        learned = self.learned(seed, epoch)

        def read() -> Iterator[tuple[NDArray, ...]]:
            for rows in shuffled(shards, batch, seed, epoch, ranks.rank, ranks.size, work):
                yield learned(rows)

        return read_ahead(read, self.signature)

    def share(self, batch: int, ranks: Single) -> Iterator[tuple[NDArray, ...]]:
        """All units once, in order, this rank's share: for validation."""
        units = np.arange(sum(self.sizes()[0]))
        for rows in in_order(units, batch, ranks.rank, ranks.size):
            yield self.batch(rows)


class Arrays(Batched):
    """A data set in memory: arrays whose first axis is the unit, for dense inputs.

    The tensors of a batch come in the order of the arrays.
    """

    def __init__(self, *arrays: NDArray) -> None:
        """`arrays`: for example features (N, F), labels (N,) and weights (N,)."""
        self.arrays = arrays

    def __len__(self) -> int:
        return len(self.arrays[0])

    def sizes(self) -> tuple[Sequence[int], None]:
        """One shard of units that are alike."""
        return [len(self)], None

    @property
    def digest(self) -> str:
        """A checksum of all numbers: part of what a checkpoint must agree on."""
        digest = hashlib.blake2b(digest_size=16)
        for array in self.arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        """Shapes and types of a batch: one trace of a function serves all batches."""
        import tensorflow as tf

        return tuple(tf.TensorSpec((None, *a.shape[1:]), a.dtype) for a in self.arrays)

    def batch(self, rows: NDArray[np.int64]) -> tuple[NDArray, ...]:
        """The named units, shape (rows, ...) each."""
        return tuple(array[rows] for array in self.arrays)

"""Horovod, as far as the training needs it; without `horovodrun` the same interface on one process.

Horovod 0.28.1 does not know Keras 3: its `DistributedOptimizer` leaves Keras gradients unreduced
without a word, and broadcasts fail on Keras variables. Everything here therefore works on the
TensorFlow variables behind them (`variable.value`).
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.errors import BoostflowError

log = logging.getLogger("training")

LAUNCHER_GRACE = 10.0
"""Seconds that ranks leave lower ones to print the error that all share; rank 1 half of it, as
rank 0 may be the one that is lost."""
MEETING = 0.1
"""Seconds between two meetings of ranks that wait for rank 0."""


class Single:
    """A training on one process, which has nobody to talk to."""

    rank, size = 0, 1

    def total(self, x: tf.Tensor) -> tf.Tensor:
        """Sum over all ranks; differentiable."""
        return x

    def tape(self, tape: tf.GradientTape) -> tf.GradientTape:
        """A tape whose gradients are summed over all ranks."""
        return tape

    def broadcast(self, variables: Sequence[Any]) -> None:
        """Give all ranks rank 0's values of Keras variables."""

    def broadcast_object(self, thing: Any) -> Any:
        """Rank 0's `thing`, on all ranks."""
        return thing

    def everyone(self, thing: Any) -> list[Any]:
        """The `thing` of each rank."""
        return [thing]

    def gather(self, rows: NDArray) -> NDArray:
        """The rows of all ranks, rank after rank."""
        return rows

    def first(self, work: Callable[[], None]) -> None:
        """Let rank 0 do `work` while the others wait.

        Raises:
            BoostflowError: the work did; the same one on every rank.
        """
        work()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Say it clearly if another rank is lost inside the block.

        Raises:
            BoostflowError: another rank was killed, or did not answer for too long.
        """
        yield

    def agree(self, error: BoostflowError | None) -> None:
        """Raise on every rank if any rank has an error, so that none waits for a lost one."""
        if error is not None:
            raise error


class Horovod(Single):
    """The processes that `horovodrun` started."""

    def __init__(self) -> None:
        import horovod.tensorflow as hvd

        hvd.init()
        self.hvd = hvd
        self.rank, self.size = hvd.rank(), hvd.size()

    def total(self, x: tf.Tensor) -> tf.Tensor:
        """Sum over all ranks by an all-reduce; differentiable."""
        return self.hvd.allreduce(x, op=self.hvd.Sum)

    def tape(self, tape: tf.GradientTape) -> tf.GradientTape:
        """A tape whose gradients are summed over all ranks."""
        return self.hvd.DistributedGradientTape(tape, op=self.hvd.Sum, num_groups=1)

    def broadcast(self, variables: Sequence[Any]) -> None:
        """Give all ranks rank 0's values of Keras variables."""
        self.hvd.broadcast_variables([v.value for v in variables], root_rank=0)

    def broadcast_object(self, thing: Any) -> Any:
        """Rank 0's `thing`, on all ranks."""
        return self.hvd.broadcast_object(thing, root_rank=0)

    def everyone(self, thing: Any) -> list[Any]:
        """The `thing` of each rank."""
        return self.hvd.allgather_object(thing)

    def gather(self, rows: NDArray) -> NDArray:
        """Rows of all ranks, rank after rank."""
        return self.hvd.allgather(tf.constant(rows)).numpy()

    def first(self, work: Callable[[], None]) -> None:
        """Let rank 0 do `work` while the others wait; an error of it is raised on every rank."""
        # Ranks that wait in one collective for long look stalled: they meet while the work goes on.
        error = None
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(work) if self.rank == 0 else None
            while not self.total(tf.constant(int(future is not None and future.done()))):
                time.sleep(MEETING)
            if future is not None:
                try:
                    future.result()
                except BoostflowError as problem:
                    error = problem
                except Exception as problem:
                    log.exception("rank 0 failed while the others waited")
                    error = BoostflowError(f"rank 0: {problem!r}")
        self.agree(error)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Raise a BoostflowError if another rank is lost inside the block."""
        try:
            yield
        except tf.errors.OpError as error:
            if "Horovod" not in str(error):
                raise
            self._wait_for_lower()
            raise BoostflowError(
                f"rank {self.rank}: another process of this training was killed or has stalled;"
                " run again: it resumes from the last epoch"
            ) from None

    def agree(self, error: BoostflowError | None) -> None:
        """Raise on every rank if any rank has an error, so that none waits for a lost one."""
        messages = self.everyone(None if error is None else str(error))
        first = next((text for text in messages if text is not None), None)
        if first is None:
            return
        self._wait_for_lower()
        raise BoostflowError(first)

    def _wait_for_lower(self) -> None:
        """Let the first rank that is left print the error: the launcher ends the others then."""
        time.sleep(min(self.rank, 2) * LAUNCHER_GRACE / 2)


def connect() -> Single:
    """The ranks of this job: Horovod's if `horovodrun` started it."""
    return Horovod() if "HOROVOD_RANK" in os.environ else Single()


def check_same(ranks: Single, variables: Sequence[Any], when: str) -> None:
    """All ranks must hold the same numbers, bit for bit.

    Args:
        ranks: the processes.
        variables: Keras variables.
        when: for the message.

    Raises:
        RuntimeError: they do not.
    """
    digest = hashlib.blake2b(digest_size=8)
    for variable in variables:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    mine = np.frombuffer(digest.digest(), np.int64)[None, :]
    everyone = ranks.gather(mine)
    if (everyone != everyone[0]).any():
        raise RuntimeError(f"the weights of the ranks differ {when}")

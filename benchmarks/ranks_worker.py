"""What ranks.py runs on each rank: `horovodrun -np N python ranks_worker.py FOLDER OPTIONS`.

Rank 0 writes FOLDER/ranks.json. In one job, round by round: rank 0 alone while the others wait, all
ranks at once without knowing of each other, all ranks with shared gradients.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import horovod.tensorflow as hvd
import numpy as np
import tensorflow as tf

from boostflow.io import write_json
from boostflow.models.ucluster import store
from boostflow.models.ucluster.block import UCluster
from boostflow.models.ucluster.network import BatchNorm, graph
from boostflow.models.ucluster.training import Trainer
from boostflow.training.ranks import Horovod, Single

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
"""Bytes of the all-reduces that show latency and bandwidth."""


class Compressed(Horovod):
    """Gradients in half precision on their way."""

    def tape(self, tape: tf.GradientTape) -> tf.GradientTape:
        return hvd.DistributedGradientTape(
            tape, op=hvd.Sum, num_groups=1, compression=hvd.Compression.fp16
        )


def main(folder: Path, preset: str, batch: int, rounds: int, compression: bool) -> None:
    """Measure.

    Args:
        folder: of the packed jets (`packed`) and of the result.
        preset: of the model's block.
        batch: jets in a step of each process.
        rounds: repetitions.
        compression: fp16.
    """
    ranks = Compressed() if compression else Horovod()
    config = UCluster(preset=preset, batch=batch)
    joint = UCluster(preset=preset, batch=batch * ranks.size)
    jets = store.read(folder / "packed", config)
    alone, together = Trainer(config, *jets, Single()), Trainer(joint, *jets, ranks)
    one: list[float] = []
    apart: list[float] = []
    shared: list[float] = []
    loads: list[float] = []
    modes: list[tuple[list[float], Callable[[], Any], bool]] = [
        (one, alone.run_epoch if ranks.rank == 0 else lambda: None, False),
        (apart, alone.run_epoch, True),
        (shared, together.run_epoch, False),
    ]
    for turn in range(-1, rounds):
        for times, work, everyone in modes[:: 1 if turn % 2 else -1]:
            took = timed(work)
            # Those that run at once for themselves: the mean over the ranks.
            took = float(ranks.gather(np.array([took])).mean()) if everyone else took
            if turn >= 0:  # round -1 traces and compiles
                times.append(took)
        loads.append(os.getloadavg()[0])
    compiled = parts(alone, together)
    # The first ones trace and compile.
    steps = [split(alone, together, turn, *compiled) for turn in range(3 * rounds + 2)][2:]
    mine = np.array(steps)  # (steps, parts)
    everyone = ranks.gather(mine[None]).mean(0)  # of the ranks
    reduced = {size: all_reduce(size) for size in SIZES}
    if ranks.rank:
        return
    norms = [x for x in alone.network._flatten_layers() if isinstance(x, BatchNorm)]
    count = len(alone.training) // batch * batch
    whole = len(together.training) // joint.batch * joint.batch
    write_json(
        folder / "ranks.json",
        {
            "size": ranks.size,
            "one": [count / t for t in one],
            "apart": [ranks.size * count / t for t in apart],
            "together": [whole / t for t in shared],
            "parts": np.median(everyone, axis=0).tolist(),
            "gradient_bytes": 4 * sum(int(np.prod(v.shape)) for v in sources(alone)),
            "gradients": len(sources(alone)),
            "norms": len(norms),
            "all_reduce": reduced,
            "load": float(np.median(loads)),
        },
    )


def meet() -> None:
    """Wait for all ranks: Horovod's TensorFlow has no barrier, so a sum of one number."""
    hvd.allreduce(tf.zeros(1), op=hvd.Sum, name="meet").numpy()


def timed(work: Callable[[], Any]) -> float:
    """Seconds, begun by all ranks at the same time."""
    meet()
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def sources(trainer: Trainer) -> list[Any]:
    """Variables with gradients in pre-training."""
    return trainer.network.trainable_variables


def parts(alone: Trainer, together: Trainer) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A step in two: gradients of this rank's jets, and Adam."""
    return (
        tf.function(lambda *inputs: alone.gradients(*inputs, joint=False), reduce_retracing=True),
        tf.function(lambda found: together.optimizer.apply(found, sources(together))),
    )


def split(
    alone: Trainer,
    together: Trainer,
    turn: int,
    gradients: Callable[..., Any],
    apply: Callable[..., Any],
) -> tuple[float, ...]:
    """Seconds of the parts of a step: gradients, waiting for the slowest, a barrier that nobody
    has to wait at, all-reduce, Adam. Normalisation uses the moments of each rank here."""
    ranks, batch = together.ranks, together.config.batch
    order = together.training.shuffled(batch, 1, turn, ranks.rank, ranks.size)
    rows = next(order)
    labels = tf.constant(alone.labels[id(alone.training)][rows])
    inputs = graph(alone.training.batch(rows)), labels, tf.constant(float(batch)), tf.constant(0.0)
    meet()
    clock = [time.perf_counter()]

    def tick() -> None:
        clock.append(time.perf_counter())

    found, sums = gradients(*inputs)
    sums.numpy()
    tick()
    meet()
    tick()
    meet()
    tick()
    found = hvd.grouped_allreduce(found, op=hvd.Sum)
    found[0].numpy()
    tick()
    apply(found)
    tick()
    return tuple(np.diff(clock))


def all_reduce(size: int, repetitions: int = 9) -> float:
    """Seconds of one all-reduce of so many bytes."""
    x = tf.zeros(size // 4)
    work = lambda: hvd.allreduce(x, op=hvd.Sum, name=f"bytes{size}").numpy()  # noqa: E731
    return float(np.median([timed(work) for _ in range(repetitions)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), **json.loads(sys.argv[2]))

"""What ranks.py runs on each rank: `horovodrun -np N python ranks_worker.py FOLDER OPTIONS`.

Rank 0 writes FOLDER/ranks.json. In one job, round by round, an epoch of the package's own loop: all
ranks at once that know nothing of each other, before Horovod is there and after it has gone; and in
between, with Horovod, rank 0 alone, all without knowing of each other, all with shared gradients.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boostflow.training import cores

if os.environ.get("RANKS_CORES") != "any":
    cores.take(os.environ, threads=1)

import numpy as np
import tensorflow as tf

from boostflow.io import write_json
from boostflow.models.ucluster import store
from boostflow.models.ucluster.block import UCluster
from boostflow.models.ucluster.network import BatchNorm
from boostflow.models.ucluster.train import UClusterLearner
from boostflow.training.loop import Loop
from boostflow.training.ranks import Horovod, Single

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
"""Bytes of the all-reduces that show latency and bandwidth."""


class Compressed(Horovod):
    """Gradients in half precision on their way."""

    def tape(self, tape: tf.GradientTape) -> tf.GradientTape:
        return self.hvd.DistributedGradientTape(
            tape, op=self.hvd.Sum, num_groups=1, compression=self.hvd.Compression.fp16
        )


class Meeting:
    """Ranks that wait for each other by files, where there is no Horovod."""

    def __init__(self, folder: Path, rank: int, size: int) -> None:
        self.folder, self.rank, self.size, self.count = folder, rank, size, 0

    def __call__(self) -> None:
        self.count += 1
        (self.folder / f"met-{self.count}-{self.rank}").touch()
        while len(list(self.folder.glob(f"met-{self.count}-*"))) < self.size:
            time.sleep(0.001)


def main(
    folder: Path, packed: str, preset: str, batch: int, rounds: int, compression: bool
) -> None:
    """Measure.

    Args:
        folder: of this job, empty.
        packed: folder of the packed jets.
        preset: of the model's block.
        batch: jets in a step of each process.
        rounds: repetitions.
        compression: fp16.
    """
    rank, size = (int(os.environ[f"HOROVOD_{name}"]) for name in ("RANK", "SIZE"))
    config = UCluster(preset=preset, batch=batch)
    joint = UCluster(preset=preset, batch=batch * size)
    jets = store.read(Path(packed), config)
    meet = Meeting(folder, rank, size)
    alone = Loop(UClusterLearner(config, *jets, Single()), "alone", config)
    alone.warm_up()
    bare = [timed(alone.train_epoch, meet) for _ in range(1 + rounds)][1:]

    ranks = Compressed() if compression else Horovod()
    together = Loop(UClusterLearner(joint, *jets, ranks), "together", joint)
    together.warm_up()

    def all_meet() -> None:
        """Horovod's TensorFlow has no barrier, so a sum of one number."""
        ranks.hvd.allreduce(tf.zeros(1), op=ranks.hvd.Sum, name="meet").numpy()

    def shared() -> None:
        # As many steps as each rank takes for itself.
        for _ in range(size):
            together.train_epoch()

    times: dict[str, list[float]] = {"one": [], "apart": [], "shared": []}
    work: dict[str, Callable[[], Any]] = {
        "one": alone.train_epoch if rank == 0 else lambda: None,
        "apart": alone.train_epoch,
        "shared": shared,
    }
    loads = []
    for turn in range(rounds):
        for name in list(work)[:: 1 if turn % 2 else -1]:
            times[name].append(timed(work[name], all_meet))
        loads.append(os.getloadavg()[0])
    idle = idling()
    compiled = parts(alone.learner, together.learner)
    # The first ones trace and compile.
    steps = [split(alone, together, t, all_meet, *compiled) for t in range(3 * rounds + 2)][2:]
    everyone = ranks.gather(np.array(steps)[None]).mean(0)  # of the ranks: (steps, parts)
    reduced = {bytes_: all_reduce(ranks, bytes_, all_meet) for bytes_ in SIZES}
    ranks.hvd.shutdown()

    bare += [timed(alone.train_epoch, meet) for _ in range(rounds)]
    write_json(folder / f"rank{rank}.json", {"bare": bare, "apart": times["apart"]})
    meet()
    if rank:
        return
    # Of those that run at once for themselves, the mean over the ranks.
    files = [json.loads((folder / f"rank{r}.json").read_text()) for r in range(size)]
    mean = {name: np.mean([f[name] for f in files], axis=0) for name in ("bare", "apart")}
    network = alone.learner.network
    norms = [x for x in network._flatten_layers() if isinstance(x, BatchNorm)]
    each = alone.steps * alone.learner.width
    all_shared = size * together.steps * together.learner.width
    write_json(
        folder / "ranks.json",
        {
            "size": size,
            "one": [each / t for t in times["one"]],
            "bare": [size * each / t for t in mean["bare"]],
            "apart": [size * each / t for t in mean["apart"]],
            "shared": [all_shared / t for t in times["shared"]],
            "idle": idle,
            "parts": np.median(everyone, axis=0).tolist(),
            "gradient_bytes": 4 * sum(int(np.prod(v.shape)) for v in network.trainable_variables),
            "gradients": len(network.trainable_variables),
            "norms": len(norms),
            "all_reduce": reduced,
            "load": float(np.median(loads)),
        },
    )


def timed(work: Callable[[], Any], meet: Callable[[], None]) -> float:
    """Seconds, begun by all ranks at the same time."""
    meet()
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def idling(seconds: float = 2.0) -> float:
    """Share of a core that this process uses while it does nothing: Horovod's cycles."""
    begin = time.process_time()
    time.sleep(seconds)
    return (time.process_time() - begin) / seconds


def parts(
    alone: UClusterLearner, together: UClusterLearner
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A step in two: gradients of this rank's jets, and Adam."""
    sources = together.network.trainable_variables
    return (
        tf.function(
            lambda *inputs: alone.share_gradients(*inputs, joint=False), reduce_retracing=True
        ),
        tf.function(lambda found: together.optimizer.apply(found, sources)),
    )


def split(
    alone: Loop,
    together: Loop,
    turn: int,
    meet: Callable[[], None],
    gradients: Callable[..., Any],
    apply: Callable[..., Any],
) -> tuple[float, ...]:
    """Seconds of the parts of a step: gradients, waiting for the slowest, a barrier that nobody
    has to wait at, all-reduce, Adam. Normalisation uses the moments of each rank here."""
    learner, hvd = together.learner, together.ranks.hvd
    inputs, labels = next(iter(learner.batches(turn)))
    batch = tf.constant(float(learner.batch))
    meet()
    clock = [time.perf_counter()]

    def tick() -> None:
        clock.append(time.perf_counter())

    found, sums = gradients(inputs, labels, batch, tf.constant(0.0))
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


def all_reduce(ranks: Horovod, size: int, meet: Callable[[], None], repetitions: int = 9) -> float:
    """Seconds of one all-reduce of so many bytes."""
    x, hvd = tf.zeros(size // 4), ranks.hvd
    work = lambda: hvd.allreduce(x, op=hvd.Sum, name=f"bytes{size}").numpy()  # noqa: E731
    return float(np.median([timed(work, meet) for _ in range(repetitions)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), **json.loads(sys.argv[2]))

"""Speed of UCluster beside the published graph written plainly, interleaved.

Jets per second, medians of several rounds; the order changes from round to round, so that a busy
machine treats all alike. Each row is a process of its own, one of them at work at a time. A round
of training is an epoch of the package's own loop: reading the shards, forward, backward, Adam.
Inference is what `score` does with packed jets, in ONNX Runtime; the padded networks run in
TensorFlow. Jets are simulated once and repeated.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import simulated
from boostflow.errors import BoostflowError
from boostflow.models.ucluster.block import UCluster
from boostflow.training.environment import environment
from command import run

TOLERANCE = 1e-4
"""Of the outputs, relative to the largest."""
FEW = 16
"""Jets of the comparison in training: float32 moments of a whole batch (half a million edges) are
good to 1e-4 in either network, and such differences change some particles' k-th neighbour."""


@dataclass(frozen=True)
class Row:
    """A row of the table.

    preset: of the model's block. padded: with zeros, which count as particles. plain: the network
    of plain_ucluster.py. keep: memory as in the training script, else as the system does it.
    """

    name: str
    preset: str
    padded: bool = False
    plain: bool = False
    keep: bool = True
    goals: tuple[float | None, float | None] = (None, None)


PLAIN = Row("plain, padded", "paper", padded=True, plain=True, keep=False)
ROWS = (
    PLAIN,
    Row("plain, memory kept", "paper", padded=True, plain=True),
    Row("package, padded", "paper", padded=True, goals=(2.0, 2.0)),
    Row("package, preset paper", "paper"),
    Row("package, preset default", "default", goals=(5.0, 4.0)),
)
"""`goals`: how many times faster than plain, training and inference."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    simulated.arguments(parser)
    parser.add_argument(
        "--epoch", type=int, default=2048, metavar="N", help="jets in a round, by repetition"
    )
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="repetitions")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="that compute")


def main(args: argparse.Namespace) -> None:
    """Measure and print the tables."""
    jets = simulated.simulated(args.cache, args.jets, args.mean)
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        tasks: dict[tuple[str, Row | None], Callable[[], float]] = {}
        workers = {}
        for row in ROWS:
            pool = ProcessPoolExecutor(1, mp_context=context)
            workers[row] = stack.enter_context(pool)
            pool.submit(start, row, folder, jets, args.epoch, args.threads).result()
            for what in ("train", "infer"):
                tasks[what, row] = lambda pool=pool, what=what: pool.submit(rate, what).result()
        for line in workers[PLAIN].submit(compare).result():
            print(line)
        for what in ("pack", "graph, padded", "graph, real"):
            tasks[what, None] = lambda what=what: workers[PLAIN].submit(rate, what).result()
        measured = measure(tasks, args.rounds)
        peaks = {row: pool.submit(peak).result() for row, pool in workers.items()}
    print(f"{args.epoch} jets a round, {args.threads} threads")
    report(measured, peaks)


# --- in the process of a row ----------------------------------------------------------------------

WORK: dict[str, Callable[[], int]] = {}
"""What this process can be asked to do; each returns its number of jets."""
STATE: dict[str, Any] = {}


def start(row: Row, folder: Path, jets: Path, count: int, threads: int) -> None:
    """Make the row's learner and what it predicts with."""
    os.environ.update(environment(threads))
    if not row.keep:
        del os.environ["TF_CPU_ALLOCATOR_USE_BFC"]
    import plain_ucluster
    from boostflow.io import read_parquet
    from boostflow.models.ucluster import export, scoring, store
    from boostflow.models.ucluster.batch import gather
    from boostflow.models.ucluster.features import pack
    from boostflow.models.ucluster.network import graph
    from boostflow.models.ucluster.train import UClusterLearner
    from boostflow.training.data import in_order
    from boostflow.training.loop import Loop
    from boostflow.training.ranks import Single

    config = UCluster(preset=row.preset)
    table, packed = folder / "jets.parquet", folder / row.preset
    if not table.exists():
        simulated.repeated(jets, count, 64, table)
    if not packed.exists():
        store.write([table], config, packed)
    if row.padded:
        packed = folder / "padded"
        if not packed.exists():
            plain_ucluster.pad(folder / row.preset, config, packed)
    learner = UClusterLearner(config, *store.read(packed, config), Single())
    if row.plain:
        learner.network = plain_ucluster.PlainNetwork(learner.network, config.constituents)
    training = learner.training
    STATE["learner"] = learner
    loop = Loop(learner, row.preset, config)

    def train() -> int:
        loop.train_epoch()
        return loop.steps * learner.width

    def forward() -> int:
        for rows in in_order(np.arange(len(training)), scoring.BATCH):
            embedding, logits = learner.forward(graph(training.batch(rows)))
            embedding.numpy(), logits[0].numpy()
        return len(training)

    WORK.update({"train": train, "infer": forward})
    sample = read_parquet(jets)
    if row == PLAIN:
        WORK["pack"] = lambda: len(pack(sample, config.constituents, config.neighbours, str(jets)))
        WORK.update(graphs(folder / row.preset, packed, config))
    if row.padded:
        return
    model = folder / f"{row.preset}-model"
    model.mkdir()
    learner.write(model)
    _, session = scoring.load(model, threads)
    ready = pack(sample, config.constituents, config.neighbours, str(jets))
    wanted = (export.EMBEDDING, export.DISTANCES, export.logits_of("mass"))

    def predict() -> int:
        for rows in in_order(np.arange(len(ready)), scoring.BATCH):
            scoring.run(session, gather(ready, rows), wanted)
        return len(ready)

    WORK["infer"] = predict


def graphs(real: Path, padded: Path, config: UCluster) -> dict[str, Callable[[], int]]:
    """What finds the neighbours in (eta, phi), which the package does once, when it packs."""
    import tensorflow as tf

    import plain_ucluster
    from boostflow.models.ucluster import store
    from boostflow.models.ucluster.network import nearest

    (jets, _), (zeros, _) = (store.read(folder, config) for folder in (real, padded))
    rows = np.arange(min(config.batch, len(jets)))
    batch = jets.batch(rows)
    x, counts = tf.constant(batch.features[:, :2]), tf.constant(batch.counts)
    jet = tf.constant(np.repeat(rows, batch.counts).astype(np.int32))
    dense = tf.constant(zeros.batch(rows).features[:, :2].reshape(len(rows), -1, 2))
    of_real = tf.function(
        lambda: nearest(x, jet, tf.cumsum(counts, exclusive=True), counts, config.neighbours)
    )
    of_padded = tf.function(lambda: plain_ucluster.nearest(dense, config.neighbours))

    def timed(function: Callable[[], tf.Tensor]) -> Callable[[], int]:
        def work() -> int:
            function().numpy()
            return len(rows)

        return work

    return {"graph, padded": timed(of_padded), "graph, real": timed(of_real)}


def compare() -> list[str]:
    """Whether the two padded networks give the same numbers with the same weights.

    Raises:
        BoostflowError: they do not.
    """
    import tensorflow as tf

    from boostflow.models.ucluster.network import graph

    learner = STATE["learner"]
    plain, package = learner.network, learner.network.network
    rng = np.random.default_rng(1)
    before = [v.numpy() for v in package.variables]
    for v in package.variables:
        if v.path.split("/")[-1] in ("beta", "bias", "mean"):
            v.assign(v.numpy() + rng.normal(0, 0.1, v.shape))
    lines = []
    for training, count in ((False, 256), (True, FEW)):
        inputs = graph(learner.training.batch(np.arange(count)))
        results = []
        for network in (plain, package):
            embedding, logits = network(inputs, training=training)
            results.append(tf.concat([embedding, *logits], axis=1).numpy())
        worst = float(np.abs(results[0] - results[1]).max() / np.abs(results[0]).max())
        mode = "training" if training else "inference"
        lines.append(
            f"largest difference of the padded networks, {mode}, {count} jets: {worst:.1e}"
        )
        if worst > TOLERANCE:
            raise BoostflowError(f"{lines[-1]}, more than {TOLERANCE:g}")
    for v, value in zip(package.variables, before, strict=True):
        v.assign(value)
    return lines


def rate(what: str) -> float:
    """Jets per second."""
    begin = time.perf_counter()
    jets = WORK[what]()
    return jets / (time.perf_counter() - begin)


def peak() -> float:
    """Peak memory of this process (GB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


# --- the tables -----------------------------------------------------------------------------------


def measure(
    tasks: dict[Any, Callable[[], float]], rounds: int
) -> dict[Any, tuple[float, float, float]]:
    """Rate of each task, median and half the width of the middle half; median load average."""
    rates: dict[Any, list[float]] = {key: [] for key in tasks}
    loads: dict[Any, list[float]] = {key: [] for key in tasks}
    for turn in range(-1, rounds):
        for key in list(tasks)[:: 1 if turn % 2 else -1]:
            value = tasks[key]()
            if turn >= 0:  # round -1 traces and compiles
                rates[key].append(value)
                loads[key].append(os.getloadavg()[0])
    result = {}
    for key, values in rates.items():
        low, middle, high = np.percentile(values, [25, 50, 75])
        result[key] = float(middle), float(high - low) / 2, float(np.median(loads[key]))
    return result


def report(measured: dict[Any, tuple[float, float, float]], peaks: dict[Row, float]) -> None:
    """Print the tables."""
    head = f"{'jets/s':>8s} {'+-':>5s} {'ratio':>7s} {'goal':>5s} {'load':>5s}"
    print(f"{'':24s} {'training':^34s} {'inference':^34s} {'peak':>7s}")
    print(f"{'':24s} {head} {head}")
    for row in ROWS:
        line = f"{row.name:24s}"
        for what, goal in zip(("train", "infer"), row.goals, strict=True):
            middle, spread, load = measured[what, row]
            ratio = middle / measured[what, PLAIN][0]
            wanted = "" if goal is None else f"{goal:.0f}x"
            line += f" {middle:8.0f} {spread:5.0f} {ratio:6.2f}x {wanted:>5s} {load:5.1f}"
        print(f"{line} {peaks[row]:4.1f} GB")
    print("not in the table, in microseconds a jet:")
    for what, title in (
        ("pack", "packing (features, momenta, first graph), one thread"),
        ("graph, padded", "the first graph in each step, padded"),
        ("graph, real", "the first graph in each step, real particles"),
    ):
        middle, _, load = measured[what, None]
        print(f"{title:54s} {1e6 / middle:7.1f}, load {load:.1f}")


if __name__ == "__main__":
    run(main, arguments, __doc__)

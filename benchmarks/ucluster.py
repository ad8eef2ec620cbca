"""Speed of UCluster beside the published graph written plainly, interleaved in one process.

Jets per second, medians of several rounds; the order changes from round to round, so that a busy
machine treats all alike. A round of training is an epoch of the package's own loop: reading the
shards, forward, backward, Adam. Inference is what `score` does with packed jets, in ONNX Runtime;
the two padded networks run in TensorFlow. Jets are simulated once and repeated.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import simulated
from boostflow.cli import run
from boostflow.config.models import UCluster
from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    from boostflow.models.ucluster.training import Trainer

TOLERANCE = 1e-4
"""Of the outputs, relative to the largest."""
FEW = 16
"""Jets of the comparison in training: float32 moments of a whole batch (half a million edges) are
good to 1e-4 in either network, and such differences change some particles' k-th neighbour."""
PLAIN, PADDED, PAPER, DEFAULT = (
    "plain, padded",
    "package, padded",
    "package, preset paper",
    "package, preset default",
)
GOALS = {PADDED: (2.0, 2.0), PAPER: (None, None), DEFAULT: (5.0, 4.0)}
"""How many times faster than plain: training, inference."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    simulated.arguments(parser)
    parser.add_argument(
        "--epoch", type=int, default=2048, metavar="N", help="jets in a round, by repetition"
    )
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="repetitions")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="that compute")


def main(args: argparse.Namespace) -> None:
    """Measure and print a table."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(args.threads)
    jets = simulated.simulated(args.cache, args.jets, args.mean)
    with tempfile.TemporaryDirectory() as folder:
        trainers = prepare(Path(folder), jets, args.epoch)
        compare(trainers[PLAIN], trainers[PADDED])
        size = trainers[PAPER].training.counts.mean()
        print(f"{args.epoch} jets a round, {size:.1f} constituents each, {args.threads} threads")
        training = {name: epoch(trainer) for name, trainer in trainers.items()}
        trained = measure(training, args.rounds)
        inference, packing = predictions(Path(folder), trainers, jets, args.threads)
        inferred = measure(inference, args.rounds)
        report(trained, inferred)
        details(measure(packing | graphs(trainers), args.rounds))


def prepare(folder: Path, jets: Path, count: int) -> dict[str, Trainer]:
    """A trainer for each row of the table."""
    import keras

    from boostflow.models.ucluster import store
    from boostflow.models.ucluster.distributed import Single
    from boostflow.models.ucluster.training import Trainer
    from plain_ucluster import PlainNetwork, pad

    table = folder / "jets.parquet"
    simulated.repeated(jets, count, 64, table)
    paper, default = UCluster(preset="paper"), UCluster()
    store.write([table], paper, folder / "paper")
    store.write([table], default, folder / "default")
    pad(folder / "paper", paper, folder / "padded")
    trainers = {
        name: Trainer(config, *store.read(folder / packed, config), Single())
        for name, packed, config in (
            (PLAIN, "padded", paper),
            (PADDED, "padded", paper),
            (PAPER, "paper", paper),
            (DEFAULT, "default", default),
        )
    }
    plain = trainers[PLAIN]
    plain.network = PlainNetwork(plain.network, paper.constituents)
    return trainers


def compare(plain: Trainer, padded: Trainer) -> None:
    """The two padded networks must give the same numbers with the same weights.

    Raises:
        BoostflowError: they do not.
    """
    import tensorflow as tf

    from boostflow.models.ucluster.network import graph

    rng = np.random.default_rng(1)
    for a, b in zip(plain.network.variables, padded.network.variables, strict=True):
        noise = rng.normal(0, 0.1, a.shape) * (a.path.split("/")[-1] in ("beta", "bias", "mean"))
        a.assign(a.numpy() + noise)
        b.assign(a.numpy())
    for training, count in ((False, 256), (True, FEW)):
        inputs = graph(plain.training.batch(np.arange(count)))
        results = []
        for trainer in (plain, padded):
            embedding, logits = trainer.network(inputs, training=training)
            results.append(tf.concat([embedding, *logits], axis=1).numpy())
        worst = float(np.abs(results[0] - results[1]).max() / np.abs(results[0]).max())
        mode = "training" if training else "inference"
        print(f"largest difference of the padded networks, {mode}, {count} jets: {worst:.1e}")
        if worst > TOLERANCE:
            raise BoostflowError(f"the padded networks differ by {worst:.1e} > {TOLERANCE:g}")


def epoch(trainer: Trainer) -> Callable[[], int]:
    """An epoch of training; returns its jets."""

    def work() -> int:
        trainer.run_epoch()
        return trainer.training.steps(trainer.config.batch) * trainer.config.batch

    return work


def predictions(
    folder: Path, trainers: dict[str, Trainer], jets: Path, threads: int
) -> tuple[dict[str, Callable[[], int]], dict[str, Callable[[], int]]]:
    """What predicts all jets by the row of the table, and what packs them."""
    from boostflow.io import read_parquet
    from boostflow.models.ucluster import export, scoring
    from boostflow.models.ucluster.batch import gather, in_order
    from boostflow.models.ucluster.features import pack
    from boostflow.models.ucluster.network import graph

    sample = read_parquet(jets)
    tasks: dict[str, Callable[[], int]] = {}
    packing: dict[str, Callable[[], int]] = {}
    for name, trainer in trainers.items():
        config = trainer.config
        if name in (PLAIN, PADDED):

            def work(trainer: Trainer = trainer) -> int:
                for rows in in_order(np.arange(len(trainer.training)), scoring.BATCH):
                    embedding, logits = trainer.forward(graph(trainer.training.batch(rows)))
                    embedding.numpy(), logits[0].numpy()
                return len(trainer.training)

        else:
            model = folder / f"{config.preset}-model"
            trainer.write(model, folder / config.preset, 0.0)
            _, session = scoring.load(model, threads)
            packed = pack(sample, config.constituents, config.neighbours, str(jets))
            wanted = (export.EMBEDDING, export.DISTANCES, export.logits_of("mass"))

            def work(session: Any = session, packed: Any = packed, wanted: Any = wanted) -> int:
                for rows in in_order(np.arange(len(packed)), scoring.BATCH):
                    scoring.run(session, gather(packed, rows), wanted)
                return len(packed)

            def prepare(config: UCluster = config) -> int:
                return len(pack(sample, config.constituents, config.neighbours, str(jets)))

            packing[f"packing, {config.preset}"] = prepare
        tasks[name] = work
    return tasks, packing


def graphs(trainers: dict[str, Trainer]) -> dict[str, Callable[[], int]]:
    """What finds the neighbours in (eta, phi), which the package does once, when it packs."""
    import tensorflow as tf

    import plain_ucluster
    from boostflow.models.ucluster.network import nearest

    jets, config = trainers[PAPER].training, trainers[PAPER].config
    count = min(config.batch, len(jets))
    rows = np.arange(count)
    batch = jets.batch(rows)
    x = tf.constant(batch.features[:, :2])
    jet = tf.constant(np.repeat(rows, batch.counts).astype(np.int32))
    starts = tf.constant((np.cumsum(batch.counts) - batch.counts).astype(np.int32))
    padded = trainers[PLAIN].training.batch(rows).features[:, :2]
    dense = tf.constant(padded.reshape(count, config.constituents, 2))
    of_packed = tf.function(lambda: nearest(x, jet, starts, batch.counts, config.neighbours))
    of_padded = tf.function(lambda: plain_ucluster.nearest(dense, config.neighbours))

    def timed(function: Callable[[], tf.Tensor]) -> Callable[[], int]:
        def work() -> int:
            function().numpy()
            return count

        return work

    return {
        "first graph, padded": timed(of_padded),
        "first graph, real particles": timed(of_packed),
    }


def measure(
    tasks: dict[str, Callable[[], int]], rounds: int
) -> dict[str, tuple[float, float, float]]:
    """Jets per second of each task, median and half the spread of the middle half; load average."""
    rates: dict[str, list[float]] = {name: [] for name in tasks}
    loads: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(-1, rounds):
        for name in list(tasks)[:: 1 if turn % 2 else -1]:
            start = time.perf_counter()
            jets = tasks[name]()
            if turn >= 0:  # round -1 traces and compiles
                rates[name].append(jets / (time.perf_counter() - start))
                loads[name].append(os.getloadavg()[0])
    result = {}
    for name, values in rates.items():
        low, middle, high = np.percentile(values, [25, 50, 75])
        result[name] = middle, (high - low) / 2, float(np.median(loads[name]))
    return result


def report(
    training: dict[str, tuple[float, float, float]],
    inference: dict[str, tuple[float, float, float]],
) -> None:
    """The table."""
    print(f"{'':26s} {'training':^35s} {'inference':^35s}")
    head = f"{'jets/s':>8s} {'+-':>5s} {'ratio':>7s} {'goal':>6s} {'load':>5s}"
    print(f"{'':26s} {head} {head}")
    for name in training:
        line = f"{name:26s}"
        for which, table in enumerate((training, inference)):
            rate, spread, load = table[name]
            goal = GOALS.get(name, (None, None))[which]
            wanted = "" if goal is None else f"{goal:.0f}x"
            ratio = rate / table[PLAIN][0]
            line += f" {rate:8.0f} {spread:5.0f} {ratio:6.2f}x {wanted:>6s} {load:5.1f}"
        print(line)


def details(rates: dict[str, tuple[float, float, float]]) -> None:
    """What the table leaves out, in microseconds a jet."""
    print("outside the table:")
    for name, (rate, _, load) in rates.items():
        print(f"{name:28s} {1e6 / rate:8.1f} us a jet, load {load:.1f}")


if __name__ == "__main__":
    run(main, arguments, __doc__)

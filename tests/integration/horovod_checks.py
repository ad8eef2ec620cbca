"""What test_horovod.py runs on each rank: `horovodrun -np N python horovod_checks.py FOLDER`.

Rank 0 writes FOLDER/checks.json; every rank writes FOLDER/rank<r>.npz with its weights.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"

import numpy as np
import tensorflow as tf

from boostflow.io import write_json
from boostflow.jobs.models import Train
from boostflow.models.ucluster import store
from boostflow.models.ucluster.block import UCluster
from boostflow.models.ucluster.clustering import Mixture
from boostflow.models.ucluster.network import graph
from boostflow.models.ucluster.train import UClusterLearner, train
from boostflow.training.loop import Loop
from boostflow.training.ranks import Single, connect

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.ucluster_jets import SMALL

STEPS = 20


def gradients(
    learner: UClusterLearner, rows: np.ndarray, jets: int, joint: bool
) -> list[np.ndarray]:
    """Gradients for these jets, as the training computes them (eagerly: tracing costs seconds)."""
    labels = learner.labels[id(learner.training)][rows]
    inputs = graph(learner.training.batch(rows))
    found, _ = learner.share_gradients(
        inputs, tf.constant(labels), tf.constant(float(jets)), tf.constant(1.5), joint
    )
    return [g.numpy() for g in found]


def difference(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """Largest difference relative to the largest gradient."""
    scale = max(np.abs(x).max() for x in b)
    return float(max(np.abs(x - y).max() for x, y in zip(a, b, strict=True)) / scale)


def curve(learner: UClusterLearner) -> list[float]:
    """Losses of the joint batch over some steps of pre-training."""
    config, ranks = learner.config, learner.ranks
    labels = learner.labels[id(learner.training)]
    losses = []
    for i in range(STEPS):
        steps = learner.training.shuffled(config.batch, config.seed, i, ranks.rank, ranks.size)
        rows = next(steps)
        sums = learner.steps[False](
            graph(learner.training.batch(rows)),
            tf.constant(labels[rows]),
            tf.constant(float(config.batch)),
            tf.constant(0.0),
        )
        losses.append(float(ranks.total(sums)[0]) / config.batch)
    return losses


def main(folder: Path) -> None:
    ranks = connect()
    packed = folder / "packed"
    checks: dict[str, object] = {"size": ranks.size}
    for name, batch_norm in (("plain", False), ("batch_norm", True)):
        config = UCluster(**SMALL | {"batch_norm": batch_norm})
        jets = store.read(packed, config)
        together = UClusterLearner(config, *jets, ranks)
        alone = UClusterLearner(config, *jets, Single())
        rows = np.arange(config.batch - 1)  # odd: the ranks' shares are uneven
        mine = rows[ranks.rank :: ranks.size]
        n = len(rows)
        Loop(together, "toy", config)  # broadcasts, and compares the ranks
        for joint in (False, True):
            for learner in (together, alone):
                learner.clusters.start(*_centroids(config, learner))
            wanted = gradients(alone, rows, n, joint)
            phase = "joint" if joint else "pre"
            checks[f"{name}_gradients_{phase}"] = difference(
                gradients(together, mine, n, joint), wanted
            )
        checks[f"{name}_local_gradients"] = difference(gradients(alone, mine, n, True), wanted)
        checks[f"{name}_curve"] = float(np.abs(np.subtract(curve(together), curve(alone))).max())
    output = folder / f"model{ranks.rank}"
    checkpoints = folder / f"checkpoint{ranks.rank}"
    train(
        Train(name="toy", model=UCluster(**SMALL)),
        Train.Files(jets=[], prepared=packed, output=output, checkpoint=checkpoints),
    )
    arrays = {v.path.replace("/", "."): v.numpy() for v in together.variables}
    np.savez(folder / f"rank{ranks.rank}.npz", **arrays)
    if ranks.rank == 0:
        write_json(folder / "checks.json", checks)
    ranks.gather(np.zeros((1, 1)))


def _centroids(config: UCluster, learner: UClusterLearner) -> tuple:
    """Some centroids and tables, the same everywhere."""
    rng = np.random.default_rng(1)
    tables = [np.log(rng.dirichlet(np.ones(n), config.clusters)) for n in learner.bins]
    prior = np.log(rng.dirichlet(np.ones(config.clusters)))
    centroids = rng.normal(size=(config.clusters, config.embedding)).astype(np.float32)
    return centroids, 1.0, Mixture(prior, tables, 0.0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

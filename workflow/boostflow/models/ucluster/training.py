"""The training: pre-training on mass bins, k-means, joint training; on any number of ranks."""

from __future__ import annotations

import hashlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import atomic, write_json
from boostflow.models.ucluster import (
    clustering,
    export,
    losses,
    pretext,
    saved,
    schedule,
    store,
)
from boostflow.models.ucluster.batch import views
from boostflow.models.ucluster.block import UCluster
from boostflow.models.ucluster.clusters import Clusters
from boostflow.models.ucluster.features import FEATURES, used
from boostflow.models.ucluster.network import Graph, Network, graph, signature
from boostflow.seeds import derive
from boostflow.training import checkpoint, devices
from boostflow.training.data import in_order
from boostflow.training.manifest import manifest
from boostflow.training.ranks import Single

log = logging.getLogger("ucluster")

CHECKPOINT, TENSORBOARD = "checkpoint.npz", "tensorboard"
PACKAGES = (
    *("tensorflow", "tensorflow-cpu", "keras", "horovod"),
    *("numpy", "awkward", "scikit-learn"),
)
KMEANS_JETS = 50_000
"""k-means looks at this many units at most."""
READ_AHEAD = 4
"""Batches that are read while the network is busy."""


class Trainer:
    """A training in progress. Every rank holds one; they differ only in which jets they see.

    The loss of a step is the sum over this rank's jets divided by the jets of all ranks, gradients
    are summed over the ranks: exactly the gradient of the joint batch.
    """

    def __init__(
        self,
        config: UCluster,
        training: store.Jets,
        validation: store.Jets,
        ranks: Single,
    ) -> None:
        self.config, self.ranks = config, ranks
        self.training, self.validation = training, validation
        self.views = views(config.unit, config.views)
        self.edges = [
            pretext.edges(training.masses[:, v], config.bins, config.binning, config.mass[1])
            for v in range(len(self.views))
        ]
        self.labels = {
            id(jets): np.stack(
                [pretext.labels(jets.masses[:, v], e) for v, e in enumerate(self.edges)], axis=1
            )
            for jets in (training, validation)
        }
        self.bins = [len(e) + 1 for e in self.edges]
        keras.utils.set_random_seed(derive(config.seed, "ucluster", "weights"))
        self.network = Network(config, self.bins, ranks)
        self.clusters = Clusters(config, self.bins)
        if config.standardise:
            size = used(config.local_pt)
            self.network.feature_mean.assign(training.mean[:size])
            self.network.feature_std.assign(training.std[:size])
        self.optimizer = keras.optimizers.Adam(config.learning_rate, name="adam")
        self.optimizer.build(self.trainable)
        self.epoch = 0
        self.history: dict[str, list[Any]] = {}
        ranks.broadcast(self.variables)
        self.check_ranks("at the start")
        self.steps = {joint: self._compile(joint) for joint in (False, True)}
        self.forward = tf.function(
            lambda g: self.network(g, training=False),
            input_signature=[signature(config.neighbours)],
        )

    @property
    def trainable(self) -> list[Any]:
        """Keras variables that the optimiser changes."""
        return [*self.network.trainable_variables, *self.clusters.trainable_variables]

    @property
    def variables(self) -> list[Any]:
        """All that a checkpoint holds: weights, running averages, the optimiser's state."""
        return [*self.network.variables, *self.clusters.variables, *self.optimizer.variables]

    def check_ranks(self, when: str) -> None:
        """All ranks must hold the same numbers, bit for bit.

        Raises:
            RuntimeError: they do not.
        """
        digest = hashlib.blake2b(digest_size=8)
        for variable in self.variables:
            digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
        mine = np.frombuffer(digest.digest(), np.int64)[None, :]
        everyone = self.ranks.gather(mine)
        if (everyone != everyone[0]).any():
            raise RuntimeError(f"the weights of the ranks differ {when}")

    def gradients(
        self, inputs: Graph, labels: tf.Tensor, jets: tf.Tensor, alpha: tf.Tensor, joint: bool
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Gradients of the joint batch, and this rank's sums (pretext, cluster, right bins, jets).

        Args:
            inputs: this rank's share of the batch.
            labels: (B, V) mass bins.
            jets: jets in the batch of all ranks.
            alpha: inverse temperature.
            joint: with the clustering loss.
        """
        with tf.GradientTape() as tape:
            embedding, logits = self.network(inputs, training=True)
            task = tf.add_n(
                [
                    losses.focal(z, labels[:, v], self.config.focal_gamma)
                    for v, z in enumerate(logits)
                ]
            ) / len(logits)
            cluster = self.clusters.loss(embedding, labels, alpha) if joint else tf.constant(0.0)
            loss = self.config.pretext_weight * task + self.config.cluster_weight * cluster
            loss = loss / jets
        sources = [v.value for v in self._sources(joint)]
        found = self.ranks.tape(tape).gradient(loss, sources)
        right = tf.reduce_sum(
            tf.cast(tf.argmax(logits[0], 1, tf.int32) == labels[:, 0], tf.float32)
        )
        count = tf.cast(tf.shape(labels)[0], tf.float32)
        return found, tf.stack([task, cluster, right, count])

    def _sources(self, joint: bool) -> list[Any]:
        return self.trainable if joint else self.network.trainable_variables

    def _compile(self, joint: bool) -> Callable[..., tf.Tensor]:
        @tf.function(
            input_signature=[
                signature(self.config.neighbours),
                tf.TensorSpec((None, len(self.bins)), tf.int32),
                tf.TensorSpec((), tf.float32),
                tf.TensorSpec((), tf.float32),
            ]
        )
        def step(inputs: Graph, labels: tf.Tensor, jets: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
            found, sums = self.gradients(inputs, labels, jets, alpha, joint)
            self.optimizer.apply(found, self._sources(joint))
            return sums

        return step

    def run_epoch(self) -> dict[str, float]:
        """One epoch of training; the figures are those of all ranks."""
        config, epoch = self.config, self.epoch
        alpha = schedule.alpha(config, epoch)
        step = self.steps[alpha > 0]
        batch = min(config.batch, len(self.training))
        per_epoch = self.training.steps(config.batch)
        sums = np.zeros(4)
        start = time.monotonic()
        for i, (inputs, labels) in enumerate(self.batches()):
            self._set_rates((epoch * per_epoch + i) * batch)
            sums += step(inputs, labels, tf.constant(float(batch)), tf.constant(alpha)).numpy()
        sums = self.ranks.total(tf.constant(sums, tf.float64)).numpy()
        seconds = time.monotonic() - start
        return {
            "epoch": epoch,
            "alpha": alpha,
            "learning_rate": float(self.optimizer.learning_rate.numpy()),
            **self._figures(sums),
            "jets_per_second": round(float(sums[3]) / seconds, 1),
        }

    def batches(self) -> tf.data.Dataset:
        """This rank's inputs and labels (B, V) of each step of the epoch, read ahead."""
        config, jets = self.config, self.training
        labels = self.labels[id(jets)]

        def read() -> Iterator[tuple[Graph, NDArray[np.int32]]]:
            for rows in jets.shuffled(
                config.batch, config.seed, self.epoch, self.ranks.rank, self.ranks.size
            ):
                b = jets.batch(rows)
                yield Graph(b.features, b.momenta, b.neighbours, b.counts), labels[rows]

        return tf.data.Dataset.from_generator(
            read,
            output_signature=(
                signature(config.neighbours),
                tf.TensorSpec((None, len(self.bins)), tf.int32),
            ),
        ).prefetch(READ_AHEAD)

    def _figures(self, sums: NDArray) -> dict[str, float]:
        task, cluster, right, jets = (float(x) for x in sums)
        config = self.config
        return {
            "loss": (config.pretext_weight * task + config.cluster_weight * cluster) / jets,
            "pretext_loss": task / jets,
            "cluster_loss": cluster / jets,
            "mass_bin_accuracy": right / jets,
        }

    def _set_rates(self, jets: int) -> None:
        total = sum(self.config.epochs) * self.training.steps(self.config.batch)
        total *= min(self.config.batch, len(self.training))
        rate = schedule.learning_rate(self.config, jets, total)
        if rate != self.optimizer.learning_rate.numpy():
            self.optimizer.learning_rate.assign(rate)
        if self.config.batch_norm:
            self.network.set_momentum(schedule.bn_momentum(jets))

    def embed(
        self, jets: store.Jets, chosen: NDArray[np.int64]
    ) -> tuple[NDArray, list[NDArray], NDArray]:
        """Embedding, logits and row numbers of this rank's share of the chosen units."""
        parts = []
        ranks = self.ranks
        for rows in in_order(chosen, self.config.batch, ranks.rank, ranks.size):
            embedding, logits = self.forward(graph(jets.batch(rows)))
            parts.append((embedding.numpy(), [z.numpy() for z in logits], rows))
        if not parts:
            empty = [np.zeros((0, n), np.float32) for n in self.bins]
            return np.zeros((0, self.config.embedding), np.float32), empty, np.zeros(0, np.int64)
        embeddings, logits, rows = zip(*parts, strict=True)
        joined = [np.concatenate(z) for z in zip(*logits, strict=True)]
        return np.concatenate(embeddings), joined, np.concatenate(rows)

    def validate(self) -> dict[str, float | None]:
        """Figures of all ranks on the validation jets.

        The clustering accuracy is one matching of all jets; it is reported and never acted on.
        """
        jets = self.validation
        embedding, logits, rows = self.embed(jets, np.arange(len(jets)))
        labels = self.labels[id(jets)][rows]
        alpha = schedule.alpha(self.config, self.epoch)
        joint = alpha > 0
        task = sum(
            float(losses.focal(tf.constant(z), tf.constant(labels[:, v]), self.config.focal_gamma))
            for v, z in enumerate(logits)
        ) / len(logits)
        cluster = (
            float(self.clusters.loss(tf.constant(embedding), tf.constant(labels), alpha))
            if joint
            else 0.0
        )
        right = float((logits[0].argmax(1) == labels[:, 0]).sum())
        table = clustering.contingency(
            jets.truth[rows],
            self.clusters.assign_jets(embedding),
            max(len(jets.classes), 1),
            self.config.clusters,
        )
        mine = np.concatenate([[task, cluster, right, len(rows)], table.ravel()])
        total = self.ranks.total(tf.constant(mine, tf.float64)).numpy()
        accuracy = clustering.matched_accuracy(total[4:].astype(np.int64).reshape(table.shape))
        return {
            **{f"validation_{k}": v for k, v in self._figures(total[:4]).items()},
            "clustering_accuracy": accuracy if joint and np.isfinite(accuracy) else None,
        }

    def start_clusters(self) -> None:
        """k-means on the embedding (and the mixture from there) by rank 0, for all ranks."""
        config = self.config
        mine, _, rows = self.embed(self.training, self._kmeans_rows())
        embedding, rows = self.ranks.gather(mine), self.ranks.gather(rows)
        # k-means depends on the order, which must not depend on the number of ranks.
        order = np.argsort(rows)
        embedding, rows = embedding[order], rows[order]
        labels = self.labels[id(self.training)][rows]
        self.ranks.first(lambda: self._fit_clusters(embedding, labels))
        self.ranks.broadcast(self.clusters.variables)
        self.check_ranks("after k-means")
        log.info("k-means: %d clusters from %d jets", config.clusters, len(embedding))

    def _kmeans_rows(self) -> NDArray[np.int64]:
        """The training units that k-means looks at."""
        rows = np.arange(len(self.training))
        if len(rows) <= KMEANS_JETS:
            return rows
        seed = derive(self.config.seed, "ucluster", "kmeans", "rows")
        return np.sort(np.random.default_rng(seed).choice(rows, KMEANS_JETS, replace=False))

    def _fit_clusters(self, embedding: NDArray, labels: NDArray[np.int32]) -> None:
        config = self.config
        seed = derive(config.seed, "ucluster", "kmeans")
        centroids, assignment = clustering.kmeans(embedding, config.clusters, seed, config.restarts)
        if config.cluster_loss == "kmeans":
            self.clusters.start(centroids, 1.0, None)
            return
        mixture = clustering.best_mixture(
            labels, self.bins, assignment, config.clusters, seed, config.restarts
        )
        weight = mixture.posterior(labels)
        centroids = (weight.T @ embedding / weight.sum(0)[:, None]).astype(np.float32)
        distance = ((embedding[:, None, :] - centroids) ** 2).sum(2)
        spread = float((weight * distance).sum() / len(embedding))
        self.clusters.start(centroids, 1 / spread, mixture)

    def figures(self) -> dict[str, Any]:
        """The record of one epoch: train it, validate, and check that the ranks still agree.

        Raises:
            BoostflowError: the loss or a weight is not finite any more.
        """
        if self.epoch == self.config.epochs[0]:
            self.start_clusters()
        record = self.run_epoch() | self.validate()
        # Where maxima are taken, kernels of some processors pass over NaN: the loss may look well.
        weights = all(np.isfinite(variable.numpy()).all() for variable in self.variables)
        if not (weights and np.isfinite(record["loss"])):
            raise BoostflowError(
                f"the training diverged in epoch {self.epoch}: lower models.ucluster.learning_rate"
            )
        self.check_ranks(f"after epoch {self.epoch}")
        return record

    def fingerprint(self) -> dict[str, Any]:
        """What a checkpoint must agree on: the configuration and the jets.

        The number of processes may change: it does not enter the result.
        """
        return {
            "config": self.config.model_dump(mode="json", exclude={"processes"}),
            "jets": [self.training.digest, self.validation.digest],
        }

    def save(self, path: Path) -> None:
        """Write a checkpoint (rank 0 alone calls this)."""
        header = {
            "fingerprint": self.fingerprint(),
            "epoch": self.epoch,
            "history": self.history,
        }
        checkpoint.write(path, header, checkpoint.arrays_of(self.variables))

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint if rank 0 finds one that fits; otherwise start afresh.

        A damaged checkpoint, or one of another configuration or other jets, is not an error: the
        log says so and the training starts from the beginning.
        """
        state = None
        if self.ranks.rank == 0 and path.exists():
            try:
                header, arrays = checkpoint.read(path)
                if header.get("fingerprint") == self.fingerprint():
                    state = header["epoch"], header["history"]
                    checkpoint.restore(path, self.variables, arrays)
                else:
                    log.warning("%s is of another configuration or other jets: not used", path)
            except BoostflowError as error:
                log.warning("%s: starting from the beginning", error)
        state = self.ranks.broadcast_object(state)
        if state is not None:
            self.epoch, self.history = state
            self.ranks.broadcast(self.variables)
            self.check_ranks("after resuming")
            log.info("resumed after epoch %d", self.epoch)

    def write(self, output: Path, jets: Path, seconds: float, names: list[str]) -> None:
        """Write the model's directory (rank 0 alone calls this).

        Args:
            output: the directory.
            jets: folder of packed jets.
            seconds: wall time of the training.
            names: devices of the ranks.
        """
        config = self.config
        header = {
            "config": config.model_dump(mode="json"),
            "features": list(FEATURES[: used(config.local_pt)]),
            "bins": self.bins,
        }
        arrays = {
            **checkpoint.arrays_of([*self.network.variables, *self.clusters.variables]),
            **{f"edges_{view}": e for view, e in zip(self.views, self.edges, strict=True)},
        }
        last = {name: values[-1] for name, values in self.history.items()}
        final = last | {
            "training_jets": len(self.training),
            "validation_jets": len(self.validation),
            "processes": self.ranks.size,
            "seconds": round(seconds, 1),
        }
        inputs = [jets / store.INDEX]  # holds a digest of all jets
        with atomic(output) as part:
            part.mkdir()
            checkpoint.write(part / checkpoint.MODEL, header, arrays)
            export.write(part / export.ONNX, header, arrays)
            saved.write(part / saved.KERAS, self.network, self.clusters)
            write_json(part / "metrics.json", {"history": self.history, "final": final})
            write_json(
                part / "manifest.json",
                manifest(config, inputs, PACKAGES, seconds, devices=names),
            )


def train(
    jets: Path,
    config: UCluster,
    output: Path,
    ranks: Single,
    checkpoints: Path | None = None,
) -> None:
    """Train on all ranks; rank 0 writes `output` at the end and a checkpoint after each epoch.

    Args:
        jets: folder of packed jets (`store.write`).
        config: the model's block.
        output: directory to write (docs/ucluster.md, "Reading a model").
        ranks: the processes of this training.
        checkpoints: directory of the checkpoint from which a killed training continues, and of the
            figures for TensorBoard.

    Raises:
        BoostflowError: the same one on every rank.
    """
    with ranks.together():
        _train(jets, config, output, ranks, checkpoints)


def _train(
    jets: Path, config: UCluster, output: Path, ranks: Single, checkpoints: Path | None
) -> None:
    start = time.monotonic()
    device = devices.prepare()
    error, splits = None, None
    try:
        splits = store.read(jets, config)
        _check_ranks_fit(len(splits[0]), config, ranks.size)
    except BoostflowError as problem:
        error = problem
    ranks.agree(error)
    assert splits is not None
    names = devices.report(device, ranks)
    trainer = Trainer(config, *splits, ranks)
    path = None if checkpoints is None else checkpoints / CHECKPOINT
    if path is not None:
        trainer.resume(path)
    board = None
    if checkpoints is not None and ranks.rank == 0:
        board = tf.summary.create_file_writer(str(checkpoints / TENSORBOARD))
    total = sum(config.epochs)
    begin, first = time.monotonic(), trainer.epoch
    if ranks.rank == 0:
        log.info(
            "%d training and %d validation jets, %d parameters, %d processes",
            len(trainer.training),
            len(trainer.validation),
            trainer.network.count_params(),
            ranks.size,
        )
    while trainer.epoch < total:
        record = trainer.figures()
        for name, value in record.items():
            trainer.history.setdefault(name, []).append(value)
        trainer.epoch += 1
        if ranks.rank == 0:
            done = trainer.epoch - first
            left = (time.monotonic() - begin) / done * (total - trainer.epoch)
            if path is not None:
                trainer.save(path)
            if board is not None:
                _show(board, record)
            print(_line(record, total, left), file=sys.stderr, flush=True)
    if ranks.rank == 0:
        trainer.write(output, jets, time.monotonic() - start, names)
        if path is not None:
            path.unlink(missing_ok=True)
    ranks.agree(None)


def _check_ranks_fit(jets: int, config: UCluster, size: int) -> None:
    if min(jets, config.batch) < size:
        raise BoostflowError(
            f"{size} processes share a batch of {min(jets, config.batch)} jets; start fewer or"
            " raise `batch`"
        )


def _show(board: tf.summary.SummaryWriter, record: dict[str, Any]) -> None:
    """An epoch's figures for TensorBoard."""
    with board.as_default(step=record["epoch"]):
        for name, value in record.items():
            if name != "epoch" and value is not None:
                tf.summary.scalar(name, value)
    board.flush()


def _line(record: dict[str, Any], total: int, left: float) -> str:
    phase = "joint" if record["alpha"] > 0 else "pre-training"
    accuracy = record["clustering_accuracy"]
    return (
        f"ucluster: epoch {record['epoch'] + 1}/{total} ({phase}), loss {record['loss']:.4f},"
        f" validation {record['validation_loss']:.4f},"
        f" mass bin {record['validation_mass_bin_accuracy']:.3f},"
        + (f" clusters {accuracy:.3f}," if accuracy is not None else "")
        + f" {record['jets_per_second']:.0f} jets/s, {left:.0f} s left"
    )

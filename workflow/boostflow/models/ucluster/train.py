"""The training: pre-training on mass bins, k-means, joint training; the loop is the package's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.constituents import shards
from boostflow.models.family import family_of
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
from boostflow.training import checkpoint, loop
from boostflow.training.data import in_order, read_ahead
from boostflow.training.learner import Learner
from boostflow.training.ranks import Single, check_same

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

log = logging.getLogger("ucluster")

KMEANS_JETS = 50_000
"""k-means looks at this many units at most."""


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.training.loop.train`.

    Args:
        job: the model's block.
        files: folder of packed jets (`store.write`), folder to write (docs/ucluster.md, "Reading a
            model"), folder of the checkpoint.

    Raises:
        BoostflowError: the same one on every rank.
    """
    folder, config = files.prepared, job.model
    assert folder is not None and isinstance(config, UCluster)
    loop.train(
        job,
        files,
        lambda ranks: UClusterLearner(config, *store.read(folder, config), ranks),
        made_from=[folder / shards.INDEX],  # holds a digest of all jets
        packages=family_of(config).packages,
    )


class UClusterLearner(Learner):
    """The network and its clusters in training."""

    def __init__(
        self,
        config: UCluster,
        training: store.Jets,
        validation: store.Jets,
        ranks: Single,
    ) -> None:
        self.config, self.ranks = config, ranks
        self.training, self.validation = training, validation
        self.epochs, self.batch = sum(config.epochs), config.batch
        self.units, self.validation_units = len(training), len(validation)
        self.digests = [training.digest, validation.digest]
        self.schedule = schedule.learning_rate(config)
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
        self.alpha = tf.constant(0.0)
        """Inverse temperature of the assignment in this epoch."""
        self.steps = {joint: self._compile(joint) for joint in (False, True)}
        self.forward = tf.function(
            lambda g: self.network(g, training=False),
            input_signature=[signature(config.neighbours)],
            autograph=False,
        )

    @property
    def trainable(self) -> list[Any]:
        """Keras variables that the optimiser changes."""
        return [*self.network.trainable_variables, *self.clusters.trainable_variables]

    @property
    def variables(self) -> list[Any]:
        """Network, clusters, and the state of the optimiser."""
        return [*self.network.variables, *self.clusters.variables, *self.optimizer.variables]

    def share_gradients(
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

        def loss() -> tuple[tf.Tensor, tf.Tensor]:
            embedding, logits = self.network(inputs, training=True)
            task = tf.add_n(
                [
                    losses.focal(z, labels[:, v], self.config.focal_gamma)
                    for v, z in enumerate(logits)
                ]
            ) / len(logits)
            cluster = self.clusters.loss(embedding, labels, alpha) if joint else tf.constant(0.0)
            total = self.config.pretext_weight * task + self.config.cluster_weight * cluster
            right = tf.reduce_sum(
                tf.cast(tf.argmax(logits[0], 1, tf.int32) == labels[:, 0], tf.float32)
            )
            count = tf.cast(tf.shape(labels)[0], tf.float32)
            return total / jets, tf.stack([task, cluster, right, count])

        return self.gradients(loss, self._sources(joint))

    def _sources(self, joint: bool) -> list[Any]:
        return self.trainable if joint else self.network.trainable_variables

    def _compile(self, joint: bool) -> Callable[..., tf.Tensor]:
        @tf.function(
            input_signature=[
                signature(self.config.neighbours),
                tf.TensorSpec((None, len(self.bins)), tf.int32),
                tf.TensorSpec((), tf.float32),
                tf.TensorSpec((), tf.float32),
            ],
            autograph=False,
        )
        def step(inputs: Graph, labels: tf.Tensor, jets: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
            found, sums = self.share_gradients(inputs, labels, jets, alpha, joint)
            self.optimizer.apply(found, self._sources(joint))
            return sums

        return step

    def batches(self, epoch: int) -> tf.data.Dataset:
        """Graph and labels (B, V) of this rank in each step of the epoch."""
        config, jets = self.config, self.training
        labels = self.labels[id(jets)]

        def read() -> Iterator[tuple[Graph, NDArray[np.int32]]]:
            for rows in jets.shuffled(
                config.batch, config.seed, epoch, self.ranks.rank, self.ranks.size
            ):
                b = jets.batch(rows)
                yield Graph(b.features, b.momenta, b.neighbours, b.counts), labels[rows]

        shapes = signature(config.neighbours), tf.TensorSpec((None, len(self.bins)), tf.int32)
        return read_ahead(read, shapes)

    def before_epoch(self, epoch: int) -> None:
        """Between the phases come the clusters."""
        if epoch == self.config.epochs[0]:
            self.start_clusters()
        self.alpha = tf.constant(schedule.alpha(self.config, epoch))

    def before_step(self, seen: int) -> None:
        """The running averages decay more slowly as the training goes on."""
        if self.config.batch_norm:
            self.network.set_momentum(schedule.bn_momentum(seen))

    def step(self, inputs: Graph, labels: tf.Tensor) -> tf.Tensor:
        """A step of the phase that this epoch belongs to: sums as of `share_gradients`."""
        jets = tf.constant(float(self.width))
        return self.steps[bool(self.alpha > 0)](inputs, labels, jets, self.alpha)

    def warm_up(self, inputs: tuple[Any, ...], epoch: int) -> None:
        """Both phases, as far as they are still to come, and the forward pass."""
        for joint in {schedule.alpha(self.config, e) > 0 for e in range(epoch, self.epochs)}:
            self.alpha = tf.constant(float(joint))
            self.step(*inputs)
        self.forward(inputs[0])

    def settings(self, epoch: int) -> dict[str, float]:
        """The inverse temperature."""
        return {"alpha": schedule.alpha(self.config, epoch)}

    def figures(self, sums: NDArray) -> dict[str, float]:
        """Losses and the share of jets whose mass bin was right, from the sums of all ranks."""
        task, cluster, right, jets = (float(x) for x in sums)
        config = self.config
        return {
            "loss": (config.pretext_weight * task + config.cluster_weight * cluster) / jets,
            "pretext_loss": task / jets,
            "cluster_loss": cluster / jets,
            "mass_bin_accuracy": right / jets,
        }

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
        embeddings, views, numbers = zip(*parts, strict=True)
        joined = [np.concatenate(z) for z in zip(*views, strict=True)]
        return np.concatenate(embeddings), joined, np.concatenate(numbers)

    def validate(self, epoch: int) -> NDArray:
        """Sums as of a step, then the jets of each class in each cluster, flattened."""
        jets = self.validation
        embedding, logits, rows = self.embed(jets, np.arange(len(jets)))
        labels = self.labels[id(jets)][rows]
        alpha = schedule.alpha(self.config, epoch)
        task = sum(
            float(losses.focal(tf.constant(z), tf.constant(labels[:, v]), self.config.focal_gamma))
            for v, z in enumerate(logits)
        ) / len(logits)
        cluster = (
            float(self.clusters.loss(tf.constant(embedding), tf.constant(labels), alpha))
            if alpha > 0
            else 0.0
        )
        right = float((logits[0].argmax(1) == labels[:, 0]).sum())
        table = clustering.contingency(
            jets.truth[rows],
            self.clusters.assign_jets(embedding),
            max(len(jets.classes), 1),
            self.config.clusters,
        )
        return np.concatenate([[task, cluster, right, len(rows)], table.ravel()])

    def validation_figures(self, total: NDArray) -> dict[str, float | None]:
        """Figures of the training on the validation split, and the clustering accuracy.

        The accuracy comes from one matching of all jets, which is reported and never acted on; it
        is None before there are clusters.
        """
        table = total[4:].astype(np.int64).reshape(-1, self.config.clusters)
        accuracy = clustering.matched_accuracy(table)
        known = self.alpha > 0 and np.isfinite(accuracy)
        return {
            **super().validation_figures(total[:4]),
            "clustering_accuracy": accuracy if known else None,
        }

    def line(self, record: dict[str, Any]) -> str:
        """Phase, losses and accuracies."""
        accuracy = record["clustering_accuracy"]
        return (
            f"({'joint' if record['alpha'] > 0 else 'pre-training'}), {super().line(record)},"
            f" mass bin {record['validation_mass_bin_accuracy']:.3f}"
            + (f", clusters {accuracy:.3f}" if accuracy is not None else "")
        )

    def start_clusters(self) -> None:
        """k-means on the embedding (and the mixture from there) by rank 0, for all ranks."""
        config = self.config
        mine, _, rows = self.embed(self.training, self._kmeans_rows())
        embedding, rows = self.ranks.gather(mine), self.ranks.gather(rows)
        # k-means depends on the order, which must not depend on the number of ranks.
        order = np.argsort(rows)
        embedding, rows = embedding[order], rows[order]
        labels = self.labels[id(self.training)][rows]
        seed = derive(config.seed, "ucluster", "kmeans")
        self.ranks.first(lambda: self.clusters.fit(embedding, labels, seed))
        self.ranks.broadcast(self.clusters.variables)
        check_same(self.ranks, self.variables, "after k-means")
        log.info("k-means: %d clusters from %d jets", config.clusters, len(embedding))

    def _kmeans_rows(self) -> NDArray[np.int64]:
        """The training units that k-means looks at."""
        rows = np.arange(len(self.training))
        if len(rows) <= KMEANS_JETS:
            return rows
        seed = derive(self.config.seed, "ucluster", "kmeans", "rows")
        return np.sort(np.random.default_rng(seed).choice(rows, KMEANS_JETS, replace=False))

    def header(self) -> dict[str, Any]:
        """What model.npz says of the network besides its weights."""
        return {
            "config": self.config.model_dump(mode="json"),
            "features": list(FEATURES[: used(self.config.local_pt)]),
            "bins": self.bins,
        }

    def write(self, folder: Path) -> None:
        """Write model.npz, model.onnx and model.keras."""
        header = self.header()
        arrays = {
            **checkpoint.arrays_of([*self.network.variables, *self.clusters.variables]),
            **{f"edges_{view}": e for view, e in zip(self.views, self.edges, strict=True)},
        }
        checkpoint.write(folder / checkpoint.MODEL, header, arrays)
        export.write(folder / export.ONNX, header, arrays)
        saved.write(folder / saved.KERAS, self.network, self.clusters)

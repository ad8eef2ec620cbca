"""The trainable part of the clustering: centroids and, for the mixture, the mass tables."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.models.ucluster import losses
from boostflow.models.ucluster.block import UCluster
from boostflow.models.ucluster.clustering import Mixture, best_mixture, kmeans


class Clusters(keras.layers.Layer):
    """K centroids in the embedding space; distances are in units of `scale`.

    Weights: centroids (K, D), scale (), and with the mixture the logarithms of the clusters' shares
    (K,) and of each view's probabilities (K, bins).
    """

    def __init__(self, config: UCluster, bins: list[int]) -> None:
        super().__init__(name="clusters")
        self.config, self.bins = config, bins
        self.mixture = config.cluster_loss == "mixture"
        k = config.clusters
        self.centroids = self.add_weight(
            shape=(k, config.embedding), initializer="zeros", name="centroids"
        )
        self.scale = self.add_weight(shape=(), initializer="ones", trainable=False, name="scale")
        if self.mixture:
            self.prior = self.add_weight(
                shape=(k,), initializer="zeros", trainable=False, name="prior"
            )
            self.tables = [
                self.add_weight(
                    shape=(k, n), initializer="zeros", trainable=False, name=f"table_{v}"
                )
                for v, n in enumerate(bins)
            ]
        self.built = True

    def start(self, centroids: NDArray, scale: float, mixture: Mixture | None) -> None:
        """Take over what k-means (and the mixture fit) found."""
        self.centroids.assign(centroids)
        self.scale.assign(scale)
        if mixture is not None:
            self.prior.assign(mixture.log_prior)
            for table, value in zip(self.tables, mixture.log_tables, strict=True):
                table.assign(value)

    def fit(self, embedding: NDArray, labels: NDArray[np.int32], seed: int) -> None:
        """Find the clusters: k-means on the embedding, and the mixture from there.

        Args:
            embedding: (B, D).
            labels: (B, V) mass bins.
            seed: of the starts.

        Raises:
            BoostflowError: fewer different jets than clusters.
        """
        config = self.config
        centroids, assignment = kmeans(embedding, config.clusters, seed, config.restarts)
        if not self.mixture:
            self.start(centroids, 1.0, None)
            return
        mixture = best_mixture(
            labels, self.bins, assignment, config.clusters, seed, config.restarts
        )
        weight = mixture.posterior(labels)
        centroids = (weight.T @ embedding / weight.sum(0)[:, None]).astype(np.float32)
        distance = ((embedding[:, None, :] - centroids) ** 2).sum(2)
        spread = float((weight * distance).sum() / len(embedding))
        self.start(centroids, 1 / spread, mixture)

    def distances(self, embedding: tf.Tensor) -> tf.Tensor:
        """Squared distances (B, K) to the centroids, scaled."""
        return self.scale * losses.squared_distances(embedding, self.centroids)

    def loss(self, embedding: tf.Tensor, labels: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
        """The clustering loss, summed over the jets (B, D), (B, V)."""
        distances = self.distances(embedding)
        if not self.mixture:
            return losses.kmeans(distances, alpha)
        log_joint = self.prior.value + tf.add_n(
            [tf.gather(tf.transpose(t.value), labels[:, v]) for v, t in enumerate(self.tables)]
        )
        return losses.assignment(distances, alpha, log_joint)

    def assign_jets(self, embedding: NDArray) -> NDArray[np.int64]:
        """The nearest centroid of each jet."""
        return np.argmin(self.distances(tf.constant(embedding)).numpy(), axis=1)

"""The losses, each the sum over the jets of a rank: the total over ranks is the batch's loss."""

from __future__ import annotations

import tensorflow as tf


def squared_distances(embedding: tf.Tensor, centroids: tf.Tensor) -> tf.Tensor:
    """(B, D), (K, D) -> squared Euclidean distances (B, K)."""
    return tf.reduce_sum((embedding[:, None, :] - centroids[None, :, :]) ** 2, axis=2)


def focal(logits: tf.Tensor, labels: tf.Tensor, gamma: float) -> tf.Tensor:
    """Focal loss sum (1 - p)^gamma (-log p) with p the probability of the right bin (B, n), (B,).

    Lin et al., arXiv:1708.02002, eq. 4; gamma 0 is cross-entropy.
    """
    log_p = -tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    if gamma == 0:
        return -tf.reduce_sum(log_p)
    # The published code guards the logarithm: log(p + 1e-9).
    p = tf.exp(log_p)
    return -tf.reduce_sum((1 - p) ** gamma * tf.math.log(p + 1e-9))


def kmeans(distances: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """The published clustering loss, sum over jets and clusters of softmax(-alpha d^2) d^2.

    arXiv:2010.07106, eq. 3 and 4; distances (B, K) are squared.
    """
    return tf.reduce_sum(tf.nn.softmax(-alpha * distances) * distances)


def assignment(distances: tf.Tensor, alpha: tf.Tensor, log_joint: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of the assignment q = softmax(-alpha d^2) with a mixture's posterior.

    Args:
        distances: (B, K) squared distances to the centroids.
        alpha: inverse temperature.
        log_joint: (B, K), log of share of the cluster times probability of the jet's mass bins.
    """
    posterior = tf.nn.softmax(log_joint)
    return -tf.reduce_sum(posterior * tf.nn.log_softmax(-alpha * distances))

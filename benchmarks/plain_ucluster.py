"""The published graph of UCluster written plainly, layer by layer: the package's yardstick.

Jets are padded to a fixed number of particles with zeros and the padding takes part in everything,
as in the original (arXiv:2010.07106): in both graphs, which every step computes, in the moments of
batch normalisation and in the mean over the particles. The weights are those of
`boostflow.models.ucluster.network.Network` (preset paper), so the two can be compared.

Shapes: B jets, N particles of each, k neighbours, F features.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from boostflow.io import read_json, write_json
from boostflow.models.ucluster import store
from boostflow.models.ucluster.architecture import BN_EPSILON, LEAK
from boostflow.models.ucluster.block import UCluster
from boostflow.models.ucluster.features import PUBLISHED
from boostflow.models.ucluster.network import Graph, Network


class PlainNetwork:
    """Stands in for a learner's `Network`; shares the variables of the one it is made from."""

    def __init__(self, network: Network, particles: int) -> None:
        self.network, self.particles = network, particles
        self.config = network.config
        self.weights = {v.path.removeprefix("ucluster/"): v for v in network.variables}

    @property
    def trainable_variables(self) -> list[Any]:
        return self.network.trainable_variables

    @property
    def variables(self) -> list[Any]:
        return self.network.variables

    def set_momentum(self, momentum: float) -> None:
        """Decay of all running averages from now on."""
        self.network.set_momentum(momentum)

    def __call__(self, graph: Graph, training: bool) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Embedding (B, 3) and logits of the mass bins; every jet has `particles` particles."""
        config, k = self.config, self.config.neighbours
        inputs = graph.features[:, :PUBLISHED]
        inputs = tf.reshape(inputs, (-1, self.particles, PUBLISHED))
        x, kept, maxima = inputs, [], []
        for i, layers in enumerate(config.hidden):
            neighbours = nearest(inputs[:, :, :2] if i == 0 else x, k)
            x, highest = self.attention(f"attention_{i}", x, neighbours, training)
            maxima.append(highest)
            x = tf.concat([x, inputs], axis=2)
            for j in range(len(layers)):
                x = self.dense(f"hidden_{i}_{j}", x, training)
                kept.append(x)
        x = self.dense("embedding", tf.concat([*kept, *maxima], axis=2), training)
        embedding = x = tf.reduce_mean(x, axis=1)
        for i in range(len(config.head)):
            x = self.dense(f"head_0_{i}", x, training)
        return embedding, [tf.matmul(x, self.weights["logits_0/kernel"]) + self.bias("logits_0")]

    def attention(
        self, name: str, x: tf.Tensor, neighbours: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """x (B, N, F), neighbours (B, N, k) -> attention and maximum, (B, N, width)."""
        node = self.dense(f"{name}/node", x, training, bias=False)
        difference = x[:, :, None, :] - tf.gather(x, neighbours, batch_dims=1)
        edge = self.dense(f"{name}/edge", difference, training)
        logit = self.dense(f"{name}/node_logit", node, training)[:, :, None, :]
        logit = logit + self.dense(f"{name}/edge_logit", edge, training)
        share = tf.nn.softmax(tf.nn.leaky_relu(logit, LEAK), axis=2)
        out = tf.nn.relu(tf.reduce_sum(share * edge, axis=2) + self.bias(name))
        return out, tf.reduce_max(edge, axis=2)

    def dense(self, name: str, x: tf.Tensor, training: bool, bias: bool = True) -> tf.Tensor:
        """relu(BN(x W + b))."""
        x = tf.tensordot(x, self.weights[f"{name}/kernel"], 1)
        if bias:
            x = x + self.bias(name)
        return tf.nn.relu(self.batch_norm(f"{name}/norm", x, training))

    def bias(self, name: str) -> keras.Variable:
        return self.weights[f"{name}/bias"]

    def batch_norm(self, name: str, x: tf.Tensor, training: bool) -> tf.Tensor:
        """Batch normalisation over all axes but the last, from the moments."""
        w = {key: self.weights[f"{name}/{key}"] for key in ("gamma", "beta", "mean", "variance")}
        mean, variance = w["mean"].value, w["variance"].value
        if training:
            mean, variance = tf.nn.moments(x, list(range(len(x.shape) - 1)))
            momentum = self.weights[f"{name}/momentum"]
            for average, value in ((w["mean"], mean), (w["variance"], variance)):
                average.assign(momentum * average + (1 - momentum) * value)
        return tf.nn.batch_normalization(
            x, mean, variance, w["beta"].value, w["gamma"].value, BN_EPSILON
        )


def nearest(x: tf.Tensor, k: int) -> tf.Tensor:
    """The k nearest of the N points x (B, N, F), the point itself among them, (B, N, k)."""
    x = tf.stop_gradient(x)
    square = tf.reduce_sum(x**2, axis=2, keepdims=True)
    distance = square + tf.transpose(square, (0, 2, 1)) - 2 * tf.matmul(x, x, transpose_b=True)
    return tf.math.top_k(-distance, k).indices


def pad(packed: Path, config: UCluster, output: Path) -> None:
    """Write packed jets again with zeros up to `constituents` particles, which count as particles.

    Args:
        packed: folder that `store.write` made.
        config: the model's block.
        output: folder to write.
    """
    particles = config.constituents
    index = read_json(packed / store.INDEX)
    output.mkdir()
    for jets in store.read(packed, config):
        batch = jets.batch(np.arange(len(jets)))
        jet = np.repeat(np.arange(len(jets)), batch.counts)
        place = np.arange(len(jet)) - np.repeat(
            np.cumsum(batch.counts) - batch.counts, batch.counts
        )
        rows = np.zeros((len(jets), particles), store.particle_type(config.neighbours))
        rows["features"][jet, place] = batch.features
        for some in np.array_split(np.arange(len(jets)), len(jets) // 256 + 1):
            rows["neighbours"][some] = nearest(
                tf.constant(rows["features"][some][:, :, :2]), config.neighbours
            )
        units = np.zeros(len(jets), store.jet_type(config.unit, jets.masses.shape[1]))
        units["counts"], units["masses"], units["truth"] = particles, jets.masses, jets.truth
        rows.tofile(output / f"{jets.name}-00000.particles")
        units.tofile(output / f"{jets.name}-00000.jets")
        split = index["splits"][jets.name]
        split["jets"], split["particles"] = [len(jets)], [rows.size]
    write_json(output / store.INDEX, index)

"""The graph network on packed jets: attention blocks, learned mass channels, embedding, mass bins.

Shapes: P particles, B units (jets, or events of J = 2 jets) of a batch, k neighbours, F features.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from boostflow.models.ucluster.architecture import (
    BN_EPSILON,
    GROOMING_WIDTH,
    JET_WIDTH,
    LEAK,
    SMALLEST_SQUARE,
)
from boostflow.models.ucluster.batch import Batch, jets_in
from boostflow.models.ucluster.block import UCluster
from boostflow.models.ucluster.features import FEATURES, used
from boostflow.training.ranks import Single


class Graph(NamedTuple):
    """Packed jets as tensors.

    features: (P, 9); momenta: (P, 4); neighbours: (P, k) positions inside the jet;
    counts: (B * J,) particles of each jet.
    """

    features: tf.Tensor
    momenta: tf.Tensor
    neighbours: tf.Tensor
    counts: tf.Tensor


class BatchNorm(keras.layers.Layer):
    """Batch normalisation over all leading axes and over the batches of all ranks.

    The moments come from all-reduced (sum x, sum x^2, count), so that N ranks normalise exactly as
    one would with the joint batch. The running averages decay with `momentum`, which the training
    sets.
    """

    def __init__(self, ranks: Single, name: str) -> None:
        super().__init__(name=name)
        self.ranks = ranks

    def build(self, shape: tuple) -> None:
        """Make scale, offset, running averages and their decay for inputs of shape (..., width)."""
        width = shape[-1]
        self.gamma = self.add_weight(shape=(width,), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(width,), initializer="zeros", name="beta")
        self.mean = self.add_weight(
            shape=(width,), initializer="zeros", trainable=False, name="mean"
        )
        self.variance = self.add_weight(
            shape=(width,), initializer="ones", trainable=False, name="variance"
        )
        self.momentum = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(0.5), trainable=False, name="momentum"
        )

    def call(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """Normalise x, shape (..., width); in training with the moments of all ranks' batches."""
        width = x.shape[-1]
        flat = tf.reshape(x, (-1, width))
        if not training:
            return self._scaled(x, self.mean, self.variance)
        if self.ranks.size == 1:
            normal, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=tf.reshape(flat, (1, -1, 1, width)),
                scale=self.gamma,
                offset=self.beta,
                mean=[],
                variance=[],
                epsilon=BN_EPSILON,
                is_training=True,
            )
            out = tf.reshape(normal, tf.shape(x))
        else:
            count = tf.cast(tf.shape(flat)[:1], x.dtype)
            sums = tf.concat([tf.reduce_sum(flat, 0), tf.reduce_sum(flat**2, 0), count], 0)
            sums = self.ranks.total(sums)
            mean = sums[:width] / sums[-1]
            variance = tf.maximum(sums[width:-1] / sums[-1] - mean**2, 0.0)
            out = self._scaled(x, mean, variance)
        for average, value in ((self.mean, mean), (self.variance, variance)):
            average.assign(self.momentum * average + (1 - self.momentum) * value)
        return out

    def _scaled(self, x: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor) -> tf.Tensor:
        scale = self.gamma * tf.math.rsqrt(variance + BN_EPSILON)
        return x * scale + (self.beta - mean * scale)


class Dense(keras.layers.Layer):
    """Linear layer, batch normalisation if asked for, ReLU if asked for."""

    def __init__(
        self, width: int, ranks: Single, norm: bool, name: str, relu: bool = True, bias: bool = True
    ) -> None:
        super().__init__(name=name)
        self.width, self.relu, self.bias = width, relu, bias
        self.norm = BatchNorm(ranks, "norm") if norm else None

    def build(self, shape: tuple) -> None:
        """Make kernel and offset for inputs of shape (..., features)."""
        self.kernel = self.add_weight(
            shape=(shape[-1], self.width), initializer="glorot_uniform", name="kernel"
        )
        self.offset = (
            self.add_weight(shape=(self.width,), initializer="zeros", name="bias")
            if self.bias
            else None
        )
        if self.norm is not None:
            self.norm.build((None, self.width))

    def finish(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """What follows the matrix product."""
        return self.activate(x if self.offset is None else x + self.offset, training)

    def activate(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """Batch normalisation and ReLU, as far as there are any."""
        if self.norm is not None:
            x = self.norm(x, training=training)
        return tf.nn.relu(x) if self.relu else x

    def call(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """Product, normalisation and ReLU of x, shape (..., features); gives (..., width)."""
        return self.finish(tf.matmul(x, self.kernel), training)


class Attention(keras.layers.Layer):
    """One graph attention block with one head (GAPNet, as in the published model)."""

    def __init__(self, width: int, ranks: Single, norm: bool, name: str) -> None:
        super().__init__(name=name)
        self.width = width
        self.node = Dense(width, ranks, norm, "node", bias=False)
        self.edge = Dense(width, ranks, norm, "edge")
        self.node_logit = Dense(1, ranks, norm, "node_logit")
        self.edge_logit = Dense(1, ranks, norm, "edge_logit")

    def build(self, shape: tuple) -> None:
        """Make the layers of the block for particles of shape (P, features)."""
        self.node.build(shape)
        self.edge.build(shape)
        self.node_logit.build((None, self.width))
        self.edge_logit.build((None, self.width))
        self.bias = self.add_weight(shape=(self.width,), initializer="zeros", name="bias")

    def call(
        self, x: tf.Tensor, neighbours: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """x (P, F), neighbours (P, k) as rows of x -> attention (P, width), maximum (P, width)."""
        node = self.node(x, training=training)
        # (x_i - x_j) W + b = (x_i W + b) - x_j W: multiply before the gather, k times less to do.
        w = tf.matmul(x, self.edge.kernel)
        edge = tf.expand_dims(w + self.edge.offset, 1) - tf.gather(w, neighbours)
        edge = self.edge.activate(edge, training)
        logit = self.edge_logit(tf.reshape(edge, (-1, self.width)), training=training)
        logit = tf.reshape(logit, tf.shape(neighbours)) + self.node_logit(node, training=training)
        attention = tf.nn.softmax(tf.nn.leaky_relu(logit, LEAK))
        # As a product of matrices: a product and a sum take four times as long.
        total = tf.squeeze(tf.matmul(tf.expand_dims(attention, 1), edge), 1)
        out = tf.nn.relu(total + self.bias)
        return out, tf.reduce_max(edge, axis=1)


class MassChannels(keras.layers.Layer):
    """Masses of the jet with learned weights of its particles: grooming that the network learns.

    Each channel weighs every particle with 0 to 1, from its features and the jet's mean features,
    adds up the weighted momenta and takes the mass, m^2 = p+ p- - px^2 - py^2. Weights of 1 give
    the jet mass, small ones for soft particles a groomed mass.
    """

    def __init__(self, channels: int, ranks: Single, norm: bool) -> None:
        super().__init__(name="masses")
        self.particle = Dense(GROOMING_WIDTH, ranks, norm, "particle")
        self.jet = Dense(GROOMING_WIDTH, ranks, False, "jet", bias=False)
        self.weight = Dense(channels, ranks, False, "weight", relu=False)

    def build(self, shape: tuple) -> None:
        """Make the layers of the channels for particles of shape (P, features)."""
        self.particle.build(shape)
        self.jet.build(shape)
        self.weight.build((None, GROOMING_WIDTH))
        assert self.weight.offset is not None
        # Begin with nearly all of each particle, that is with the mass of the whole jet.
        self.weight.offset.assign(tf.fill(self.weight.offset.shape, 2.0))

    def call(
        self, x: tf.Tensor, mean: tf.Tensor, momenta: tf.Tensor, jet: tf.Tensor, training: bool
    ) -> tf.Tensor:
        """Logarithms of the squared masses, (B, channels), in units of (100 GeV)^2.

        Args:
            x: (P, F) features of the particles.
            mean: (B, F) their means in each jet.
            momenta: (P, 4) light-cone momenta.
            jet: (P,) the jet of each particle.
            training: normalise with the moments of the batch.
        """
        around = tf.gather(tf.matmul(mean, self.jet.kernel), jet)
        hidden = self.particle.finish(tf.matmul(x, self.particle.kernel) + around, training)
        weight = tf.sigmoid(self.weight(hidden, training=training))
        total = tf.math.segment_sum(weight[:, :, None] * momenta[:, None, :], jet)
        plus, minus, px, py = tf.unstack(total, axis=2)
        return tf.math.log(tf.maximum(plus * minus - px**2 - py**2, SMALLEST_SQUARE))


class Network(keras.Model):
    """Particles to the embedding of the jet, and from there to the logits of its mass bins."""

    def __init__(self, config: UCluster, bins: list[int], ranks: Single) -> None:
        """`bins`: number of mass bins of each view."""
        super().__init__(name="ucluster")
        self.config, self.bins = config, bins
        norm = config.batch_norm

        def chain(widths: list[int], name: str) -> list[Dense]:
            return [Dense(w, ranks, norm, f"{name}_{i}") for i, w in enumerate(widths)]

        self.blocks = [
            Attention(w, ranks, norm, f"attention_{i}") for i, w in enumerate(config.attention)
        ]
        self.hidden = [chain(widths, f"hidden_{i}") for i, widths in enumerate(config.hidden)]
        channels = config.mass_channels
        self.masses = MassChannels(channels, ranks, norm) if channels else None
        self.jet = Dense(JET_WIDTH, ranks, norm, "jet") if channels else None
        self.jets = jets_in(config.unit)
        events = channels and self.jets > 1
        self.event = Dense(JET_WIDTH, ranks, norm, "event") if events else None
        relu = config.embedding_relu
        self.out = Dense(config.embedding, ranks, norm and relu, "embedding", relu=relu)
        self.heads = [chain(config.head, f"head_{v}") for v in range(len(bins))]
        self.logits = [
            Dense(n, ranks, False, f"logits_{v}", relu=False) for v, n in enumerate(bins)
        ]
        h = used(config.local_pt)
        self.feature_mean = self.add_weight(
            shape=(h,), initializer="zeros", trainable=False, name="feature_mean"
        )
        self.feature_std = self.add_weight(
            shape=(h,), initializer="ones", trainable=False, name="feature_std"
        )

        width = h
        local = 0
        for block, layers in zip(self.blocks, self.hidden, strict=True):
            block.build((None, width))
            width = block.width + h
            local += block.width
            for layer in layers:
                layer.build((None, width))
                width = layer.width
                local += width
        if self.masses is not None and self.jet is not None:
            self.masses.build((None, local))
            self.jet.build((None, local + channels))
            if self.event is not None:
                self.event.build((None, self.jets * self.jet.width))
            self.out.build((None, self.jet.width))
        else:
            self.out.build((None, local))
        for head, logits in zip(self.heads, self.logits, strict=True):
            width = config.embedding
            for layer in head:
                layer.build((None, width))
                width = layer.width
            logits.build((None, width))
        self.built = True

    def call(self, graph: Graph, training: bool = False) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Embedding (B, D) and the logits of each view's mass bins, (B, bins) each; B units."""
        jets = tf.shape(graph.counts)[0]
        jet = tf.repeat(tf.range(jets), graph.counts)
        starts = tf.cumsum(graph.counts, exclusive=True)
        inputs = graph.features[:, : self.feature_mean.shape[0]]
        inputs = (inputs - self.feature_mean) / self.feature_std
        neighbours = graph.neighbours + tf.gather(starts, jet)[:, None]
        x, kept, maxima = inputs, [], []
        for i, (block, layers) in enumerate(zip(self.blocks, self.hidden, strict=True)):
            if i and self.config.regraph:
                neighbours = nearest(x, jet, starts, graph.counts, self.config.neighbours)
            x, highest = block(x, neighbours, training=training)
            maxima.append(highest)
            x = tf.concat([x, inputs], axis=1)
            for layer in layers:
                x = layer(x, training=training)
                kept.append(x)
        kept += maxima
        if self.masses is None or self.jet is None:
            sizes = tf.reduce_sum(tf.reshape(graph.counts, (-1, self.jets)), axis=1)
            # The product of each part with its rows of the kernel: nothing wide is put together.
            rows = tf.split(self.out.kernel, [part.shape[1] for part in kept])
            parts = [tf.matmul(part, kernel) for part, kernel in zip(kept, rows, strict=True)]
            out = self.out.finish(tf.add_n(parts), training)
            total = tf.math.segment_sum(out, jet // self.jets)
            embedding = total / tf.cast(sizes, x.dtype)[:, None]
        else:
            x = tf.concat(kept, axis=1)
            mean = tf.math.segment_sum(x, jet) / tf.cast(graph.counts, x.dtype)[:, None]
            log_mass = self.masses(x, mean, graph.momenta, jet, training=training)
            unit = self.jet(tf.concat([mean, log_mass], axis=1), training=training)
            if self.event is not None:
                unit = tf.reshape(unit, (-1, self.jets * self.jet.width))
                unit = self.event(unit, training=training)
            embedding = self.out(unit, training=training)
        return embedding, self.predict_bins(embedding, training)

    def set_momentum(self, momentum: float) -> None:
        """Decay of all running averages from now on."""
        for layer in self._flatten_layers():
            if isinstance(layer, BatchNorm) and layer.momentum.numpy() != np.float32(momentum):
                layer.momentum.assign(momentum)

    def predict_bins(self, embedding: tf.Tensor, training: bool) -> list[tf.Tensor]:
        """Logits of each view's mass bins."""
        out = []
        for head, logits in zip(self.heads, self.logits, strict=True):
            x = embedding
            for layer in head:
                x = layer(x, training=training)
            out.append(logits(x, training=training))
        return out


def nearest(
    x: tf.Tensor, jet: tf.Tensor, starts: tf.Tensor, counts: tf.Tensor, k: int
) -> tf.Tensor:
    """The k nearest particles of the same jet in feature space, as rows of x, (P, k), itself first.

    Missing ones (jets with fewer than k particles) are the particle itself.
    """
    particles = tf.range(tf.shape(x)[0])
    here = particles - tf.gather(starts, jet)
    most = tf.maximum(tf.reduce_max(counts), k)
    slot = jet * most + here
    jets = tf.shape(counts)[0]
    x = tf.stop_gradient(x)
    dense = tf.reshape(
        tf.scatter_nd(slot[:, None], x, [jets * most, tf.shape(x)[1]]), [jets, most, x.shape[1]]
    )
    square = tf.reduce_sum(dense**2, axis=2)
    distance = (
        square[:, :, None] + square[:, None, :] - 2 * tf.matmul(dense, dense, transpose_b=True)
    )
    real = tf.range(most)[None, :] < counts[:, None]
    distance = tf.where(real[:, None, :], distance, np.inf)
    distance = tf.linalg.set_diag(distance, tf.fill([jets, most], -1.0))
    found = tf.gather(tf.reshape(tf.math.top_k(-distance, k).indices, [-1, k]), slot)
    found = tf.where(found < tf.gather(counts, jet)[:, None], found, here[:, None])
    return found + tf.gather(starts, jet)[:, None]


def graph(batch: Batch) -> Graph:
    """A batch as tensors."""
    return Graph(
        tf.constant(batch.features),
        tf.constant(batch.momenta),
        tf.constant(batch.neighbours),
        tf.constant(batch.counts),
    )


def signature(neighbours: int) -> Graph:
    """The shapes of a graph: one trace serves all batches."""
    return Graph(
        tf.TensorSpec((None, len(FEATURES)), tf.float32),
        tf.TensorSpec((None, 4), tf.float32),
        tf.TensorSpec((None, neighbours), tf.int32),
        tf.TensorSpec((None,), tf.int32),
    )

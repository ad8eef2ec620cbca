"""Parts of graph networks, made of layers that Keras knows: attention, new graphs, learned masses.

Shapes: B jets, padded to n particles, of which each has k neighbours. A neighbour is a row of the
particles of all jets one after the other, (B n, F), so that one gather serves the batch.
"""

from __future__ import annotations

import keras

from boostflow.models.kerasmodel import dense

LEAK = 0.2
"""Slope of the attention's leaky ReLU below zero (arXiv:1905.08705)."""
GROOMING_WIDTH = 32
SMALLEST_SQUARE = 1e-4
"""Floor of a squared mass (100 GeV)^2 below its logarithm: 1 GeV."""


def gathered(x: keras.KerasTensor, rows: keras.KerasTensor) -> keras.KerasTensor:
    """Features of the neighbours (B, n, k, F), from those of particles (B, n, F)."""
    return keras.ops.take(keras.ops.reshape(x, (-1, x.shape[-1])), rows, axis=0)


def attention(
    x: keras.KerasTensor, rows: keras.KerasTensor, width: int, name: str
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """One graph attention block with one head (GAPNet, arXiv:1905.08705).

    An edge is a layer of x_i A - x_j B; in GAPNet A is B.

    Args:
        x: features of the particles, (B, n, F).
        rows: neighbours of each, (B, n, k).
        width: W, of nodes and edges.
        name: the names of its layers begin with it.

    Returns:
        Sums of the edges with attention as their weights, and largest edges, (B, n, W) each.
    """
    ops, linear = keras.ops, keras.layers.Dense
    node = dense(width, f"{name}_node")(x)
    # Products before the gather: k times less to do.
    here = linear(width, name=f"{name}_here")(x)
    there = linear(width, use_bias=False, name=f"{name}_there")(x)
    edge = ops.relu(ops.expand_dims(here, 2) - gathered(there, rows))
    logit = ops.squeeze(linear(1, name=f"{name}_edge_logit")(edge), axis=-1)
    logit = logit + linear(1, name=f"{name}_node_logit")(node)
    weight = keras.layers.Softmax()(keras.layers.LeakyReLU(negative_slope=LEAK)(logit))
    total = ops.squeeze(ops.matmul(ops.expand_dims(weight, 2), edge), axis=2)
    return total, ops.max(edge, axis=2)


def nearest(
    x: keras.KerasTensor, mask: keras.KerasTensor, rows: keras.KerasTensor, k: int
) -> keras.KerasTensor:
    """The k nearest particles of the same jet in the space of features, (B, n, k).

    Missing ones, of jets with fewer than k particles, are the particle itself.

    Args:
        x: features, (B, n, F), with n at least k.
        mask: 1 where there is a particle, else 0, (B, n, 1).
        rows: other neighbours, of which the first is the particle itself, (B, n, any).
        k: number of neighbours.
    """
    ops = keras.ops
    square = ops.sum(ops.square(x), axis=-1, keepdims=True)
    turned = ops.transpose(x, (0, 2, 1))
    near = 2.0 * ops.matmul(x, turned) - square - ops.transpose(square, (0, 2, 1))
    near = near + (ops.transpose(mask, (0, 2, 1)) - 1.0) * 1e9
    _, found = ops.top_k(near, k)
    particles = ops.cast(ops.sum(mask, axis=1, keepdims=True), "int32")
    return ops.where(ops.less(found, particles), found + rows[:, :1, :1], rows[:, :, :1])


def masses(
    x: keras.KerasTensor,
    mean: keras.KerasTensor,
    mask: keras.KerasTensor,
    momenta: keras.KerasTensor,
    channels: int,
) -> keras.KerasTensor:
    """Masses of the jet with learned weights of its particles: grooming that the network learns.

    Each channel weighs every particle with 0 to 1, adds up the weighted momenta and takes the mass,
    m^2 = p+ p- - px^2 - py^2. The weights begin near 1, with the mass of the whole jet.

    Args:
        x: features of the particles, (B, n, F).
        mean: features of the jet, (B, G).
        mask: 1 where there is a particle, else 0, (B, n, 1).
        momenta: of the particles (`Packed.momenta`), (B, n, 4).
        channels: C.

    Returns:
        Logarithms of the squared masses in (100 GeV)^2, (B, C).
    """
    ops, layers = keras.ops, keras.layers
    around = ops.expand_dims(layers.Dense(GROOMING_WIDTH, use_bias=False)(mean), 1)
    hidden = ops.relu(layers.Dense(GROOMING_WIDTH)(x) + around)
    start = keras.initializers.Constant(2.0)
    weight = layers.Dense(channels, activation="sigmoid", bias_initializer=start)(hidden) * mask
    total = ops.matmul(ops.transpose(weight, (0, 2, 1)), momenta)
    plus, minus, across, along = (total[:, :, i] for i in range(4))
    square = plus * minus - ops.square(across) - ops.square(along)
    return ops.log(ops.maximum(square, SMALLEST_SQUARE))

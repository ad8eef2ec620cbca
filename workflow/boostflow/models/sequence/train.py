"""Training of sequences: the network; all else is that of every tagger.

Padding has no effect: recurrent layers end with the last constituent, convolutions see zeros beyond
it, attention has no weight there, and the mean and maximum leave it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from boostflow.models import tagger_train
from boostflow.models.kerasmodel import head
from boostflow.models.packed import MASK
from boostflow.models.sequence.block import Sequences
from boostflow.models.tagger_train import Inputs

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

FAR = -1e3
"""A maximum over constituents never takes what is padded."""

layers, ops = keras.layers, keras.ops


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.models.tagger_train.train`."""
    tagger_train.train(job, files, network)


def network(config: Sequences, inputs: Inputs, classes: int) -> keras.KerasTensor:
    """Logits (B, classes) of sequences (B, n, F), from mean and maximum of what layers find."""
    kinds = {"convolution": convolutions, "attention": attention}
    x = kinds.get(config.layers, recurrent)(config, inputs)
    there = inputs.mask
    # Jets may have no tracks or vertices: both are 0 then.
    number = ops.sum(there, axis=1)
    mean = ops.sum(x * there, axis=1) / ops.maximum(number, 1.0)
    top = ops.max(ops.where(there > 0.5, x, FAR), axis=1)
    top = ops.where(number > 0.5, top, 0.0)
    x = inputs.with_observables(layers.Concatenate()([mean, top]))
    return head(x, config.head, config.dropout, classes)


def recurrent(config: Sequences, inputs: Inputs) -> keras.KerasTensor:
    """States (B, n, width) of gated recurrent units, or long short-term memories."""
    kind = layers.GRU if config.layers == "gru" else layers.LSTM
    x, there = inputs.particles, ops.cast(inputs.given[MASK], "bool")
    for _ in range(config.depth):
        x = kind(config.width, return_sequences=True)(x, mask=there)
    return x


def convolutions(config: Sequences, inputs: Inputs) -> keras.KerasTensor:
    """Outputs (B, n, width) of convolutions, each added to its input from the second on."""
    x = inputs.particles
    for number in range(config.depth):
        found = layers.Conv1D(
            config.width,
            config.kernel,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
        )(x)
        # The offsets of a convolution are outputs of padded places, too.
        found = found * inputs.mask
        x = found if number == 0 else x + found
    return x


def attention(config: Sequences, inputs: Inputs) -> keras.KerasTensor:
    """Outputs (B, n, width) of an encoder of transformers (arXiv:1706.03762), normalised before.

    Places, counted from 1, are embedded and added to what is read.
    """
    mask = inputs.given[MASK]
    place = ops.cast(ops.cumsum(mask, axis=1), "int32")
    x = layers.Dense(config.width)(inputs.particles)
    x = x + layers.Embedding(config.constituents + 1, config.width)(place)
    seen = ops.expand_dims(mask, 1)
    for _ in range(config.depth):
        normal = layers.LayerNormalization(epsilon=1e-5)(x)
        mixing = layers.MultiHeadAttention(config.heads, config.width // config.heads)
        x = x + mixing(normal, normal, attention_mask=seen)
        found = layers.LayerNormalization(epsilon=1e-5)(x)
        found = layers.Dense(2 * config.width, activation="gelu")(found)
        x = x + layers.Dense(config.width)(found)
    return layers.LayerNormalization(epsilon=1e-5)(x)

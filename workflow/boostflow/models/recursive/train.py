"""Training of recursive networks: the network; all else is that of every tagger."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras

from boostflow.models import tagger_train
from boostflow.models.attention import gathered
from boostflow.models.kerasmodel import dense, head
from boostflow.models.recursive.block import ROOT, SUBJETS, RecursiveNetwork, level
from boostflow.models.tagger_train import Inputs

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

Cell = Callable[..., keras.KerasTensor]
"""From the states of two subjets and what is read of their merging to its state, (B, w, width)."""


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.models.tagger_train.train`."""
    assert isinstance(job.model, RecursiveNetwork)
    tagger_train.train(job, files, network)


def network(config: RecursiveNetwork, inputs: Inputs, classes: int) -> keras.KerasTensor:
    """Logits (B, classes): states from the particles up to the jet, level by level, then a head."""
    ops, width = keras.ops, config.width
    cell = gated(width) if config.gated else plain(width)
    states = dense(width)(dense(width)(inputs.particles)) * inputs.mask
    read = dense(width)(inputs.given[SUBJETS])
    table = ops.reshape(states, (-1, width))
    for number in range(1, config.depth() + 1):
        mergings = inputs.given[level(number)]
        one, two = (ops.take(table, mergings[:, :, i], axis=0) for i in range(2))
        state = cell(one, two, gathered(read, mergings[:, :, 2]))
        table = ops.concatenate([table, ops.reshape(state, (-1, width))], axis=0)
    x = ops.squeeze(ops.take(table, inputs.given[ROOT], axis=0), axis=1)
    x = inputs.with_observables(x)
    return head(x, config.head, config.dropout, classes)


def plain(width: int) -> Cell:
    """A layer of both states and the merging, as in arXiv:1702.00748."""
    layer = dense(width, "merging")

    def cell(*parts: keras.KerasTensor) -> keras.KerasTensor:
        return layer(keras.ops.concatenate(parts, axis=-1))

    return cell


def gated(width: int) -> Cell:
    """The gated recursive embedding of arXiv:1702.00748.

    Sigmoids weigh what the layer reads, a softmax of four what is kept: the layer's output, either
    state, or the merging.
    """
    reset = keras.layers.Dense(3 * width, activation="sigmoid", name="reset")
    layer = dense(width, "merging")
    keep = keras.layers.Dense(4 * width, name="keep")
    softmax = keras.layers.Softmax(axis=-2, name="kept")

    def cell(*parts: keras.KerasTensor) -> keras.KerasTensor:
        ops = keras.ops
        read = ops.concatenate(parts, axis=-1)
        new = layer(reset(read) * read)
        found = ops.concatenate([new, read], axis=-1)
        weight = softmax(keras.layers.Reshape((-1, 4, width))(keep(found)))
        return ops.sum(weight * keras.layers.Reshape((-1, 4, width))(found), axis=-2)

    return cell

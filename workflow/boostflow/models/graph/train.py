"""Training of graph networks: the network; all else is that of every tagger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from boostflow.models import attention, tagger_train
from boostflow.models.graph.block import MOMENTA, ROWS, GraphNetwork
from boostflow.models.kerasmodel import dense, head
from boostflow.models.tagger_train import Inputs

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.models.tagger_train.train`."""
    assert isinstance(job.model, GraphNetwork)
    tagger_train.train(job, files, network)


def network(config: GraphNetwork, inputs: Inputs, classes: int) -> keras.KerasTensor:
    """Logits (B, classes): attention blocks, the sum over particles, learned masses, a head."""
    rows, kept = inputs.given[ROWS], []
    x = inputs.particles
    for number, (width, hidden) in enumerate(zip(config.attention, config.hidden, strict=True)):
        if number and config.regraph:
            rows = attention.nearest(x, inputs.mask, rows, config.neighbours)
        x, highest = attention.attention(x, rows, width, f"attention_{number}")
        kept.append(highest)
        x = keras.layers.Concatenate()([x, inputs.particles])
        for size in hidden:
            x = dense(size)(x)
            kept.append(x)
    each = keras.layers.Concatenate()(kept)
    # The sum of some 50 outputs is brought to the size of one, or the first epochs are lost.
    x = keras.ops.sum(each * (inputs.mask / config.constituents), axis=1)
    if config.mass_channels:
        momenta = inputs.given[MOMENTA]
        found = attention.masses(each, x, inputs.mask, momenta, config.mass_channels)
        x = keras.layers.Concatenate()([x, found])
    x = inputs.with_observables(x)
    return head(x, config.head, config.dropout, classes)

"""Training of deep sets: the network; all else is that of every tagger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import keras

from boostflow.constituents.catalogue import DIRECTION
from boostflow.models import kerasexport, tagger_train
from boostflow.models.kerasmodel import dense, head
from boostflow.models.set.block import DIRECTIONS, FILTER_FILE, FILTERS, DeepSets
from boostflow.models.tagger_train import Inputs

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.models.tagger_train.train`.

    The folder of an energy flow network also holds filters.onnx, from directions relative to the
    jet axis (n, 2) to the filters (n, widths).
    """
    assert isinstance(job.model, DeepSets)
    more = write_filters if job.model.energy_weighted else None
    tagger_train.train(job, files, network, more)


def network(config: DeepSets, inputs: Inputs, classes: int) -> keras.KerasTensor:
    """Logits (B, classes): F(sum of Phi(particle)), or F(sum of share x Phi(direction)).

    Equations 1.1 and 1.2 of arXiv:1810.05165.
    """
    if config.energy_weighted:
        flow = keras.Sequential(name=FILTERS)
        flow.add(keras.Input((None, len(DIRECTION))))
        for width in config.phi:
            flow.add(dense(width))
        each, weight = flow(inputs.raw[..., :-1]), inputs.raw[..., -1:]
    else:
        # The sum of some 50 outputs is brought to the size of one, or the first epochs are lost.
        each, weight = inputs.particles, inputs.mask / config.constituents
        for width in config.phi:
            each = dense(width)(each)
    x = inputs.with_observables(keras.ops.sum(each * weight, axis=1))
    return head(x, config.head, config.dropout, classes)


def write_filters(network: keras.Model, folder: Path) -> None:
    """Write the functions of a direction that an energy flow network has learned.

    Args:
        network: that was trained.
        folder: of the model.
    """
    flow = network.get_layer(FILTERS)
    direction = keras.Input((len(DIRECTION),), name=DIRECTIONS)
    x = direction
    for layer in flow.layers:
        x = layer(x)
    content = kerasexport.model_of(keras.Model(direction, x), FILTERS, FILTERS, {})
    (folder / FILTER_FILE).write_bytes(content)

"""Training of jet images: the network; all else is that of every tagger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from boostflow.models import tagger_train
from boostflow.models.image.block import JetImages
from boostflow.models.image.pixels import IMAGE
from boostflow.models.kerasmodel import head
from boostflow.models.tagger_train import Inputs

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.models.tagger_train.train`."""
    tagger_train.train(job, files, network)


def network(config: JetImages, inputs: Inputs, classes: int) -> keras.KerasTensor:
    """Logits (B, classes) of images (B, pixels, pixels, channels)."""
    x = inputs.given[IMAGE]
    if config.root:
        x = keras.ops.sqrt(x)
    for filters in config.filters:
        x = keras.layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_initializer="he_normal"
        )(x)
        x = keras.layers.MaxPooling2D()(x)
    x = inputs.with_observables(keras.layers.Flatten()(x))
    return head(x, config.head, config.dropout, classes)

"""Training of jet images: the network; all else is that of every tagger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from boostflow.models import tagger_train
from boostflow.models.image.block import JetImages
from boostflow.models.image.pixels import IMAGE
from boostflow.models.inputs import scale
from boostflow.models.kerasmodel import head
from boostflow.models.tagger_train import Inputs

SMALLEST = 1e-5
"""Moments are never taken to be smaller: those of images without a constituent are 0."""

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.models.tagger_train.train`."""
    tagger_train.train(job, files, network)


def network(config: JetImages, inputs: Inputs, classes: int) -> keras.KerasTensor:
    """Logits (B, classes) of images (B, pixels, pixels, channels)."""
    x = inputs.given[IMAGE]
    found = [logarithms_of_moments(config, inputs)] if config.moments else []
    if config.root:
        x = keras.ops.sqrt(x)
    for filters in config.filters:
        x = keras.layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_initializer="he_normal"
        )(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    if config.dropout:
        x = keras.layers.Dropout(config.dropout, seed=len(config.head))(x)
    if found:
        x = keras.layers.Concatenate()([x, *found])
    x = inputs.with_observables(x)
    return head(x, config.head, config.dropout, classes)


def logarithms_of_moments(config: JetImages, inputs: Inputs) -> keras.KerasTensor:
    """Standardised logarithms of moments of images, (B, channels * M).

    A sum of pixels with weights is what small convolutions followed by maxima do not make: with the
    centre of the pT in the middle, the squared mass is nearly the product of two of them.
    """
    ops, weights = keras.ops, moments(config.pixels, config.moments)

    def logarithms(image: Any) -> Any:
        flat = ops.reshape(image, (-1, config.pixels**2, len(config.channels)))
        sums = ops.matmul(ops.transpose(flat, (0, 2, 1)), weights)
        return keras.layers.Flatten()(ops.log(ops.maximum(sums, SMALLEST)))

    seen = np.asarray(logarithms(inputs.examples()[IMAGE]))
    mean, std = scale(seen)
    return keras.layers.Normalization(mean=mean, variance=std**2)(logarithms(inputs.given[IMAGE]))


def moments(pixels: int, order: int) -> NDArray[np.float32]:
    """Weights of the pixels of an image in each of its moments, (pixels**2, M), row by row.

    Products of powers of the distances of a pixel's centre from both axes, each up to the order,
    then powers of its distance from the middle, in half sides of the image.
    """
    place = np.abs((np.arange(pixels) + 0.5) * (2 / pixels) - 1)
    along, across = (x.ravel() for x in np.meshgrid(place, place, indexing="ij"))
    powers = range(order + 1)
    products = [along**i * across**j for i in powers for j in powers]
    radial = [np.hypot(along, across) ** i for i in powers[1:]]
    return np.stack([*products, *radial], axis=1).astype(np.float32)

"""What networks of Keras share that classify: how they read observables, and how they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from boostflow.models import kerasexport
from boostflow.models.inputs import SMALLEST, expanded, scale
from boostflow.models.network_score import KERAS, ONNX, PROBABILITIES


def dense(width: int, name: str | None = None) -> keras.layers.Dense:
    """A layer with a ReLU."""
    return keras.layers.Dense(width, activation="relu", kernel_initializer="he_normal", name=name)


def head(
    x: keras.KerasTensor, widths: Sequence[int], dropout: float, classes: int
) -> keras.KerasTensor:
    """Logits (B, classes) by dense layers, each followed by dropout.

    Args:
        x: what a network has found of each jet, (B, F).
        widths: of the layers.
        dropout: part of the outputs of each that is left out in each step; 0 for none.
        classes: their number.
    """
    for number, width in enumerate(widths):
        x = dense(width)(x)
        if dropout:
            x = keras.layers.Dropout(dropout, seed=number)(x)
    return keras.layers.Dense(classes)(x)


def standardised(
    values: keras.KerasTensor, seen: NDArray[np.float32], logarithms: bool
) -> keras.KerasTensor:
    """Observables with mean 0 and standard deviation 1, and their logarithms alike.

    Args:
        values: observables (B, O).
        seen: those of the training jets, (N, O).
        logarithms: whether these are added: (B, 2 O).
    """
    mean, std = scale(expanded(seen, logarithms))
    if logarithms:
        logs = keras.ops.log(keras.ops.maximum(values, SMALLEST))
        values = keras.layers.Concatenate()([values, logs])
    return keras.layers.Normalization(mean=mean, variance=std**2)(values)


def write(
    network: keras.Model, folder: Path, kind: str, classes: Sequence[str], **about: str
) -> None:
    """Write a network as ONNX, which scores take, and as a Keras file, of which others are made.

    Args:
        network: a functional model from named inputs, which it standardises itself, to logits. Its
            last layer is a dense one, so that it can be a part of other networks.
        folder: of the model.
        kind: name of the family.
        classes: of the logits, in their order.
        about: further texts that the graph says of itself.

    Raises:
        BoostflowError: a layer or an operation cannot be written.
    """
    texts = {"classes": " ".join(classes), **about}
    content = kerasexport.model_of(network, kind, PROBABILITIES, texts, softmax=True)
    (folder / ONNX).write_bytes(content)
    network.save(folder / KERAS)

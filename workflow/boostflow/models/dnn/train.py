"""Training of the dense network: its layers and inputs; all else is that of every classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from boostflow.models.dnn import export
from boostflow.models.dnn.block import DNN
from boostflow.models.family import family_of
from boostflow.models.inputs import expanded, scale
from boostflow.models.tabular import Rows, read, weights
from boostflow.select.split import TRAIN, VALIDATION
from boostflow.training import loop
from boostflow.training.classifier import Classifier
from boostflow.training.data import Arrays
from boostflow.training.ranks import Single

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.training.loop.train`.

    Every class gets the same total weight, and with planing a flat mass spectrum; negative
    generator weights enter with their absolute value.

    Args:
        job: the model's block.
        files: selected jets, the folder to write (model.onnx, model.keras, metrics.json,
            manifest.json), and that of the checkpoint.

    Raises:
        BoostflowError: fewer than two classes, a class without jets in a split, or a feature that
            is missing or not finite; the same on every rank.
    """
    config = job.model
    assert isinstance(config, DNN)

    def learner(ranks: Single) -> DenseLearner:
        rows = read(files.jets, config.features, config.standard(), config.planing)
        return DenseLearner(config, rows, ranks)

    loop.train(job, files, learner, files.jets, family_of(config).packages)


class DenseLearner(Classifier):
    """The network and its data on one rank."""

    config: DNN

    def __init__(self, config: DNN, rows: Rows, ranks: Single) -> None:
        self.rows = rows
        x = expanded(rows.x, config.logarithms)
        self.mean, self.std = scale(x[(rows.split == TRAIN) & rows.labelled])
        x = (x - self.mean) / self.std
        self.inputs = x.shape[1]
        training, validation = (
            labelled(rows, x, config, name, code)
            for name, code in (("train", TRAIN), ("validation", VALIDATION))
        )
        super().__init__(config, training, validation, rows.classes, ranks)

    def network_of(self) -> keras.Model:
        """Dense layers with ReLU and dropout."""
        return network(self.config, self.inputs, len(self.classes))

    def write(self, folder: Path) -> None:
        """Write the network as ONNX, which scores take, and as a Keras file."""
        dense = [layer for layer in self.network.layers if isinstance(layer, keras.layers.Dense)]
        layers = [tuple(v.numpy() for v in (layer.kernel, layer.bias)) for layer in dense]
        config, rows = self.config, self.rows
        content = export.graph(
            layers, self.mean, self.std, config.logarithms, rows.features, rows.classes
        )
        export.write(folder, content)
        self.network.save(folder / "model.keras")

    def manifest(self) -> dict[str, Any]:
        """Columns in their order, and classes."""
        return {"features": self.rows.features, **super().manifest()}


def labelled(rows: Rows, x: NDArray[np.float32], config: DNN, name: str, code: int) -> Arrays:
    """Inputs, classes and weights of the jets of a split that have a class."""
    chosen = (rows.split == code) & rows.labelled
    y = rows.y[chosen].astype(np.int32)
    weight = weights(rows, chosen, config.planing, name)
    return Arrays(x[chosen], y, weight.astype(np.float32))


def network(config: DNN, inputs: int, classes: int) -> keras.Model:
    """The network from standardised inputs (B, inputs) to logits (B, classes)."""
    x = first = keras.Input((inputs,))
    for number, width in enumerate(config.hidden):
        x = keras.layers.Dense(width, activation="relu", kernel_initializer="he_normal")(x)
        if config.dropout:
            x = keras.layers.Dropout(config.dropout, seed=number)(x)
    return keras.Model(first, keras.layers.Dense(classes)(x))

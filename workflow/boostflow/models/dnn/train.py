"""Training of the dense network: its layers and inputs; all else is that of every classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from boostflow.models import kerasmodel
from boostflow.models.dnn.block import DNN
from boostflow.models.family import family_of
from boostflow.models.tabular import SPLITS, Rows, of_split, read
from boostflow.training import loop
from boostflow.training.classifier import Classifier
from boostflow.training.data import Arrays
from boostflow.training.ranks import Single

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

FEATURES = "features"
"""Name of the network's input (B, features)."""


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
        rows = read(files.jets, config.features, config.standard(), config.planing, config.missing)
        return DenseLearner(config, rows, ranks)

    loop.train(job, files, learner, files.jets, family_of(config).packages)


class DenseLearner(Classifier):
    """The network and its data on one rank."""

    config: DNN
    training: Arrays

    def __init__(self, config: DNN, rows: Rows, ranks: Single) -> None:
        self.features = rows.features
        training, validation = (Arrays(*of_split(rows, config, name)) for name in SPLITS)
        super().__init__(config, training, validation, rows.classes, ranks)

    def network_of(self) -> keras.Model:
        """Dense layers with ReLU and dropout, on observables that they standardise themselves."""
        config = self.config
        values = keras.Input((len(self.features),), name=FEATURES)
        x = kerasmodel.standardised(values, self.training.arrays[0], config.logarithms)
        logits = kerasmodel.head(x, config.hidden, config.dropout, len(self.classes))
        return keras.Model(values, logits)

    def write(self, folder: Path) -> None:
        """Write the network, whose graph knows the columns that it reads."""
        columns = " ".join(self.features)
        kerasmodel.write(self.network, folder, self.config.kind, self.classes, features=columns)

    def manifest(self) -> dict[str, Any]:
        """Columns in their order, and classes."""
        return {"features": self.features, **super().manifest()}

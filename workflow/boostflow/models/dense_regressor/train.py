"""Training of the dense network that regresses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.models import kerasexport, kerasmodel
from boostflow.models.dense_regressor.block import DenseRegressor
from boostflow.models.dense_regressor.score import OUTPUT, of_outputs
from boostflow.models.family import family_of
from boostflow.models.network_score import KERAS, ONNX
from boostflow.models.regression import SIGMA, Calibration, Jets, columns_of, level_of, read
from boostflow.training import loop
from boostflow.training.classifier import Classifier
from boostflow.training.data import Arrays
from boostflow.training.ranks import Single

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.training.loop.train`.

    Args:
        job: the model's block.
        files: selected jets, the folder to write (model.onnx, model.keras, metrics.json,
            manifest.json), and that of the checkpoint.

    Raises:
        BoostflowError: see `regression.read`; the same on every rank.
    """
    config = job.model
    assert isinstance(config, DenseRegressor)

    def learner(ranks: Single) -> RegressionLearner:
        return RegressionLearner(config, read(files.jets, config), ranks)

    loop.train(job, files, learner, files.jets, family_of(config).packages)


class RegressionLearner(Classifier):
    """A network of two outputs, the mean and the width of the true value, in its own units."""

    config: DenseRegressor
    training: Arrays
    validation: Arrays

    def __init__(self, config: DenseRegressor, jets: dict[str, Jets], ranks: Single) -> None:
        """Make the network; `jets` are those of each split."""
        seen = jets["train"].truth
        self.units_of = {"centre": float(seen.mean()), "spread": float(seen.std())}
        self.held = jets["validation"]
        splits = {}
        for split, one in jets.items():
            x, self.names = columns_of(one.columns, config.features)
            z = (one.truth - self.units_of["centre"]) / self.units_of["spread"]
            splits[split] = Arrays(x, z.astype(np.float32), one.weight.astype(np.float32))
        super().__init__(config, splits["train"], splits["validation"], [], ranks)

    def network_of(self) -> keras.Model:
        """Dense layers with ReLU, on features that they standardise themselves."""
        config = self.config
        values = keras.Input((len(self.names),), name="features")
        x = kerasmodel.standardised(values, self.training.arrays[0], config.logarithms)
        return keras.Model(values, kerasmodel.head(x, config.hidden, config.dropout, 2))

    def of_batch(self, logits: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        """Sums of the module's `of_batch` over a batch, (3,)."""
        return of_batch(logits, y, weight)

    def summed(self, sums: tf.Tensor) -> tf.Tensor:
        """The losses of the mean and of the width."""
        return sums[0] + sums[1]

    def figures(self, sums: NDArray) -> dict[str, float]:
        """Mean square of what the mean misses, in units of the spread, and loss of the width."""
        return {"loss": float(sums[0] / sums[2]), "width_loss": float(sums[1] / sums[2])}

    def write(self, folder: Path) -> None:
        """Write the network as ONNX, which scores take, and as a Keras file."""
        texts = {"features": " ".join(self.names)}
        content = kerasexport.model_of(self.network, self.config.kind, OUTPUT, texts, softmax=False)
        (folder / ONNX).write_bytes(content)
        self.network.save(folder / KERAS)

    def manifest(self) -> dict[str, Any]:
        """Units, calibration, `width` that errors are multiplied by, and the number of weights.

        Both are from the validation split: a network is too sure of jets that it was trained on.
        """
        x, truth = self.validation.arrays[0], self.held.truth
        outputs = np.concatenate([self.network(part).numpy() for part in _parts(x)])
        level = level_of(self.held.columns)
        calibration = Calibration.none()
        if self.config.calibrate:
            estimate, _ = of_outputs(outputs, self.units_of, calibration, level)
            calibration = Calibration.fitted(estimate, truth, self.held.weight, level)
        estimate, error = of_outputs(outputs, self.units_of, calibration, level)
        return {
            **self.units_of,
            "calibration": calibration.to_json(),
            "width": float(np.quantile(np.abs(estimate - truth) / error, SIGMA)),
            "parameters": self.network.count_params(),
        }


def _parts(x: NDArray) -> list[NDArray]:
    """Jets in pieces that memory holds."""
    size = RegressionLearner.validation_batch
    return [x[start : start + size] for start in range(0, len(x), size)]


def of_batch(outputs: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Sums of the weighted square that the mean misses, of the width's loss, and of weights, (3,).

    The width is the 68 % quantile of what the mean misses, whose loss is that of a quantile; it
    does not pull at the mean.

    Args:
        outputs: of the network, (B, 2).
        y: true values in its units, (B,).
        weight: (B,).
    """
    missed = y - outputs[:, 0]
    over = tf.abs(tf.stop_gradient(missed)) - tf.nn.softplus(outputs[:, 1])
    width = tf.maximum(SIGMA * over, (SIGMA - 1) * over)
    return tf.stack([tf.reduce_sum(weight * v) for v in (missed**2, width, tf.ones_like(weight))])

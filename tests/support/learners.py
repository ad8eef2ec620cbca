"""A learner that trains in no time: a straight line through points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from pydantic import BaseModel

from boostflow.io import write_json
from boostflow.training.data import Arrays
from boostflow.training.learner import Learner
from boostflow.training.ranks import Single
from boostflow.training.schedules import Constant, Schedule
from boostflow.training.stopping import EarlyStopping


class LineBlock(BaseModel):
    """Settings of the line."""

    kind: str = "line"
    seed: int = 1
    epochs: int = 4
    batch: int = 10
    processes: int = 1
    learning_rate: float = 0.1


def points(n: int, seed: int) -> Arrays:
    """x (n, 2) and y = x_0 - 2 x_1 + 1 with noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2)).astype(np.float32)
    y = x @ np.array([1, -2], np.float32) + 1 + rng.normal(0, 0.1, n).astype(np.float32)
    return Arrays(x, y)


class Line(Learner):
    """Least squares by Adam."""

    def __init__(
        self,
        block: LineBlock,
        ranks: Single,
        *,
        schedule: Schedule | None = None,
        early_stopping: EarlyStopping | None = None,
        training: Arrays | None = None,
    ) -> None:
        self.block, self.ranks = block, ranks
        self.training = points(64, 1) if training is None else training
        self.validation = points(21, 2)
        self.epochs, self.batch = block.epochs, block.batch
        self.units, self.validation_units = len(self.training), len(self.validation)
        self.digests = [self.training.digest, self.validation.digest]
        self.schedule = schedule or Constant(block.learning_rate)
        self.early_stopping = early_stopping
        keras.utils.set_random_seed(block.seed)
        self.network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        self.optimizer = keras.optimizers.Adam(block.learning_rate)
        self.optimizer.build(self.network.trainable_variables)
        self.compiled = tf.function(
            self._step, input_signature=self.training.signature, autograph=False
        )

    @property
    def variables(self) -> list[Any]:
        return [*self.network.variables, *self.optimizer.variables]

    def batches(self, epoch: int) -> tf.data.Dataset:
        return self.training.batches(self.batch, self.block.seed, epoch, self.ranks)

    def loss(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Squared residuals, summed."""
        return tf.reduce_sum((self.network(x)[:, 0] - y) ** 2)

    def _step(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        def loss() -> tuple[tf.Tensor, tf.Tensor]:
            total = self.loss(x, y)
            return total / self.width, tf.stack([total, tf.cast(tf.shape(y)[0], tf.float32)])

        found, sums = self.gradients(loss, self.network.trainable_variables)
        self.optimizer.apply(found, self.network.trainable_variables)
        return sums

    def step(self, *inputs: Any) -> tf.Tensor:
        return self.compiled(*inputs)

    def figures(self, sums: np.ndarray) -> dict[str, float]:
        return {"loss": float(sums[0] / sums[1])}

    def validate(self, epoch: int) -> np.ndarray:
        sums = np.zeros(2)
        for x, y in self.validation.share(self.batch, self.ranks):
            sums += [float(self.loss(x, y)), len(y)]
        return sums

    def write(self, folder: Path) -> None:
        write_json(folder / "line.json", [v.numpy().tolist() for v in self.network.variables])

    def manifest(self) -> dict[str, Any]:
        return {"dimensions": 2}

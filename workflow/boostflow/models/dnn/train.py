"""Training of the dense network: its start, its step and its figures; the loop is the package's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.models.dnn import export
from boostflow.models.dnn.block import DNN
from boostflow.models.dnn.inputs import expanded, scale
from boostflow.models.family import family_of
from boostflow.models.tabular import Rows, read, weights
from boostflow.seeds import derive
from boostflow.select.split import TRAIN, VALIDATION
from boostflow.training import loop
from boostflow.training.data import Arrays
from boostflow.training.learner import Learner
from boostflow.training.ranks import Single
from boostflow.training.schedules import Cosine
from boostflow.training.stopping import EarlyStopping

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


class DenseLearner(Learner):
    """The network and its data on one rank."""

    def __init__(self, config: DNN, rows: Rows, ranks: Single) -> None:
        self.config, self.rows, self.ranks = config, rows, ranks
        x = expanded(rows.x, config.logarithms)
        self.mean, self.std = scale(x[(rows.split == TRAIN) & rows.labelled])
        x = (x - self.mean) / self.std
        self.training, self.validation = (
            self._split(x, name, code)
            for name, code in (("train", TRAIN), ("validation", VALIDATION))
        )
        self.epochs, self.batch = config.epochs, config.batch
        self.units, self.validation_units = len(self.training), len(self.validation)
        self.digests = [self.training.digest, self.validation.digest]
        self.schedule = Cosine(config.learning_rate, warmup=config.warmup)
        self.early_stopping = EarlyStopping(config.patience)
        keras.utils.set_random_seed(derive(config.seed, "dnn", "weights", ranks.rank) % 2**32)
        self.network = network(config, x.shape[1], len(rows.classes))
        self.optimizer = keras.optimizers.Adam(config.learning_rate)
        self.optimizer.build(self.network.trainable_variables)
        self._step = tf.function(self._one_step, input_signature=self.training.signature)
        self._sums = tf.function(self._evaluate, input_signature=self.training.signature)

    def _split(self, x: NDArray[np.float32], name: str, code: int) -> Arrays:
        rows = self.rows
        chosen = (rows.split == code) & rows.labelled
        y = rows.y[chosen].astype(np.int32)
        weight = weights(rows, chosen, self.config.planing, name)
        return Arrays(x[chosen], y, weight.astype(np.float32))

    @property
    def variables(self) -> list[Any]:
        """Network, dropout's random state, and the state of the optimiser."""
        return [*self.network.variables, *self.optimizer.variables]

    def batches(self, epoch: int) -> tf.data.Dataset:
        """Inputs, classes and weights of each step."""
        return self.training.batches(self.batch, self.config.seed, epoch, self.ranks)

    def step(self, *inputs: Any) -> tf.Tensor:
        """Take one step of Adam; returns the sums of `_of_batch`."""
        return self._step(*inputs)

    def _one_step(self, x: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        def loss() -> tuple[tf.Tensor, tf.Tensor]:
            sums = self._of_batch(self.network(x, training=True), y, weight)
            return sums[0] / min(self.batch, self.units), sums

        variables = self.network.trainable_variables
        found, sums = self.gradients(loss, variables)
        self.optimizer.apply(found, variables)
        return sums

    def _evaluate(self, x: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        return self._of_batch(self.network(x, training=False), y, weight)

    def _of_batch(self, logits: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        """Sums of the weighted cross-entropy, of the weights of right answers, and of weights."""
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
        right = tf.cast(tf.argmax(logits, 1, tf.int32) == y, tf.float32)
        return tf.stack([tf.reduce_sum(weight * v) for v in (entropy, right, tf.ones_like(weight))])

    def figures(self, sums: NDArray) -> dict[str, float]:
        """Cross-entropy and accuracy, all classes alike."""
        return {"loss": float(sums[0] / sums[2]), "accuracy": float(sums[1] / sums[2])}

    def validate(self, epoch: int) -> NDArray:
        """Sums of this rank over its share of the validation split."""
        sums = np.zeros(3)
        for inputs in self.validation.share(4096, self.ranks):
            sums += self._sums(*inputs).numpy()
        return sums

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
        return {"features": self.rows.features, "classes": self.rows.classes}


def network(config: DNN, inputs: int, classes: int) -> keras.Model:
    """The network from standardised inputs (B, inputs) to logits (B, classes)."""
    x = first = keras.Input((inputs,))
    for number, width in enumerate(config.hidden):
        x = keras.layers.Dense(width, activation="relu", kernel_initializer="he_normal")(x)
        if config.dropout:
            x = keras.layers.Dropout(config.dropout, seed=number)(x)
    return keras.Model(first, keras.layers.Dense(classes)(x))

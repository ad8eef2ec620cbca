"""Training of the dense autoencoder: the mean square of what it leaves of normal jets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.models import columnwise, detector, kerasexport, kerasmodel
from boostflow.models.dense_ae.block import DenseAE
from boostflow.models.dense_ae.score import INPUT, OUTPUT, squares
from boostflow.models.family import family_of
from boostflow.models.network_score import ONNX
from boostflow.seeds import derive
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

    Args:
        job: the model's block.
        files: selected jets, the folder to write (model.onnx, detector.npz, metrics.json,
            manifest.json), and that of the checkpoint.

    Raises:
        BoostflowError: too few jets, or an observable that is missing or not finite; the same on
            every rank.
    """
    config = job.model
    assert isinstance(config, DenseAE)

    def learner(ranks: Single) -> Reconstruction:
        return Reconstruction(config, detector.prepared(files.jets, config), ranks)

    loop.train(job, files, learner, files.jets, family_of(config).packages)


class Reconstruction(Learner):
    """The network and its data on one rank."""

    validation_batch = 4096

    def __init__(self, config: DenseAE, given: detector.Prepared, ranks: Single) -> None:
        """Make the network, whose weights follow from seed and rank alone, and the optimiser.

        Args:
            config: the model's block.
            given: the jets to learn from.
            ranks: the processes of the training.
        """
        self.config, self.ranks, self.given = config, ranks, given
        seen = {
            name: np.clip(x, -config.limit, config.limit).astype(np.float32)
            for name, x in given.x.items()
        }
        self.training, self.validation = Arrays(seen["train"]), Arrays(seen["validation"])
        self.epochs, self.batch = config.epochs, config.batch
        self.units, self.validation_units = len(self.training), len(self.validation)
        self.digests = [self.training.digest, self.validation.digest]
        self.schedule = Cosine(config.learning_rate, warmup=config.warmup)
        self.early_stopping = EarlyStopping(config.patience)
        keras.utils.set_random_seed(derive(config.seed, config.kind, "weights", ranks.rank) % 2**32)
        self.network = network_of(config, len(given.features))
        self.optimizer = keras.optimizers.Adam(config.learning_rate)
        self.optimizer.build(self.network.trainable_variables)
        self._step = tf.function(self._one_step, input_signature=self.training.signature)
        self._sums = tf.function(self._evaluate, input_signature=self.training.signature)

    @property
    def variables(self) -> list[Any]:
        """Weights, and the state of the optimiser."""
        return [*self.network.variables, *self.optimizer.variables]

    def batches(self, epoch: int) -> Iterable[Any]:
        """Features of each step."""
        return self.training.batches(self.batch, self.config.seed, epoch, self.ranks)

    def step(self, *inputs: Any) -> tf.Tensor:
        """Take one step of Adam; returns the sum of mean squares, and the number of jets."""
        return self._step(*inputs)

    def _sums_of(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        left = tf.reduce_mean((self.network(x, training=training) - x) ** 2, axis=1)
        return tf.stack([tf.reduce_sum(left), tf.cast(tf.shape(x)[0], tf.float32)])

    def _one_step(self, x: tf.Tensor) -> tf.Tensor:
        def loss() -> tuple[tf.Tensor, tf.Tensor]:
            sums = self._sums_of(x, training=True)
            return sums[0] / min(self.batch, self.units), sums

        found, sums = self.gradients(loss, self.network.trainable_variables)
        self.optimizer.apply(found, self.network.trainable_variables)
        return sums

    def _evaluate(self, x: tf.Tensor) -> tf.Tensor:
        return self._sums_of(x, training=False)

    def figures(self, sums: NDArray) -> dict[str, float]:
        """Mean square of what is left."""
        return {"loss": float(sums[0] / sums[1])}

    def validate(self, epoch: int) -> NDArray:
        """Sums of this rank over its share of the validation split."""
        sums = np.zeros(2)
        for inputs in self.validation.share(self.validation_batch, self.ranks):
            sums += self._sums(*inputs).numpy()
        return sums

    def write(self, folder: Path) -> None:
        """Write the network, and how columns are standardised and usually left."""

        def network(x: NDArray) -> NDArray:
            return self.network.predict(x, batch_size=self.validation_batch, verbose=0)

        texts = {"features": " ".join(self.given.features)}
        content = kerasexport.model_of(self.network, self.config.kind, OUTPUT, texts, softmax=False)
        (folder / ONNX).write_bytes(content)
        left = squares(network, self.given.x["train"], self.config.limit)
        arrays = columnwise.usual(left, self.config) | {"limit": np.array(self.config.limit)}
        self.given.write(folder, arrays)

    def manifest(self) -> dict[str, Any]:
        """Columns in their order, and the number of weights."""
        return {"features": self.given.features, "parameters": self.network.count_params()}


def network_of(config: DenseAE, features: int) -> keras.Model:
    """Dense layers with ReLU down to the narrow one and up again, from features to features."""
    values = keras.Input((features,), name=INPUT)
    x = values
    for width in config.hidden:
        x = kerasmodel.dense(width)(x)
    x = keras.layers.Dense(config.latent)(x)
    for width in reversed(config.hidden):
        x = kerasmodel.dense(width)(x)
    return keras.Model(values, keras.layers.Dense(features)(x))

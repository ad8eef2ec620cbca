"""Training of the dense autoencoder: the mean square of what it leaves of normal jets."""

from __future__ import annotations

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
from boostflow.training import loop
from boostflow.training.adam import AdamLearner
from boostflow.training.data import Arrays
from boostflow.training.ranks import Single

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


class Reconstruction(AdamLearner):
    """The network and its data on one rank."""

    config: DenseAE

    def __init__(self, config: DenseAE, given: detector.Prepared, ranks: Single) -> None:
        """Make the network and the optimiser.

        Args:
            config: the model's block.
            given: the jets to learn from.
            ranks: the processes of the training.
        """
        self.given = given
        seen = {
            name: np.clip(x, -config.limit, config.limit).astype(np.float32)
            for name, x in given.x.items()
        }
        super().__init__(config, Arrays(seen["train"]), Arrays(seen["validation"]), ranks)

    def make(self) -> list[keras.Variable]:
        """Make the network."""
        self.network = network_of(self.config, len(self.given.features))
        return self.network.trainable_variables

    def sums_of(self, *batch: tf.Tensor, training: bool) -> tf.Tensor:
        """Sum of the mean squares of what is left, and the number of jets."""
        (x,) = batch
        left = tf.reduce_mean((self.network(x, training=training) - x) ** 2, axis=1)
        return tf.stack([tf.reduce_sum(left), tf.cast(tf.shape(x)[0], tf.float32)])

    def figures(self, sums: NDArray) -> dict[str, float]:
        """Mean square of what is left."""
        return {"loss": float(sums[0] / sums[1])}

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

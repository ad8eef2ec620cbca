"""The learner of networks that tell labelled classes apart: a family adds network and inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.seeds import derive
from boostflow.training.learner import Learner
from boostflow.training.ranks import Single
from boostflow.training.schedules import Cosine
from boostflow.training.stopping import EarlyStopping

if TYPE_CHECKING:
    from boostflow.models.networks import LearnedBlock


class Labelled(Protocol):
    """A split of labelled jets: `training.data.Arrays`, or what gives batches alike.

    A batch is a tuple of the network's inputs, then classes (B,) int32, then weights (B,) float32.
    """

    @property
    def digest(self) -> str:
        """A checksum of all numbers."""

    @property
    def signature(self) -> tuple[Any, ...]:
        """`tf.TensorSpec` of each part of a batch."""

    def __len__(self) -> int:
        """Number of jets."""

    def batches(self, batch: int, seed: int, epoch: int, ranks: Single) -> Iterable[Any]:
        """Tensors of this rank in each step of an epoch, as `training.data.shuffled`."""

    def share(self, batch: int, ranks: Single) -> Iterator[tuple[NDArray, ...]]:
        """All jets once, in order, this rank's share."""


class Classifier(Learner):
    """A network with a logit of each class: cross-entropy, Adam, a cosine, early stopping.

    A family says `network_of` and `write`, and `manifest` if scores need more than the classes.
    """

    validation_batch = 4096
    """Jets in a step of the validation."""

    def __init__(
        self,
        config: LearnedBlock,
        training: Labelled,
        validation: Labelled,
        classes: list[str],
        ranks: Single,
    ) -> None:
        """Make the network, whose weights follow from seed and rank alone, and its optimiser.

        Args:
            config: the model's block.
            training: jets to train on.
            validation: jets that say when to stop.
            classes: names of the classes, in the order of their numbers.
            ranks: the processes of the training.
        """
        self.config, self.ranks, self.classes = config, ranks, classes
        self.training, self.validation = training, validation
        self.epochs, self.batch = config.epochs, config.batch
        self.units, self.validation_units = len(training), len(validation)
        self.digests = [training.digest, validation.digest]
        self.schedule = Cosine(config.learning_rate, warmup=config.warmup)
        self.early_stopping = EarlyStopping(config.patience)
        keras.utils.set_random_seed(derive(config.seed, config.kind, "weights", ranks.rank) % 2**32)
        self.network = self.network_of()
        self.optimizer = keras.optimizers.Adam(config.learning_rate)
        self.optimizer.build(self.network.trainable_variables)
        self._step = tf.function(self._one_step, input_signature=training.signature)
        self._sums = tf.function(self._evaluate, input_signature=training.signature)

    def network_of(self) -> keras.Model:
        """A new network from the inputs of a batch to the logits of the classes (B, classes)."""
        raise NotImplementedError

    @property
    def variables(self) -> list[Any]:
        """Network, dropout's random state, and the state of the optimiser."""
        return [*self.network.variables, *self.optimizer.variables]

    def batches(self, epoch: int) -> Iterable[Any]:
        """Inputs, classes and weights of each step."""
        return self.training.batches(self.batch, self.config.seed, epoch, self.ranks)

    def step(self, *inputs: Any) -> tf.Tensor:
        """Take one step of Adam; returns the sums of `of_batch`."""
        return self._step(*inputs)

    def logits(self, inputs: tuple[tf.Tensor, ...], training: bool) -> tf.Tensor:
        """Logits of a batch, (B, classes)."""
        return self.network(inputs[0] if len(inputs) == 1 else list(inputs), training=training)

    def _one_step(self, *batch: tf.Tensor) -> tf.Tensor:
        *inputs, y, weight = batch
        return self.descend(
            lambda: self.logits(tuple(inputs), training=True),
            *(y, weight, self.network.trainable_variables),
        )

    def descend(
        self,
        logits: Callable[[], tf.Tensor],
        y: tf.Tensor,
        weight: tf.Tensor,
        variables: Sequence[Any],
    ) -> tf.Tensor:
        """Take one step of Adam along the gradient of the loss; returns the sums of `of_batch`.

        Args:
            logits: of the batch, (B, classes).
            y: numbers of the classes, (B,).
            weight: (B,).
            variables: that are changed.
        """

        def loss() -> tuple[tf.Tensor, tf.Tensor]:
            sums = self.of_batch(logits(), y, weight)
            return self.summed(sums) / min(self.batch, self.units) + self.penalty(), sums

        found, sums = self.gradients(loss, variables)
        self.optimizer.apply(found, variables)
        return sums

    def of_batch(self, logits: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        """Three sums over a batch, of which `summed` and `figures` are made."""
        return of_batch(logits, y, weight)

    def summed(self, sums: tf.Tensor) -> tf.Tensor:
        """The loss of the jets that the sums of `of_batch` are of, before it is divided."""
        return sums[0]

    def penalty(self) -> tf.Tensor | float:
        """What is added to the loss besides the cross-entropy, divided by the number of ranks."""
        return 0.0

    def _evaluate(self, *batch: tf.Tensor) -> tf.Tensor:
        *inputs, y, weight = batch
        return self.of_batch(self.logits(tuple(inputs), training=False), y, weight)

    def figures(self, sums: NDArray) -> dict[str, float]:
        """Cross-entropy and accuracy, all classes alike."""
        return {"loss": float(sums[0] / sums[2]), "accuracy": float(sums[1] / sums[2])}

    def validate(self, epoch: int) -> NDArray:
        """Sums of this rank over its share of the validation split."""
        sums = np.zeros(3)
        for inputs in self.validation.share(self.validation_batch, self.ranks):
            sums += self._sums(*inputs).numpy()
        return sums

    def manifest(self) -> dict[str, Any]:
        """The classes of the training, in the order of the logits, and the number of weights."""
        return {"classes": self.classes, "parameters": self.network.count_params()}


def of_batch(logits: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Sums of the weighted cross-entropy, of the weights of right answers, and of weights, (3,).

    Args:
        logits: (B, classes).
        y: numbers of the classes, (B,).
        weight: (B,).
    """
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
    right = tf.cast(tf.argmax(logits, 1, tf.int32) == y, tf.float32)
    return tf.stack([tf.reduce_sum(weight * v) for v in (entropy, right, tf.ones_like(weight))])

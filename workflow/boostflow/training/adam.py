"""The learner of what Adam trains on two splits: a family says what is made, and a batch's sums."""

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


class Split(Protocol):
    """A split of jets: `training.data.Arrays`, or what gives batches alike, tuples of tensors."""

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


class AdamLearner(Learner):
    """Adam with a cosine and early stopping, on a loss that is a sum over the jets of a batch.

    A family says `make`, `sums_of`, `figures` and `write`.

    Attributes:
        learned: variables that are trained.
    """

    validation_batch = 4096
    """Jets in a step of the validation."""
    clipnorm: float | None = None
    """Norm of a variable's gradient, at most; None for any."""
    figured: int = 2
    """Number of sums over a batch."""

    def __init__(
        self, config: LearnedBlock, training: Split, validation: Split, ranks: Single
    ) -> None:
        """Make what is trained, whose start follows from seed and rank alone, and its optimiser.

        Args:
            config: the model's block.
            training: jets to train on.
            validation: jets that say when to stop.
            ranks: the processes of the training.
        """
        self.config, self.ranks = config, ranks
        self.training, self.validation = training, validation
        self.epochs, self.batch = config.epochs, config.batch
        self.units, self.validation_units = len(training), len(validation)
        self.digests = [training.digest, validation.digest]
        self.schedule = Cosine(config.learning_rate, warmup=config.warmup)
        self.early_stopping = EarlyStopping(config.patience)
        keras.utils.set_random_seed(derive(config.seed, config.kind, "weights", ranks.rank) % 2**32)
        self.learned = self.make()
        self.optimizer = keras.optimizers.Adam(config.learning_rate, clipnorm=self.clipnorm)
        self.optimizer.build(self.learned)
        self._step = tf.function(self._one_step, input_signature=training.signature)
        self._sums = tf.function(self._evaluate, input_signature=training.signature)

    def make(self) -> list[keras.Variable]:
        """Make what is trained; returns its variables."""
        raise NotImplementedError

    def sums_of(self, *batch: tf.Tensor, training: bool) -> tf.Tensor:
        """Sums over a batch, of which `summed` and `figures` are made, shape (figured,).

        Args:
            batch: what a split gives.
            training: whether dropout and the like are at work.
        """
        raise NotImplementedError

    def summed(self, sums: tf.Tensor) -> tf.Tensor:
        """The loss of the jets that sums are of, before it is divided by their number."""
        return sums[0]

    def penalty(self) -> tf.Tensor | float:
        """What is added to the loss of a step besides, divided by the number of ranks."""
        return 0.0

    @property
    def variables(self) -> list[Any]:
        """What is trained, and the state of the optimiser."""
        return [*self.learned, *self.optimizer.variables]

    def batches(self, epoch: int) -> Iterable[Any]:
        """Batches of this rank in each step of an epoch."""
        return self.training.batches(self.batch, self.config.seed, epoch, self.ranks)

    def step(self, *inputs: Any) -> tf.Tensor:
        """Take one step of Adam; returns `sums_of` the batch."""
        return self._step(*inputs)

    def descend(self, sums_of: Callable[[], tf.Tensor], variables: Sequence[Any]) -> tf.Tensor:
        """Take one step along the gradient of the loss; returns the sums.

        Args:
            sums_of: computes those of the batch.
            variables: that are changed.
        """

        def loss() -> tuple[tf.Tensor, tf.Tensor]:
            sums = sums_of()
            return self.summed(sums) / min(self.batch, self.units) + self.penalty(), sums

        found, sums = self.gradients(loss, variables)
        self.optimizer.apply(found, variables)
        return sums

    def _one_step(self, *batch: tf.Tensor) -> tf.Tensor:
        return self.descend(lambda: self.sums_of(*batch, training=True), self.learned)

    def _evaluate(self, *batch: tf.Tensor) -> tf.Tensor:
        return self.sums_of(*batch, training=False)

    def validate(self, epoch: int) -> NDArray:
        """Sums of this rank over its share of the validation split."""
        total = np.zeros(self.figured)
        for inputs in self.validation.share(self.validation_batch, self.ranks):
            total += self._sums(*inputs).numpy()
        return total

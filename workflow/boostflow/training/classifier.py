"""The learner of networks that tell labelled classes apart: a family adds network and inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.training.adam import AdamLearner, Split
from boostflow.training.ranks import Single

if TYPE_CHECKING:
    from boostflow.models.networks import LearnedBlock


class Classifier(AdamLearner):
    """A network with a logit of each class, trained by cross-entropy.

    A family says `network_of` and `write`, and `manifest` if scores need more than the classes.
    Batches are the network's inputs, then classes (B,) int32, then weights (B,) float32.
    """

    figured = 3

    def __init__(
        self,
        config: LearnedBlock,
        training: Split,
        validation: Split,
        classes: list[str],
        ranks: Single,
    ) -> None:
        """Make the network and its optimiser.

        Args:
            config: the model's block.
            training: jets to train on.
            validation: jets that say when to stop.
            classes: names of the classes, in the order of their numbers.
            ranks: the processes of the training.
        """
        self.classes = classes
        super().__init__(config, training, validation, ranks)

    def make(self) -> list[keras.Variable]:
        """Make the network."""
        self.network = self.network_of()
        return self.network.trainable_variables

    def network_of(self) -> keras.Model:
        """A new network from the inputs of a batch to the logits of the classes (B, classes)."""
        raise NotImplementedError

    @property
    def variables(self) -> list[Any]:
        """Network, dropout's random state, and the state of the optimiser."""
        return [*self.network.variables, *self.optimizer.variables]

    def logits(self, inputs: tuple[tf.Tensor, ...], training: bool) -> tf.Tensor:
        """Logits of a batch, (B, classes)."""
        return self.network(inputs[0] if len(inputs) == 1 else list(inputs), training=training)

    def sums_of(self, *batch: tf.Tensor, training: bool) -> tf.Tensor:
        """Sums of `of_batch`."""
        *inputs, y, weight = batch
        return self.of_batch(self.logits(tuple(inputs), training=training), y, weight)

    def of_batch(self, logits: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        """Sums over a batch from the logits, see the function of the same name."""
        return of_batch(logits, y, weight)

    def figures(self, sums: NDArray) -> dict[str, float]:
        """Cross-entropy and accuracy, all classes alike."""
        return {"loss": float(sums[0] / sums[2]), "accuracy": float(sums[1] / sums[2])}

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

"""What a family writes of a training on several processes; `loop.train` does the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.training.ranks import Single
from boostflow.training.schedules import Schedule
from boostflow.training.stopping import EarlyStopping


class Learner:
    """A network, its data and its step. Every rank holds one; they differ in which units they see.

    Sums that a step or a validation returns are those of this rank's units; the loop adds them up
    over the ranks. The loss that is differentiated is this rank's sum divided by the units of all
    ranks, and gradients are summed over the ranks: exactly the gradient of the joint batch. So the
    result hardly depends on the number of ranks.

    No method but `before_epoch` may call a collective of `ranks` outside of `gradients`.
    """

    ranks: Single
    """The processes of this training."""
    epochs: int
    """Number of epochs of the whole training."""
    batch: int
    """Units in a step that are asked for, of all ranks together."""
    units: int
    """Units in the training split."""
    validation_units: int
    """Units in the validation split."""
    digests: Sequence[str]
    """Checksums of the data: a checkpoint of other data is not resumed from."""
    optimizer: keras.optimizers.Optimizer
    """Built, so that its variables exist."""
    schedule: Schedule
    """Learning rate of each step."""
    early_stopping: EarlyStopping | None = None
    """When to stop before the last epoch; None for never."""

    @property
    def width(self) -> int:
        """Units in a step of all ranks together: `batch`, or all there are."""
        return min(self.batch, self.units)

    @property
    def variables(self) -> list[Any]:
        """All that a checkpoint holds, as Keras variables.

        These are weights, running averages and the optimiser's state. All ranks hold the same bits
        between epochs.
        """
        raise NotImplementedError

    def batches(self, epoch: int) -> Iterable[tuple[Any, ...]]:
        """Arguments of `step` on this rank, for each step of an epoch; see `training.data`."""
        raise NotImplementedError

    def step(self, *inputs: Any) -> tf.Tensor:
        """Take one step and return this rank's sums, shape (figures,).

        It is a compiled function, which calls `gradients` and `optimizer.apply`. With
        `autograph=False` it compiles a third faster; loops and branches on tensors are then to be
        written with `tf.while_loop` and `tf.cond`.
        """
        raise NotImplementedError

    def figures(self, sums: NDArray) -> dict[str, float]:
        """Named figures from the sums of all ranks; `loss` must be one of them."""
        raise NotImplementedError

    def validate(self, epoch: int) -> NDArray:
        """Sums of this rank over its share of the validation split."""
        raise NotImplementedError

    def write(self, folder: Path) -> None:
        """Write the trained network into a new folder; called on rank 0 alone.

        The loop adds metrics.json and manifest.json.
        """
        raise NotImplementedError

    # What has a default.

    def before_epoch(self, epoch: int) -> None:
        """Whatever an epoch begins with, on all ranks alike; collectives are allowed."""

    def before_step(self, seen: int) -> None:
        """Set what changes in the course of the training besides the learning rate.

        Args:
            seen: units that all ranks have seen before this step.
        """

    def warm_up(self, inputs: tuple[Any, ...], epoch: int) -> None:
        """Call all that is compiled when it is first called, for the epochs from `epoch` on.

        The loop calls it before the clock of the first epoch runs and restores all variables. By
        default one step.

        Args:
            inputs: of one step.
            epoch: the first that will be trained.
        """
        self.step(*inputs)

    def settings(self, epoch: int) -> dict[str, float]:
        """Figures of an epoch that are known before it, for the history."""
        return {}

    def validation_figures(self, total: NDArray) -> dict[str, float | None]:
        """Named figures from the sums of `validate` over all ranks.

        By default they are `figures` with `validation_` before each name.
        """
        return {f"validation_{name}": value for name, value in self.figures(total).items()}

    def manifest(self) -> dict[str, Any]:
        """What the manifest holds besides what it holds for every model: JSON data."""
        return {}

    def line(self, record: dict[str, Any]) -> str:
        """The part of the line of progress between epoch and speed.

        Args:
            record: all figures of the epoch, by name.
        """
        return f"loss {record['loss']:.4f}, validation {record['validation_loss']:.4f}"

    def gradients(
        self, loss: Callable[[], tuple[tf.Tensor, tf.Tensor]], variables: Sequence[Any]
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Gradients of the joint batch, summed over all ranks, and the sums that `loss` gives.

        Args:
            loss: computes this rank's share of the loss, which is differentiated, and its sums.
            variables: Keras variables to differentiate by.
        """
        with tf.GradientTape() as tape:
            value, sums = loss()
        found = self.ranks.tape(tape).gradient(value, [v.value for v in variables])
        return found, sums

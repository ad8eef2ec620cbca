"""The configuration of the dense network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from boostflow.config.problems import Place, Problem
from boostflow.models.classifying import ClassifierBlock
from boostflow.models.family import DistributedBlock, TabularBlock
from boostflow.observables.catalogue import default_features

if TYPE_CHECKING:
    from boostflow.config.config import Config

FEATURES = [*default_features(), "mtrimmed"]
"""Observables that the network takes where nothing else is said, as far as the input has them."""


class DNN(ClassifierBlock, DistributedBlock, TabularBlock):
    """A dense network on observables, multiclass."""

    output: ClassVar[str] = "network score"

    kind: Literal["dnn"] = "dnn"
    features: list[str] = Field(FEATURES, min_length=1)
    """Columns of the selected jets, in this order."""
    logarithms: bool = True
    """The network sees the logarithm of each observable besides its value."""
    hidden: list[int] = Field([128, 128, 64], min_length=1, max_length=10)
    """Widths of the hidden layers."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Part of a hidden layer's outputs that is left out in each step."""
    processes: int = Field(1, ge=1, le=1024)
    """Horovod processes (`horovodrun -np`). They share each batch, so the result hardly depends on
    their number; small trainings end before several processes have started."""
    seed: int = Field(1, ge=0)
    """Seed of the initial weights, dropout and the shuffling."""
    epochs: int = Field(40, ge=1)
    """Most epochs of the training."""
    patience: int = Field(10, ge=1)
    """Stop when the validation loss has not improved for so many epochs; the best epoch counts."""
    batch: int = Field(256, ge=2)
    """Jets in a step, of all processes together."""
    learning_rate: float = Field(2e-3, gt=0)
    """Highest learning rate of Adam."""
    warmup: float = Field(0.05, ge=0, lt=1)
    """Share of the training in which the learning rate rises; then it falls as a cosine."""

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Features are observables, each listed once, and layers have a width."""
        yield from super().problems(at, config)
        if min(self.hidden) < 1:
            yield (at / "hidden").problem(f"{self.hidden}: every width must be at least 1")

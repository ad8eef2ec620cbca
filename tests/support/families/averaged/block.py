"""The configuration of the mean of other models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from boostflow.config.base import Name
from boostflow.models.family import ModelBlock, Reads, Role, Score, Task


class Averaged(ModelBlock):
    """The mean of the probabilities of other models."""

    kind: Literal["averaged"] = "averaged"
    seed: int = 1
    """Of the training."""
    of: list[Name]
    """Models whose scores are averaged."""

    def task(self) -> Task:
        """Classes as those of the models."""
        return Task.CLASSIFY

    def reads(self) -> Reads:
        """The models that are averaged."""
        return Reads(models=tuple(self.of))

    def scores(self, classes: Sequence[str]) -> list[Score]:
        """A probability of each class."""
        return [Score(f"p_{name}", Role.PROBABILITY, "mean score", name) for name in classes]

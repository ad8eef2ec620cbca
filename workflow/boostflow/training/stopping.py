"""Early stopping: on a named figure, with the best weights kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when a figure has not improved for some epochs, and go back to its best epoch."""

    patience: int
    """Epochs without a better value before the training ends."""
    figure: str = "validation_loss"
    """Name of the figure in the history."""
    highest: bool = False
    """Whether higher is better."""
    least: int = 0
    """Epochs that are trained in any case; those without a better value count after them."""

    def best(self, history: Mapping[str, list[Any]]) -> int:
        """Row of the epoch with the best value so far, the first of equals; -1 without epochs."""
        values = history.get(self.figure, [])
        if not values:
            return -1
        return values.index(max(values) if self.highest else min(values))

    def ends(self, history: Mapping[str, list[Any]]) -> bool:
        """Whether the training should stop."""
        epochs = len(history.get(self.figure, []))
        return epochs - 1 - max(self.best(history), self.least - 1) >= self.patience

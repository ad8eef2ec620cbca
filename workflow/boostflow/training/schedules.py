"""Learning rates as functions of how far a training is: no counter that a resumed one could forget.

A schedule is called with the units (jets or events) that all ranks have seen and those of the whole
training, and gives the learning rate of the next step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[int, int], float]

HALVINGS = 4
"""How often a rate is halved in a training where nothing else is said."""


@dataclass(frozen=True)
class Constant:
    """A learning rate that is the same throughout."""

    rate: float

    def __call__(self, seen: int, total: int) -> float:
        """Learning rate after `seen` of `total` units."""
        return self.rate


@dataclass(frozen=True)
class Halving:
    """The learning rate falls by halves, in steps of equal length."""

    rate: float
    """Learning rate of the first step."""
    lowest: float = 0.0
    """Learning rate below which it does not fall."""
    every: int | None = None
    """Units between two halvings; null: `HALVINGS` of them in the course of the training."""

    def __call__(self, seen: int, total: int) -> float:
        """Learning rate after `seen` of `total` units."""
        halvings = seen * (HALVINGS + 1) // total if self.every is None else seen // self.every
        return max(self.rate * 0.5**halvings, self.lowest)


@dataclass(frozen=True)
class Cosine:
    """A straight rise to the highest learning rate, then half a cosine down to the lowest.

    Loshchilov & Hutter, arXiv:1608.03983, eq. 5 without restarts; the rise (warm-up) is that of
    Goyal et al., arXiv:1706.02677, section 2.2.
    """

    rate: float
    """Highest learning rate."""
    lowest: float = 0.0
    """Learning rate at the end."""
    warmup: float = 0.0
    """Share of the training in which it rises, from 0."""

    def __call__(self, seen: int, total: int) -> float:
        """Learning rate after `seen` of `total` units."""
        done = seen / total
        if done < self.warmup:
            return self.rate * done / self.warmup
        fallen = (done - self.warmup) / (1 - self.warmup)
        return self.lowest + (self.rate - self.lowest) * (1 + math.cos(math.pi * fallen)) / 2


@dataclass(frozen=True)
class Then:
    """One schedule after another."""

    first: Schedule
    """Of the first part of the training, as if it were all."""
    second: Schedule
    """Of the rest."""
    share: float
    """Share of the first part."""

    def __call__(self, seen: int, total: int) -> float:
        """Learning rate after `seen` of `total` units."""
        edge = round(self.share * total)
        if seen < edge:
            return self.first(seen, edge)
        return self.second(seen - edge, total - edge)

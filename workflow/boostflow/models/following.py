"""Moving averages that follow legitimate drift: what a model is told in the place of its columns.

Read when a run is planned: pydantic and the standard library alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from boostflow.config.base import Block
from boostflow.config.problems import Place, Problem
from boostflow.models.family import Role, Score

if TYPE_CHECKING:
    from boostflow.config.config import Config

CAUSE = "cause_"
"""Columns of the features that make a row unusual, with their ranks from 1."""


def named_causes(count: int) -> list[Score]:
    """Columns of so many causes."""
    return [Score(f"{CAUSE}{i + 1}", Role.CAUSE, f"Cause {i + 1}") for i in range(count)]


class Follow(Block):
    """Columns as distances from exponentially weighted averages of the rows before.

    A distance is in units of a spread that is followed alike. Rows have to be in an order, and the
    score of a row depends on those before it: all samples are scored together.
    """

    time: str
    """Column that says the order of the rows."""
    halflife: float = Field(50.0, ge=1)
    """Rows after which what a row has added to the averages counts half."""
    clip: float = Field(3.0, gt=0)
    """Largest distance that moves the averages, so that faults hardly do, and changes that stay
    within some halflives."""

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """The column exists."""
        if self.time not in config.columns():
            yield (at / "time").unknown("column", self.time, config.columns())


class Ranked(Follow):
    """The largest distances from moving averages, whichever columns they are of.

    What is learned of a fault in one column is then known for all of them.
    """

    largest: int = Field(10, ge=1)
    """Distances that are told, by falling size; no more than there are features."""
    causes: int = Field(0, ge=0, le=20)
    """Features with the largest distances that are named: columns `cause_1`, `cause_2`, ... hold
    their numbers in `features`, from 0."""

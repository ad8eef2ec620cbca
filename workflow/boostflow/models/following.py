"""Moving averages that follow legitimate drift: what a model is told in the place of its columns.

Read when a run is planned: pydantic and the standard library alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from boostflow.config.base import Block
from boostflow.config.problems import Place, Problem

if TYPE_CHECKING:
    from boostflow.config.config import Config


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

"""The configuration of moving averages as a detector."""

from __future__ import annotations

from typing import Literal

from boostflow.models.detecting import ColumnwiseBlock
from boostflow.models.following import Follow


class Ewma(ColumnwiseBlock):
    """Distances of columns from exponentially weighted moving averages of the rows before."""

    kind: Literal["ewma"] = "ewma"
    follow: Follow
    """What says the order of the rows, and how fast the averages move."""

"""The configuration of averages as a detector."""

from __future__ import annotations

from typing import Literal

from boostflow.models.detecting import ColumnwiseBlock


class Average(ColumnwiseBlock):
    """Distances of columns from their averages over normal jets; with `follow` from moving ones."""

    kind: Literal["average"] = "average"

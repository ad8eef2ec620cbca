"""Configuration of columns that are normally distributed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from boostflow.config.base import Block, Name
from boostflow.generators.base import GeneratorBlock


class Column(Block):
    """The normal distribution of one column."""

    mean: float = 0.0
    """Its mean."""
    sigma: float = Field(1.0, gt=0)
    """Its standard deviation."""
    missing: float = Field(0.0, ge=0, lt=1)
    """Part of the rows without a value (NaN)."""


class Normal(GeneratorBlock):
    """Independent columns that are normally distributed, some values of which may be missing."""

    kind: Literal["normal"] = "normal"
    columns: dict[Name, Column] = Field(min_length=1)
    """Columns by name."""

    def makes(self) -> list[str]:
        """The columns, as they are declared."""
        return list(self.columns)

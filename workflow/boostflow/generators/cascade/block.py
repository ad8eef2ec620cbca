"""Configuration of showers by the cascade."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from boostflow.calorimeter.columns import HIGHEST, LOWEST, all_columns
from boostflow.generators.base import GeneratorBlock


class Cascade(GeneratorBlock):
    """Showers of one kind of particle by the project's own cascade (docs/showers.md)."""

    kind: Literal["cascade"] = "cascade"
    particle: Literal["e+", "photon", "pi+"] = "e+"
    """What enters the calorimeter."""
    low: float = Field(LOWEST, ge=LOWEST, le=HIGHEST)
    """Smallest energy (GeV)."""
    high: float = Field(HIGHEST, ge=LOWEST, le=HIGHEST)
    """Largest energy (GeV); all between are as likely."""

    @model_validator(mode="after")
    def has_a_range(self) -> Cascade:
        """The smallest energy is not above the largest."""
        if self.low > self.high:
            raise ValueError(f"low: {self.low:g} GeV is above high, {self.high:g} GeV")
        return self

    def makes(self) -> list[str]:
        """The energy, shapes, and all cells."""
        return all_columns()

"""The configuration of showers by a copula."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from boostflow.models.generating import GenerativeBlock


class Copula(GenerativeBlock):
    """Showers whose cells have the quantiles of the training, joined by a Gaussian copula."""

    kind: Literal["copula"] = "copula"
    bins: int = Field(40, ge=2, le=200)
    """Bins of what a column is given: the energy, or that of a layer or a group of cells."""
    quantiles: int = Field(100, ge=10, le=1000)
    """Quantiles of a column in a bin, between which it is interpolated."""

"""The configuration of the classical parametrisation of showers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from boostflow.models.generating import GenerativeBlock


class Gflash(GenerativeBlock):
    """The classical parametrisation of showers, in the form of GFLASH, fitted to the training."""

    kind: Literal["gflash"] = "gflash"
    bins: int = Field(6, ge=2, le=30)
    """Bins of the energy in which the fit compares showers with the parametrisation."""
    evaluations: int = Field(1500, ge=10)
    """Most evaluations of the fit of the longitudinal profile."""

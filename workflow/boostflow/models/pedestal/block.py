"""The configuration of a subtraction of the background."""

from __future__ import annotations

from typing import Literal

from boostflow.models.regressing import RegressorBlock

INPUTS = {
    "area": ("pt", "rho", "area"),
    "multiplicity": ("pt", "rho", "area", "multiplicity", "rho_mult"),
}
"""Columns that each method reads."""


class Pedestal(RegressorBlock):
    """Subtraction of the mean background.

    area: pT - rho A (arXiv:0707.1378). multiplicity: pT - rho_mult (N - N_signal), with the number
    of constituents N, the event's median pT of a background particle, and the mean number of
    particles of a signal jet of the same pT (arXiv:2402.10945), which the training learns.
    """

    kind: Literal["pedestal"] = "pedestal"
    method: Literal["area", "multiplicity"] = "area"
    """How the background is estimated: from the area, or from the number of particles."""

    def inputs(self) -> tuple[str, ...]:
        """What the method reads."""
        return INPUTS[self.method]

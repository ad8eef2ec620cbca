"""The configuration of cuts on n-sigma values."""

from __future__ import annotations

from typing import ClassVar, Literal

from boostflow.models.deviations import DeviationsBlock


class SigmaCut(DeviationsBlock):
    """A cut on the deviation from the nearest class, of all detectors together.

    The deviation is the root of the sum of squares. A cut on the probability of a class takes what
    deviates least from this class and by less than a number of standard deviations.
    """

    output: ClassVar[str] = "closeness"

    kind: Literal["sigmacut"] = "sigmacut"

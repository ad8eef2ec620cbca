"""The configuration of a dense network that regresses."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from boostflow.models.networks import LearnedBlock, Widths
from boostflow.models.regressing import FeaturesBlock


class DenseRegressor(FeaturesBlock, LearnedBlock):
    """A dense network that estimates the true pT of a jet, with an error for each.

    100-100-50 is the network of arXiv:1810.06324.
    """

    resources: ClassVar[tuple[str, ...]] = ("epochs",)

    kind: Literal["dense_regressor"] = "dense_regressor"
    logarithms: bool = True
    """The network sees the logarithm of each feature besides its value."""
    hidden: Widths = Field([100, 100, 50], min_length=1, max_length=10)
    """Widths of the hidden layers."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Part of a hidden layer's outputs that is left out in each step."""

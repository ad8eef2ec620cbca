"""The configuration of regression trees."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from boostflow.models.regressing import FeaturesBlock


class Regressor(FeaturesBlock):
    """Boosted trees that estimate the true pT of a jet, with an error for each."""

    resources: ClassVar[tuple[str, ...]] = ("rounds",)

    kind: Literal["regressor"] = "regressor"
    max_depth: int = Field(4, ge=1, le=20)
    """Depth of a tree."""
    min_leaf: float = Field(0.005, ge=0, lt=0.5)
    """Smallest part of the training jets in a leaf."""
    learning_rate: float = Field(0.05, gt=0, le=1)
    """Shrinkage of the contribution of each tree."""
    rounds: int = Field(400, ge=1)
    """Most trees."""
    early_stopping: int = Field(20, ge=1)
    """Rounds without a better loss on the validation split after which the training ends."""
    subsample: float = Field(0.7, gt=0, le=1)
    """Part of the jets that each tree sees."""
    colsample: float = Field(0.7, gt=0, le=1)
    """Part of the features that each tree sees."""

"""The configuration of the trees."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from boostflow.models.classifying import ClassifierBlock
from boostflow.models.family import TabularBlock


class BDT(ClassifierBlock, TabularBlock):
    """Gradient-boosted trees (XGBoost), multiclass."""

    output: ClassVar[str] = "BDT score"

    kind: Literal["bdt"] = "bdt"
    max_depth: int = Field(5, ge=1, le=20)
    """Depth of a tree."""
    learning_rate: float = Field(0.1, gt=0, le=1)
    """Shrinkage of the contribution of each tree."""
    rounds: int = Field(400, ge=1)
    """Most boosting rounds."""
    early_stopping: int = Field(20, ge=1)
    """Stop when the validation loss has not improved for this many rounds."""
    subsample: float = Field(0.8, gt=0, le=1)
    """Part of the jets that each tree sees."""
    colsample: float = Field(0.8, gt=0, le=1)
    """Part of the features that each tree sees."""
    seed: int = Field(1, ge=0)
    """Seed of the subsampling."""
    bootstrap: int | None = Field(None, ge=0)
    """Seed of a bootstrap of the training events; null: each counts once."""

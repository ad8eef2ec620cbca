"""What the blocks of all families of boosted trees share.

Read when a run is planned: pydantic and the standard library alone.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from boostflow.models.classifying import ClassifierBlock
from boostflow.models.family import TabularBlock
from boostflow.observables.catalogue import default_features

FEATURES = [*default_features(), "mtrimmed", "planar_flow", "pt_d", "zcut", "kt_dr", "r2"]
"""Observables that the trees take where nothing else is said, as far as the input has them."""


class Trees(ClassifierBlock, TabularBlock):
    """How trees are grown."""

    resources: ClassVar[tuple[str, ...]] = ("rounds",)

    features: list[str] = Field(FEATURES, min_length=1)
    """Columns of the selected jets, in this order."""
    max_depth: int = Field(4, ge=1, le=20)
    """Depth of a tree."""
    min_leaf: float = Field(0.005, ge=0, lt=0.5)
    """Smallest part of the training jets in a leaf, where a jet counts less the surer the trees are
    of it; larger values learn fewer jets by heart."""
    learning_rate: float = Field(0.1, gt=0, le=1)
    """Shrinkage of the contribution of each tree."""
    rounds: int = Field(150, ge=1)
    """Most boosting rounds."""
    early_stopping: int = Field(20, ge=1)
    """Stop when the validation loss has not improved for this many rounds."""
    subsample: float = Field(0.5, gt=0, le=1)
    """Part of the jets that each tree sees."""
    colsample: float = Field(0.5, gt=0, le=1)
    """Part of the features that each tree sees."""
    seed: int = Field(1, ge=0)
    """Seed of the subsampling."""

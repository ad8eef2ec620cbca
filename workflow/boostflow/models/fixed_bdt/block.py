"""The configuration of the trees in fixed point."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from boostflow.models.hardware import HardwareBlock
from boostflow.models.trees import Trees


class FixedBDT(Trees, HardwareBlock):
    """Gradient-boosted trees on integers, as logic for an FPGA."""

    output: ClassVar[str] = "BDT score"

    kind: Literal["fixed_bdt"] = "fixed_bdt"
    max_depth: int = Field(3, ge=1, le=8)
    """Depth of a tree."""
    learning_rate: float = Field(0.3, gt=0, le=1)
    """Shrinkage of the contribution of each tree."""
    rounds: int = Field(30, ge=1, le=1000)
    """Most boosting rounds, each of a tree for each class."""
    colsample: float = Field(1.0, gt=0, le=1)
    """Part of the features that each tree sees."""
    fraction: int = Field(6, ge=0, le=16)
    """Bits after the point of a leaf."""

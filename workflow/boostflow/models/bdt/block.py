"""The configuration of the trees."""

from __future__ import annotations

from typing import ClassVar, Literal

from boostflow.models.trees import Trees


class BDT(Trees):
    """Gradient-boosted trees (XGBoost), multiclass."""

    output: ClassVar[str] = "BDT score"

    kind: Literal["bdt"] = "bdt"

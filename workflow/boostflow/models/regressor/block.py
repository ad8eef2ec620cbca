"""The configuration of regression trees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from boostflow.config.problems import Place, Problem
from boostflow.models.family import Reads, TabularBlock
from boostflow.models.regressing import RegressorBlock

if TYPE_CHECKING:
    from boostflow.config.config import Config

FEATURES = [
    *("pt", "rho", "area", "multiplicity", "rho_mult", "girth"),
    *(f"constituent_pt{k}" for k in range(1, 9)),
]
"""Columns that the trees take where nothing else is said (arXiv:1810.06324)."""


class Regressor(RegressorBlock, TabularBlock):
    """Boosted trees that estimate the true pT of a jet, with an error for each."""

    resources: ClassVar[tuple[str, ...]] = ("rounds",)

    kind: Literal["regressor"] = "regressor"
    features: list[str] = Field(FEATURES, min_length=1)
    """Columns of the selected jets, in this order; with `pt`, `rho` and `area` the trees see
    pT - rho A, too."""
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
    calibrate: bool = True
    """The mean is right in bins of the true pT; false: it is right in bins of the estimate, which
    is narrower and biased towards the middle of the range."""

    def inputs(self) -> tuple[str, ...]:
        """The features."""
        return tuple(self.features)

    def reads(self) -> Reads:
        """Features, and the target."""
        return RegressorBlock.reads(self)

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Features are columns, and the target is none of them."""
        yield from super().problems(at, config)
        if self.target in self.features:
            yield (at / "features").problem(f"has the target {self.target}")

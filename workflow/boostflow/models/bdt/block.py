"""The configuration of the trees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from boostflow.config.problems import Place, Problem
from boostflow.models.family import ModelBlock, Reads, Role, Score, Task
from boostflow.observables.catalogue import default_features, known_features

if TYPE_CHECKING:
    from boostflow.config.config import Config


class BDT(ModelBlock):
    """Gradient-boosted trees (XGBoost), multiclass."""

    kind: Literal["bdt"] = "bdt"
    features: list[str] = Field(default_features(), min_length=1)
    """Columns of the selected jets, in this order."""
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

    def task(self) -> Task:
        """Trees tell labelled classes apart."""
        return Task.CLASSIFY

    def reads(self) -> Reads:
        """Features that were chosen are needed; of the default ones those that the input has."""
        chosen = () if self.features == default_features() else tuple(self.features)
        return Reads(columns=chosen)

    def scores(self, classes: Sequence[str]) -> list[Score]:
        """A probability of each class."""
        return [Score(f"p_{name}", Role.PROBABILITY, "BDT score", name) for name in classes]

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Features are observables, each listed once."""
        known = known_features()
        for feature in self.features:
            if feature not in known:
                yield (at / "features").unknown("observable", feature, known)
        if len(set(self.features)) < len(self.features):
            yield (at / "features").problem("an observable is listed twice")

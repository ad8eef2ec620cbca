"""The configuration of principal components as a detector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from boostflow.config.problems import Place, Problem
from boostflow.models.detecting import ColumnwiseBlock

if TYPE_CHECKING:
    from boostflow.config.config import Config


class Hyperplane(ColumnwiseBlock):
    """Principal components of the observables; the score is what they leave of a jet."""

    kind: Literal["hyperplane"] = "hyperplane"
    components: int = Field(5, ge=1)
    """Components that describe normal jets, fewer than there are features."""

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Something is left beside the components."""
        yield from super().problems(at, config)
        if self.components >= len(self.features):
            yield (at / "components").problem(
                f"is {self.components}, must be below the number of features, {len(self.features)}"
            )

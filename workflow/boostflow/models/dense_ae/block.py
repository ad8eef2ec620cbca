"""The configuration of a network that detects by the error of its reconstruction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from boostflow.config.problems import Place, Problem
from boostflow.models.detecting import ColumnwiseBlock
from boostflow.models.networks import LearnedBlock, Widths

if TYPE_CHECKING:
    from boostflow.config.config import Config


class DenseAE(ColumnwiseBlock, LearnedBlock):
    """A dense autoencoder of columns; the score is what it leaves of a jet."""

    kind: Literal["dense_ae"] = "dense_ae"
    hidden: Widths = Field([64, 32], min_length=1, max_length=10)
    """Widths of the hidden layers before the narrow one; those after it are the same, turned
    round."""
    latent: int = Field(5, ge=1)
    """Numbers that have to tell all columns, fewer than there are features."""
    limit: float = Field(5.0, gt=0)
    """The network sees standardised features as far as this, so that one of them that is far off
    does not spoil what it says of the others."""

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Fewer numbers than features are passed on."""
        yield from super().problems(at, config)
        if self.latent >= len(self.features):
            yield (at / "latent").problem(
                f"is {self.latent}, must be below the number of features, {len(self.features)}"
            )

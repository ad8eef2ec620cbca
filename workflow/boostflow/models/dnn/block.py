"""The configuration of the dense network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from boostflow.config.problems import Place, Problem
from boostflow.models.family import TabularBlock
from boostflow.models.networks import NetworkBlock
from boostflow.observables.catalogue import default_features

if TYPE_CHECKING:
    from boostflow.config.config import Config

FEATURES = [*default_features(), "mtrimmed"]
"""Observables that the network takes where nothing else is said, as far as the input has them."""


class DNN(NetworkBlock, TabularBlock):
    """A dense network on observables, multiclass."""

    kind: Literal["dnn"] = "dnn"
    features: list[str] = Field(FEATURES, min_length=1)
    """Columns of the selected jets, in this order."""
    logarithms: bool = True
    """The network sees the logarithm of each observable besides its value."""
    hidden: list[int] = Field([128, 128, 64], min_length=1, max_length=10)
    """Widths of the hidden layers."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Part of a hidden layer's outputs that is left out in each step."""

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Features are observables, each listed once, and layers have a width."""
        yield from super().problems(at, config)
        if min(self.hidden) < 1:
            yield (at / "hidden").problem(f"{self.hidden}: every width must be at least 1")

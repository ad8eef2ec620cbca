"""The configuration of the dense network."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from boostflow.models.networks import ColumnsBlock, Widths
from boostflow.observables.catalogue import default_features

FEATURES = [*default_features(), "mtrimmed"]
"""Observables that the network takes where nothing else is said, as far as the input has them."""


class DNN(ColumnsBlock):
    """A dense network on observables, multiclass."""

    kind: Literal["dnn"] = "dnn"
    features: list[str] = Field(FEATURES, min_length=1)
    """Columns of the selected jets, in this order."""
    logarithms: bool = True
    """The network sees the logarithm of each observable besides its value."""
    hidden: Widths = Field([128, 128, 64], min_length=1, max_length=10)
    """Widths of the hidden layers."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Part of a hidden layer's outputs that is left out in each step."""

"""The configuration of networks that split the energy of a shower."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from boostflow.models.generating import GenerativeBlock
from boostflow.models.networks import LearnedBlock, Widths


class SplitNet(GenerativeBlock, LearnedBlock):
    """Networks that split energy again and again: particle, layers, halves of layers, cells."""

    kind: Literal["splitnet"] = "splitnet"
    hidden: Widths = Field([48, 48], min_length=1, max_length=10)
    """Widths of the hidden layers of the network of each generation, which its splits share."""
    components: int = Field(3, ge=1, le=20)
    """Gaussians that the distribution of each split is made of."""
    epochs: int = Field(30, ge=1)
    """Most epochs of the training."""
    patience: int = Field(6, ge=1)
    """Stop when the validation loss has not improved for so many epochs; the best epoch counts."""

"""The configuration of the network in fixed point."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from boostflow.models.hardware import HardwareBlock
from boostflow.models.networks import ColumnsBlock, Widths


class Quantised(ColumnsBlock, HardwareBlock):
    """A dense network on observables whose numbers of bits are learned, as logic for an FPGA."""

    joinable: ClassVar[bool] = False

    kind: Literal["quantised"] = "quantised"
    hidden: Widths = Field([64, 32], min_length=1, max_length=10)
    """Widths of the hidden layers."""
    beta: float = Field(4e-5, ge=0, le=1)
    """Weight of the resources in the loss, for each effective bit operation (EBOP): larger values
    give smaller logic. It rises from a hundredth in the first half of the training."""
    epochs: int = Field(120, ge=1)
    """Most epochs of the training."""
    patience: int = Field(60, ge=1)
    """Stop when the validation loss, resources included, has not improved for so many epochs."""
    learning_rate: float = Field(1e-2, gt=0)
    """Highest learning rate of Adam."""

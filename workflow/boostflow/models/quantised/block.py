"""The configuration of the network in fixed point."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from boostflow.config.base import Range
from boostflow.config.problems import Place, Problem
from boostflow.models.networks import ColumnsBlock, Widths

if TYPE_CHECKING:
    from boostflow.config.config import Config


class Quantised(ColumnsBlock):
    """A dense network on observables whose numbers of bits are learned, as logic for an FPGA."""

    joinable: ClassVar[bool] = False

    kind: Literal["quantised"] = "quantised"
    bits: int = Field(10, ge=4, le=16)
    """Bits of a feature: jets are put on this grid before the training."""
    ranges: dict[str, Range] = {}
    """Range of the grid by feature, whose ends stand for what is beyond; of the others it holds
    99 % of the training jets."""
    logarithms: bool = True
    """The steps of features with a positive range are equal in the logarithm, as a table makes
    them."""
    hidden: Widths = Field([64, 32], min_length=1, max_length=10)
    """Widths of the hidden layers."""
    beta: float = Field(4e-5, ge=0, le=1)
    """Weight of the resources in the loss, for each effective bit operation (EBOP): larger values
    give smaller logic. It rises from a hundredth in the first half of the training."""
    hdl: Literal["verilog", "vhdl"] = "verilog"
    """Language of the firmware beside C++."""
    clock: float = Field(200.0, gt=0, le=2000)
    """Frequency of the firmware's clock (MHz)."""
    adders: int = Field(5, ge=1, le=100)
    """Adders in a row between two registers: 5 suit 200 MHz."""
    epochs: int = Field(120, ge=1)
    """Most epochs of the training."""
    patience: int = Field(60, ge=1)
    """Stop when the validation loss, resources included, has not improved for so many epochs."""
    learning_rate: float = Field(1e-2, gt=0)
    """Highest learning rate of Adam."""

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Features are observables, ranges are those of features, and layers have a width."""
        yield from super().problems(at, config)
        for name in self.ranges:
            if name not in self.features:
                yield (at / "ranges" / name).unknown("feature", name, self.features)

"""What the blocks of models share that become logic for an FPGA: the grid of features, the clock.

Read when a run is planned: pydantic and the standard library alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from boostflow.config.base import Range
from boostflow.config.problems import Place, Problem
from boostflow.models.family import TabularBlock

if TYPE_CHECKING:
    from boostflow.config.config import Config


class HardwareBlock(TabularBlock):
    """A model on observables as integers, whose scores are those of its logic."""

    in_logic: ClassVar[bool] = True

    bits: int = Field(10, ge=4, le=16)
    """Bits of a feature: jets are put on this grid before the training."""
    ranges: dict[str, Range] = Field({})
    """Range of the grid by feature, whose ends stand for what is beyond; of the others it holds
    99 % of the training jets."""
    logarithms: bool = True
    """The steps of features with a positive range are equal in the logarithm, as a table makes
    them."""
    hdl: Literal["verilog", "vhdl"] = "verilog"
    """Language of the firmware beside C++."""
    clock: float = Field(200.0, gt=0, le=2000)
    """Frequency of the firmware's clock (MHz)."""
    adders: int = Field(5, ge=1, le=100)
    """Adders in a row between two registers: 5 suit 200 MHz."""

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Features are observables, and ranges are those of features."""
        yield from super().problems(at, config)
        for name in self.ranges:
            if name not in self.features:
                yield (at / "ranges" / name).unknown("feature", name, self.features)

"""Block of the transfer factor: a background of the fit that is taken from data."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from boostflow.config.base import Block, Name

Basis = Literal["bernstein", "chebyshev", "exp_bernstein", "exp_chebyshev"]
"""Functions of a pass/fail ratio."""
TransferFlag = Literal["sculpted", "order", "misfit", "biased"]
"""What the checks of a background from data flag: boostflow.infer.closure."""
ORDER_MAX = 8
"""Highest order of a function."""


class Transfer(Block):
    """A background of the pass regions that is taken from data.

    It is that of the fail region, bin by bin and free, times a smooth function of the templates'
    variable.
    """

    model_config = ConfigDict(
        extra="forbid", allow_inf_nan=False, validate_by_name=True, serialize_by_alias=True
    )

    estimated: list[Name] = Field(min_length=1)
    """Samples that come from data in these regions; their simulation gives start values and checks
    alone, and no rate or systematic acts on them."""
    name: Name = "multijet"
    """What their sum is called in the workspace, in tables and plots."""
    fail: Name = "fail"
    """Region without a tag, in which each bin of the estimated samples is a free parameter."""
    passes: list[Name] = Field(["pass"], alias="pass", min_length=1)
    """Regions with a tag, each with a function of its own."""
    basis: Basis = "bernstein"
    """Functions whose sum is the pass/fail ratio: Bernstein polynomials (with coefficients that are
    not negative, so that neither is the ratio), Chebyshev polynomials, or the exponential of
    either."""
    order: int | Literal["auto"] = Field(1)
    """Order of the polynomial; auto: the lowest one that the next does not improve on, by an F-test
    with toys of the simulation."""
    order_max: int = Field(4, ge=0, le=ORDER_MAX)
    """Highest order that `auto` tries."""
    toys: int = Field(500, ge=10, le=100_000)
    """Toys for each row of the checks: goodness of fit, F-tests, and the bias with injected signal
    0, 1, 2 and 5."""

    @model_validator(mode="after")
    def is_consistent(self) -> Transfer:
        """Regions and samples are named once, and the order is a number of its range."""
        if self.fail in self.passes:
            raise ValueError(f"pass: {self.fail} is the fail region")
        for key, names in (("pass", self.passes), ("estimated", self.estimated)):
            if len(set(names)) < len(names):
                raise ValueError(f"{key}: a name is listed twice")
        if isinstance(self.order, int) and not 0 <= self.order <= ORDER_MAX:
            raise ValueError(f"order: must be auto, or from 0 to {ORDER_MAX}")
        return self

    def regions(self) -> list[str]:
        """The fail region and the pass regions."""
        return [self.fail, *self.passes]

    def highest(self) -> int:
        """The highest order that can be used."""
        return self.order_max if self.order == "auto" else self.order

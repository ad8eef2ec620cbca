"""Block of the transfer factor: a background of the fit that is taken from data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from boostflow.config.base import Block, Name, NoSwitch, Range

if TYPE_CHECKING:
    from boostflow.config.statistics import Region

Basis = Literal["bernstein", "chebyshev", "exp_bernstein", "exp_chebyshev"]
"""Functions of a pass/fail ratio."""
TransferFlag = Literal["sculpted", "order", "misfit", "biased", "unvalidated"]
"""What the checks of a background from data flag: boostflow.infer.closure."""
ORDER_MAX = 8
"""Highest order of a function."""
Order = int | tuple[int, int]
"""Order of a polynomial: of one variable, or in each of two."""


def _kind_of_order(value: object) -> str:
    if isinstance(value, str):
        return "auto"
    return "two" if isinstance(value, list | tuple) else "one"


_Number = Annotated[int, NoSwitch]
_One = Annotated[_Number, Tag("one")]
_Two = Annotated[tuple[_Number, _Number], Tag("two")]
_Orders = Annotated[
    _One | _Two | Annotated[Literal["auto"], Tag("auto")], Discriminator(_kind_of_order)
]
_Residual = Annotated[_One | _Two, Discriminator(_kind_of_order)]


@dataclass(frozen=True)
class Function:
    """A function of a pass/fail ratio, and the pairs of regions that it holds for."""

    name: str
    """Of its parameters: that of the first pass region."""
    passes: tuple[str, ...]
    """Pass regions, one a pair."""
    fails: tuple[str, ...]
    """Their fail regions."""
    at: tuple[float, ...] | None
    """Value of the second variable in each pair; null for a function of one variable."""


class Along(Block):
    """The second variable of a function."""

    variable: str = "pt"
    """Column of the selected jets; each region has a range of it (`within`)."""
    at: list[float] | None = Field(None, min_length=2)
    """By fail region, where in its range the function is evaluated (the mean of its jets, say);
    null: in the middle."""


def touched(windows: Sequence[Sequence[float]], edges: Sequence[float]) -> list[bool]:
    """Tell for each bin between edges whether it shares values with a window."""
    return [
        any(low < right and left < high for low, high in windows) for left, right in pairwise(edges)
    ]


class Transfer(Block):
    """A background of the pass regions that is taken from data.

    It is that of the fail region, bin by bin and free, times a smooth function of the templates'
    variable, or of this and a second one.
    """

    model_config = ConfigDict(
        extra="forbid", allow_inf_nan=False, validate_by_name=True, serialize_by_alias=True
    )

    estimated: list[Name] = Field(min_length=1)
    """Samples that come from data in these regions; their simulation gives start values and checks
    alone, and no rate or systematic acts on them."""
    name: Name = "multijet"
    """What their sum is called in the workspace, in tables and plots."""
    fail: Annotated[
        Annotated[Name, Tag("one")] | Annotated[list[Name], Field(min_length=2), Tag("list")],
        Discriminator(lambda value: "list" if isinstance(value, list) else "one"),
    ] = "fail"
    """Region without a tag, in which each bin of the estimated samples is a free parameter; with
    `along` a list of such regions, one for each range of the second variable."""
    passes: list[Name] = Field(["pass"], alias="pass", min_length=1)
    """Regions with a tag, each with a function of its own; with `along` the pass region of each
    fail region, in the same order, for one function, perhaps followed by those of another one."""
    along: Along | None = None
    """A second variable of the function: {variable: pt}; null for none."""
    basis: Basis = "bernstein"
    """Functions whose sum is the pass/fail ratio: Bernstein polynomials (with coefficients that are
    not negative, so that neither is the ratio), Chebyshev polynomials, or the exponential of
    either; in two variables their products."""
    order: _Orders = 1
    """Order of the polynomial, in two variables [of the templates', of the second one]; auto: the
    lowest one that the next does not improve on, by an F-test with toys of the simulation."""
    order_max: int = Field(4, ge=0, le=ORDER_MAX)
    """Highest order that `auto` tries."""
    residual: _Residual | None = None
    """Order of a polynomial that is fitted to data, as `order` one number or two: the ratio is then
    the function of `order`, fitted to simulation, whose errors are parameters of the fit, times
    this one. null: the function of `order` itself is fitted to data."""
    toys: int = Field(500, ge=10, le=100_000)
    """Toys for each row of the checks: goodness of fit, F-tests, and the bias with injected signal
    0, 1, 2 and 5."""
    hidden: list[Range] = []
    """Windows of the templates' variable that hold the signal, such as [[105, 210]]: while the
    analysis is blinded, the fail and pass regions show collision data beside them alone, and the
    checks fit the function there, without signal. Bins that a window touches are hidden whole."""
    validation: list[Name] = []
    """Regions without signal that the fit leaves out: the checks predict each by a function of its
    own, fitted without signal together with the fail region."""

    @model_validator(mode="after")
    def validates_other_regions(self) -> Transfer:
        """Validation regions are no regions of the fit."""
        if both := [name for name in self.validation if name in self.regions()]:
            raise ValueError(f"validation: {both[0]} is a region of the fit")
        if len(set(self.validation)) < len(self.validation):
            raise ValueError("validation: a name is listed twice")
        return self

    @model_validator(mode="after")
    def is_consistent(self) -> Transfer:
        """Regions and samples are named once and in pairs, and orders are numbers of their range.

        Without a second variable there is one fail region, and the order is one number.
        """
        fails = self.fails()
        if both := [name for name in fails if name in self.passes]:
            raise ValueError(f"pass: {both[0]} is the fail region")
        for key, names in (("fail", fails), ("pass", self.passes), ("estimated", self.estimated)):
            if len(set(names)) < len(names):
                raise ValueError(f"{key}: a name is listed twice")
        if self.along is None and len(fails) > 1:
            raise ValueError("fail: several regions need a second variable (along)")
        if self.along is not None:
            if len(fails) < 2:
                raise ValueError("fail: along needs a list of regions, one a range of its variable")
            if len(self.passes) % len(fails):
                raise ValueError(
                    f"pass: {len(self.passes)} regions do not belong to {len(fails)} fail regions;"
                    " list one for each of them, in their order"
                )
            if self.along.at is not None and len(self.along.at) != len(fails):
                raise ValueError(f"along.at: needs {len(fails)} values, one a fail region")
        numbers = "a number" if self.along is None else "[of the variable, of the second]"
        for key, order, other in (
            ("order", self.order, "auto"),
            ("residual", self.residual, "null"),
        ):
            if order is None or order == "auto":
                continue
            if (self.along is None) != isinstance(order, int):
                raise ValueError(f"{key}: must be {other}, or {numbers}")
            if not all(0 <= n <= ORDER_MAX for n in in_each(order)):
                raise ValueError(f"{key}: must be {other}, or from 0 to {ORDER_MAX}")
        return self

    def fails(self) -> list[str]:
        """The fail regions: one, or one for each range of the second variable."""
        return [self.fail] if isinstance(self.fail, str) else list(self.fail)

    def hides(self, edges: Sequence[float]) -> list[bool]:
        """Tell for each bin between edges whether a hidden window touches it."""
        return touched(self.hidden, edges)

    def validating(self) -> Transfer:
        """The block with its validation regions in the place of the pass regions."""
        return self.model_copy(update={"passes": self.validation, "validation": []})

    def fail_of(self, region: str) -> str:
        """The fail region that a pass region belongs to."""
        fails = self.fails()
        return fails[self.passes.index(region) % len(fails)]

    def names(self) -> list[str]:
        """Names of the functions: the first pass region of each."""
        return self.passes[:: len(self.fails())]

    def functions(self) -> list[Function]:
        """All functions with their pairs of regions; `along.at` must be known (`located`)."""
        fails = self.fails()
        at = tuple(self.along.at or ()) if self.along else None
        assert at is None or len(at) == len(fails)
        return [
            Function(name, tuple(self.passes[k * len(fails) :][: len(fails)]), tuple(fails), at)
            for k, name in enumerate(self.names())
        ]

    def regions(self) -> list[str]:
        """The fail regions and the pass regions."""
        return [*self.fails(), *self.passes]

    def highest(self) -> Order:
        """The highest order that can be used, in each variable."""
        if self.order != "auto":
            return self.order
        if self.along is None:
            return self.order_max
        # As many ranges determine an order that is lower by one.
        return self.order_max, min(self.order_max, len(self.fails()) - 1)

    def located(self, regions: Mapping[str, Region]) -> Transfer:
        """The block with the places in the second variable, where it declares none.

        Args:
            regions: of the templates, each with a range of the second variable.
        """
        if self.along is None or self.along.at is not None:
            return self
        ranges = [regions[name].within[self.along.variable] for name in self.fails()]
        at = [sum(limits) / 2 for limits in ranges]
        return self.model_copy(update={"along": self.along.model_copy(update={"at": at})})


def in_each(order: Order) -> Sequence[int]:
    """An order in each of its variables."""
    return (order,) if isinstance(order, int) else order

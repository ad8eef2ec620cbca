"""How a column may be rounded when jets are compressed: what it is, and how far it may be off."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from boostflow.config.base import Block

ColumnType = Literal["continuous", "positive", "angle", "integer"]


class Rounded(Block):
    """A column that is compressed with loss, and the error that it may have."""

    type: ColumnType = "continuous"
    """continuous: any number. positive: what must not be negative (masses, momenta). angle: in
    radians, the same after a turn of 2 pi. integer: whole numbers, which come back exactly."""
    bound: float | None = Field(None, gt=0, lt=1e6)
    """Largest error; none for integers."""
    error: Literal["relative", "absolute"] | None = None
    """What `bound` bounds: |out - in| / |in|, or |out - in| in the unit of the column. null:
    relative for positive columns, else absolute."""

    @model_validator(mode="after")
    def has_a_bound_that_fits(self) -> Rounded:
        """Integers have none; angles an absolute one."""
        if self.type == "integer":
            if self.bound is not None or self.error is not None:
                raise ValueError("integers come back exactly: leave bound and error out")
            return self
        if self.bound is None:
            raise ValueError("needs `bound`, the largest error that it may have")
        if self.type == "angle" and self.error == "relative":
            raise ValueError("error: that of an angle is absolute, in radians")
        if self.type == "angle" and self.bound >= 1:
            raise ValueError("bound: that of an angle is below 1 radian")
        if self.is_relative and self.bound >= 1:
            raise ValueError("bound: a relative one is below 1")
        return self

    @property
    def is_relative(self) -> bool:
        """Whether the bound is one of the relative error."""
        return self.type != "integer" and (
            self.error == "relative" or (self.error is None and self.type == "positive")
        )


Columns = Annotated[dict[str, Rounded], Field(min_length=1, max_length=200)]
"""Columns that are compressed with loss, by name, in the order in which they are coded."""


def default_columns() -> dict[str, Rounded]:
    """The four-momentum of a jet."""
    return {
        "mass": Rounded(type="positive", bound=1e-3),
        "pt": Rounded(type="positive", bound=1e-3),
        "eta": Rounded(bound=1e-3),
        "phi": Rounded(type="angle", bound=1e-3),
    }

"""How models are judged that monitor the quality of data: false alarms, and what caused a flag."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, field_validator

from boostflow.config.base import Block, Name, expanded


class Monitoring(Block):
    """Rows of tables in time order, of which models say whether something is wrong.

    The truth is a column, so models may have learned from labels with mistakes.
    """

    time: str
    """Column of the time."""
    truth: str
    """Column that is not 0 where something is wrong."""
    flagged: Name
    """Class of rows that were flagged: a classifier's score is its probability."""
    parameters: list[str] = Field(min_length=1)
    """Columns that are monitored; `q{0..199}` stands for 200 of them."""
    culprit: str | None = None
    """Column with the number of the parameter at fault among `parameters`, from 0;
    negative or NaN where it is not known."""
    kind: str | None = None
    """Column that tells kinds of faults."""
    kinds: dict[Name, float] = {}
    """Values of that column, by the names of the kinds whose efficiencies are quoted."""
    false_alarms: list[PositiveFloat] = Field([1.0, 5.0], min_length=1)
    """False alarms a day at which precision and efficiency are quoted: rows above the threshold
    that have nothing wrong. The first number is that of the shifters' page."""
    day: float = Field(86_400.0, gt=0)
    """Length of a day in units of the time."""
    page: int = Field(30, ge=1, le=100)
    """Parameters that the page for shifters shows, the worst ones."""

    @field_validator("parameters", mode="before")
    @classmethod
    def writes_ranges_out(cls, value: object) -> object:
        """Write out the columns of ranges."""
        return expanded(value)

    def columns(self) -> list[str]:
        """All columns that are named."""
        named = [self.time, self.truth, self.culprit, self.kind, *self.parameters]
        return list(dict.fromkeys(name for name in named if name is not None))

"""Tables: which rows and columns of flat files are read, of objects that are no jets."""

from __future__ import annotations

import re

from pydantic import Field, field_validator, model_validator

from boostflow.config.base import Block, Range, expanded

RESERVED = (
    *("run", "luminosityBlock", "event", "event_id", "entry", "jet_index", "sample", "label"),
    *("genWeight", "split", "weight", "candidate", "mjj"),
)
"""Columns that boostflow gives to every selected object."""

Limits = dict[str, Range]
"""Ranges of columns: low <= value < high, so that NaN lies in none."""


class TableRows(Block):
    """What of the rows of a table is taken."""

    columns: list[str] = Field(min_length=1)
    """Columns of numbers that are kept, for models, templates and weights; `adc_{0..15}` stands for
    16 of them. NaN, and an empty field, mean that a detector gave nothing."""
    rows: dict[str, float | str] = {}
    """Only rows with these values: `{pdg: 321}` takes those of a class from a column of labels, in
    which no value may be missing."""
    weight: str | None = None
    """Column of the weight of each row; null: every row counts 1."""
    group: list[str] = []
    """Columns of whole numbers that name what belongs together, `[run, event]`: rows of a group are
    in the same split, and errors count groups. Without them each row is on its own."""

    @field_validator("columns", mode="before")
    @classmethod
    def writes_ranges_out(cls, value: object) -> object:
        """Write out the columns of ranges."""
        return expanded(value)

    @model_validator(mode="after")
    def names_are_free(self) -> TableRows:
        """Columns have plain names, each once, that boostflow does not use itself."""
        for name in self.columns:
            if re.fullmatch(r"[A-Za-z_]\w*", name) is None:
                raise ValueError(
                    f"columns: {name!r} is no plain name: call it otherwise, and say by `names`"
                    " what it is in the file"
                )
            if name in RESERVED:
                raise ValueError(
                    f"columns: boostflow has a column {name} of its own: call it otherwise, and say"
                    f" by `names` what it is in the file: {{other_{name.lower()}: {name}}}"
                )
            if self.columns.count(name) > 1:
                raise ValueError(f"columns: {name} is listed twice")
        if len(set(self.group)) < len(self.group):
            raise ValueError("group: a column is listed twice")
        return self

    def beside(self) -> set[str]:
        """Columns that are read for other ends than `columns`."""
        return {*self.rows, *self.group, *filter(None, [self.weight])}


class TableContent(TableRows):
    """What of a flat file is read: a TTree or RNTuple, Parquet, or CSV with a line of names."""

    names: dict[str, str] = {}
    """Names in the file by those used here, where they differ: `{mother: label}`."""
    tree: str | None = None
    """Name of the TTree or RNTuple in a ROOT file; null: the only one."""
    separator: str = Field(",", min_length=1, max_length=1)
    """Between two fields of a CSV file."""

    @model_validator(mode="after")
    def names_are_read(self) -> TableContent:
        """Names are those of columns that are read."""
        if lost := sorted(set(self.names) - {*self.columns, *self.beside()}):
            raise ValueError(f"names: nothing reads {', '.join(lost)}")
        return self

    def in_file(self, name: str) -> str:
        """The name that a column has in the file."""
        return self.names.get(name, name)


class TableCuts(Block):
    """Limits that rows of a table have to keep."""

    where: Limits = {}
    """Only rows with the values of these columns in such ranges, low <= value < high: `{p: [0.2,
    5]}`; NaN is in none. Shifts move rows across."""


def require_columns(where: Limits, columns: list[str]) -> None:
    """Raise ValueError unless limits are those of columns that are kept."""
    if lost := sorted(set(where) - set(columns)):
        raise ValueError(f"where: {', '.join(lost)} is none of `columns`")


def limits_of(sample: object) -> Limits | None:
    """Ranges of the columns of a sample of tables; None of one of jets."""
    return sample.where if isinstance(sample, TableCuts) else None

"""Flat files of numbers: ROOT trees, Parquet and CSV, read some rows at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter.files import ENDS
from boostflow.config.tables import TableContent
from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest.branches import Branches, near
from boostflow.ingest.layouts import reason
from boostflow.ingest.reading import imposter

Kind = Literal["number", "whole", "text"]
"""What a column is read as: float64, int64 or uint64, or words."""
Values = dict[str, NDArray[Any]]
"""Columns of equal length by their names in the configuration."""

ROWS = 200_000
"""Rows that are read at a time."""
EXACT = 2**53
"""Whole numbers beyond it are not all float64."""


def opened(file: str, content: TableContent) -> TableFile:
    """A table, by the end of its name: .root, .parquet, .csv, .csv.gz, or .hdf5 of showers.

    Args:
        file: path.
        content: what of it is read.

    Raises:
        BadFile: it has another end.
    """
    if file.lower().endswith(ENDS):
        # It is a table in turn.
        from boostflow.ingest.showers import ShowerTable

        return ShowerTable(file, content)
    for end, kind in KINDS.items():
        if file.lower().endswith(end):
            return kind(file, content)
    ends = ", ".join([*KINDS, *ENDS])
    raise BadFile(f"{file}: is no table by its name: {ends} are read")


class TableFile(ABC):
    """A file. `with` opens it and checks its columns.

    Args:
        file: path.
        content: what of it is read.

    Attributes:
        entries: number of its rows.
        wanted: kinds of the columns that are read, by their names in the configuration.
    """

    entries: int

    def __init__(self, file: str, content: TableContent) -> None:
        self.file, self.content = file, content
        self.wanted: dict[str, Kind] = dict.fromkeys(content.columns, "number")
        for name, value in content.rows.items():
            self.wanted[name] = "text" if isinstance(value, str) else "number"
        if content.weight is not None:
            self.wanted[content.weight] = "number"
        self.wanted |= dict.fromkeys(content.group, "whole")
        self.names = {name: content.in_file(name) for name in self.wanted}

    def __enter__(self) -> Self:
        with self.reading():
            self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Around what reads: on broken bytes libraries raise many kinds of errors, all alike here.

        Raises:
            BadFile: the file is missing or damaged.
        """
        try:
            yield
        except BoostflowError:
            raise
        except FileNotFoundError:
            raise BadFile(f"{self.file}: no such file") from None
        except Exception as error:
            said = imposter(self.file) or reason(error) or type(error).__name__
            raise BadFile(f"{self.file}: cannot be read ({said})") from None

    @abstractmethod
    def open(self) -> None:
        """Open the file, find its columns and the number of its rows."""

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    @abstractmethod
    def _blocks(self, start: int, stop: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Rows in order: the number of the first, and columns by their names in the file."""

    def blocks(self, start: int, stop: int) -> Iterator[tuple[int, Values]]:
        """Rows from `start` to `stop` in order: the number of the first one, and the columns.

        Raises:
            BadFile: a column holds what it must not: infinite numbers, no whole ones in `group`.
        """
        with self.reading():
            for first, found in self._blocks(start, stop):
                yield (
                    first,
                    {
                        name: self._values(name, kind, found[self.names[name]], first)
                        for name, kind in self.wanted.items()
                    },
                )

    def _values(self, name: str, kind: Kind, column: Any, first: int) -> NDArray[Any]:
        """A column as its kind.

        Args:
            name: in the configuration.
            kind: what it is read as.
            column: a pyarrow or numpy array.
            first: number of its first row.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        where = f"column {self.names[name]}"
        array = column if isinstance(column, pa.ChunkedArray | pa.Array) else pa.array(column)
        if kind == "text":
            values = np.array(array.cast(pa.string()).to_pylist(), dtype=object)
            self._refuse(np.array([not value for value in values]), where, "has no value", first)
            return values
        if kind == "whole":
            if not pa.types.is_integer(array.type):
                raise BadFile(f"{self.file}: {where} is of {array.type}, groups need whole numbers")
            missing = pc.is_null(array).to_numpy(zero_copy_only=False)
            self._refuse(missing, where, "has no value", first)
            return array.to_numpy()
        if pa.types.is_integer(array.type):
            big = pc.fill_null(pc.greater(pc.abs(array), EXACT), False)
            self._refuse(
                big.to_numpy(zero_copy_only=False),
                where,
                "has a whole number beyond 2^53, which a float64 does not hold: name it in `group`"
                " alone, or leave it out",
                first,
            )
        values = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        self._refuse(np.isinf(values), where, "has an infinite value", first)
        if name not in self.content.columns:
            what = "has no value (NaN, or an empty field)"
            self._refuse(np.isnan(values), where, what, first)
        return values

    def _refuse(self, bad: NDArray[np.bool_], where: str, what: str, first: int) -> None:
        if bad.any():
            row = first + int(np.flatnonzero(bad)[0])
            raise BadFile(f"{self.file}: {where} {what} in row {row}")

    def require(self, there: Sequence[str], number: Mapping[str, bool]) -> None:
        """Raise BadFile unless the wanted columns are there and of numbers.

        Args:
            there: names of the file's columns.
            number: whether each holds one number a row.
        """
        lacking = [own for own in self.names.values() if own not in there]
        if lacking:
            others = near(lacking[0], there) or f" (the file has {_few(there)})"
            raise BadFile(f"{self.file}: no column {_few(lacking)}{others}")
        for name, own in self.names.items():
            if self.wanted[name] != "text" and not number[own]:
                raise BadFile(
                    f"{self.file}: column {own} does not hold one number a row, as tables do"
                )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} others" if len(names) > 8 else ""
    return (", ".join(names[:8]) or "none") + more


def _is_number(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind))


class ParquetTable(TableFile):
    """A Parquet file."""

    parquet: Any = None

    def open(self) -> None:
        """Open the file and check the types of its columns."""
        import pyarrow.parquet as pq

        self.parquet = pq.ParquetFile(self.file)
        schema = self.parquet.schema_arrow
        self.require(schema.names, {field.name: _is_number(field.type) for field in schema})
        self.entries = self.parquet.metadata.num_rows

    def close(self) -> None:
        """Close the file."""
        if self.parquet is not None:
            self.parquet.close()

    def _blocks(self, start: int, stop: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
        columns, low = list(dict.fromkeys(self.names.values())), 0
        for group in range(self.parquet.metadata.num_row_groups):
            high = low + self.parquet.metadata.row_group(group).num_rows
            if low < stop and start < high:
                at = low
                for batch in self.parquet.iter_batches(ROWS, [group], columns):
                    a, b = max(start - at, 0), min(stop - at, len(batch))
                    if a < b:
                        part = batch.slice(a, b - a)
                        yield at + a, {name: part.column(name) for name in columns}
                    at += len(batch)
            low = high


class CsvTable(TableFile):
    """A CSV file whose first line has the names; it is read through once when it is opened."""

    def open(self) -> None:
        """Read the file, so that a bad line is found before anything is made of the others."""
        with Path(self.file).open("rb") as raw:
            if raw.read(2) in (b"\xff\xfe", b"\xfe\xff"):
                raise BadFile(f"{self.file}: is UTF-16: write it as UTF-8")
        with self._reader({}) as found:
            first = found.schema
        self.require(first.names, dict.fromkeys(first.names, True))
        self.types = {}
        for name, own in self.names.items():
            whole = self.wanted[name] == "whole" or _is_whole(first.field(own).type)
            kind = "text" if self.wanted[name] == "text" else "whole" if whole else "number"
            # A whole number at the top of a column does not say that all of them are.
            self.types[own] = kind
        try:
            self.entries = self._count()
        except BadFile:
            keep = {self.names[name] for name, kind in self.wanted.items() if kind == "whole"}
            self.types |= {
                own: "number"
                for own, kind in self.types.items()
                if kind == "whole" and own not in keep
            }
            self.entries = self._count()

    def _count(self) -> int:
        with self._reader(self.types) as found:
            return sum(self._each(found))

    def _each(self, found: Any) -> Iterator[int]:
        with self.reading():
            for batch in found:
                yield len(batch)

    def _reader(self, kinds: Mapping[str, str]) -> Any:
        import pyarrow as pa
        from pyarrow import csv

        types = {"number": pa.float64(), "whole": pa.int64(), "text": pa.string()}
        with self.reading():
            return csv.open_csv(
                self.file,
                csv.ReadOptions(use_threads=False),
                csv.ParseOptions(delimiter=self.content.separator),
                csv.ConvertOptions(
                    include_columns=list(kinds) or None,
                    column_types={name: types[kind] for name, kind in kinds.items()},
                    strings_can_be_null=True,
                ),
            )

    def close(self) -> None:
        """Nothing stays open."""

    def _blocks(self, start: int, stop: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
        at = 0
        with self._reader(self.types) as found:
            for batch in found:
                a, b = max(start - at, 0), min(stop - at, len(batch))
                if a < b:
                    part = batch.slice(a, b - a)
                    yield at + a, {name: part.column(name) for name in self.types}
                at += len(batch)
                if at >= stop:
                    return


def _is_whole(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_integer(kind))


class RootTable(TableFile):
    """A TTree or RNTuple of one number a branch and entry."""

    root: Any = None

    def open(self) -> None:
        """Open the file, find the tree and check the types of its branches."""
        import uproot

        # A colon in a path would separate the tree from it.
        self.root = uproot.open({self.file: None})
        if self.root.file.fEND > (size := Path(self.file).stat().st_size):
            raise BadFile(
                f"{self.file}: has {size} of the {self.root.file.fEND} bytes that its header says:"
                " copy it again"
            )
        keys = sorted({key.split(";")[0] for key in self.root.keys()})  # noqa: SIM118
        trees = [key for key in keys if hasattr(self.root[key], "num_entries")]
        name = self.content.tree or (trees[0] if len(trees) == 1 else None)
        if name is None:
            raise BadFile(f"{self.file}: say which `tree` is meant: {_few(trees)}")
        if name not in trees:
            raise BadFile(f"{self.file}: no tree {name!r}; the file has {_few(trees)}")
        self.branches = Branches(self.root[name])
        there = list(self.branches)
        flat = {}
        for own in self.names.values():
            if own in self.branches:
                branch = self.branches[own]
                flat[own] = branch.depth == 1 and branch.kind in "fiub"
        self.require(there, flat)
        self.entries = int(self.root[name].num_entries)

    def close(self) -> None:
        """Close the file."""
        if self.root is not None:
            self.root.close()

    def _blocks(self, start: int, stop: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
        import awkward as ak

        names = list(dict.fromkeys(self.names.values()))
        text = {self.names[name] for name, kind in self.wanted.items() if kind == "text"}
        for at in range(start, stop, ROWS):
            found = self.branches.read(names, at, min(at + ROWS, stop))
            yield (
                at,
                {
                    name: values.to_list() if name in text else ak.to_numpy(values)
                    for name, values in found.items()
                },
            )


KINDS: dict[str, type[TableFile]] = {
    ".root": RootTable,
    ".parquet": ParquetTable,
    ".csv": CsvTable,
    ".csv.gz": CsvTable,
}
"""Kinds of tables by the ends of their names."""

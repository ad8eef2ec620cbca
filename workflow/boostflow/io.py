"""Reading and writing the files that pass between stages. Every write is atomic."""

from __future__ import annotations

import fcntl
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boostflow.alone import without
from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    import awkward as ak
    import numpy as np
    import pyarrow
    from numpy.typing import NDArray


@contextmanager
def scratch(path: str | Path, use: str) -> Iterator[Path]:
    """A temporary folder beside `path`, removed at the end.

    What a killed predecessor left of the same use is removed at the start.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for litter in path.parent.glob(f".{glob.escape(path.name)}.{use}.*"):
        shutil.rmtree(litter, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.{use}.", dir=path.parent) as folder:
        yield Path(folder)


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path (same folder, same suffix) that becomes `path` if the block succeeds.

    The temporary path may be written as a file or as a directory. After an error nothing is left
    and an older `path` is untouched.
    """
    path = Path(path)
    with scratch(path, "part") as folder:
        part = folder / path.name
        yield part
        for written in [part, *part.rglob("*")]:
            if written.is_file():
                with written.open("rb") as file:
                    os.fsync(file.fileno())
        if part.is_dir() and path.is_dir():
            path.rename(folder / "old")  # in one step: a half-removed one would look finished
        part.replace(path)


def write_small(path: str | Path, text: str) -> None:
    """Write a text at once and do not wait for the disk: one of many that can be made again."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


@contextmanager
def exclusive(path: str | Path, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `path` while the block runs; the system frees it even after kill -9.

    Args:
        path: of the file.
        wait: until another process that holds it has left.

    Raises:
        BoostflowError: another process holds it, and nobody waits.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise BoostflowError(
                f"{path}: another process still works here (left by a killed run?): end it first"
            ) from None
        yield


def write_json(path: str | Path, data: Any) -> None:
    """Write `data` as indented JSON; NaN and infinity are refused (they are not JSON)."""
    with atomic(path) as part:
        part.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        BoostflowError: the file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BoostflowError(f"{path}: no such file") from None
    except (ValueError, RecursionError) as error:
        raise BoostflowError(f"{path}: not a JSON file ({error})") from None


def write_parquet(path: str | Path, rows: ak.Array) -> None:
    """Write a record array (one row per jet) as Parquet."""
    import awkward as ak
    import pyarrow.parquet

    table = ak.to_arrow_table(rows, list_to32=True)
    with atomic(path) as part:
        # Not by `ak.to_parquet`: of an error it keeps the text alone.
        pyarrow.parquet.write_table(table, part, **parquet_options(table.schema))


def parquet_options(schema: pyarrow.Schema) -> dict[str, Any]:
    """How tables are written: dictionaries of numbers that never repeat cost time and space."""
    import pyarrow

    def is_string(kind: pyarrow.DataType) -> bool:
        # awkward wraps types into its own.
        return pyarrow.types.is_string(getattr(kind, "storage_type", kind))

    strings = [field.name for field in schema if is_string(field.type)]
    return {"compression": "zstd", "use_dictionary": strings or False}


@contextmanager
def parquet(path: str | Path) -> Iterator[None]:
    """Around what reads a Parquet file: a missing or broken one raises BoostflowError."""
    import pyarrow.lib

    try:
        yield
    except FileNotFoundError:
        raise BoostflowError(f"{path}: no such file") from None
    except (pyarrow.lib.ArrowInvalid, OSError) as error:
        raise BoostflowError(f"{path}: not a Parquet file ({error})") from None


def parquet_columns(path: str | Path) -> list[str]:
    """Names of the columns of a Parquet file.

    Raises:
        BoostflowError: the file is missing or unreadable.
    """
    import pyarrow.parquet

    with parquet(path):
        return pyarrow.parquet.read_schema(path).names


def parquet_rows(path: str | Path) -> int:
    """Number of rows of a Parquet file.

    Raises:
        BoostflowError: the file is missing or unreadable.
    """
    import pyarrow.parquet

    with parquet(path):
        return int(pyarrow.parquet.read_metadata(path).num_rows)


def require_rows(paths: Iterable[Path]) -> None:
    """Raise BoostflowError for the first table of jets that is empty or unreadable."""
    for path in paths:
        if not parquet_rows(path):
            raise BoostflowError(
                f"{path}: no jet of this sample passes the selection (the JSON beside it says at "
                "which cut): loosen `select`, or take the sample out"
            )


def read_parquet(path: str | Path, columns: Iterable[str] | None = None) -> ak.Array:
    """Read Parquet, all columns or the named ones.

    Raises:
        BoostflowError: the file is missing, unreadable or lacks a column.
    """
    import awkward as ak

    if columns is None:
        parquet_columns(path)
        with parquet(path):
            return ak.from_parquet(path)
    wanted = _present(path, columns)
    # awkward reads the columns of one level by prefix: "pt" would bring "pt_raw" along otherwise.
    with parquet(path):
        return ak.from_parquet(path, columns=wanted)[wanted]


def _present(
    path: str | Path, columns: Iterable[str], names: Iterable[str] | None = None
) -> list[str]:
    """These columns; BoostflowError if the file, which has these names, lacks one."""
    present, wanted = set(names or parquet_columns(path)), list(columns)
    if missing := [name for name in wanted if name not in present]:
        raise BoostflowError(
            f"{path}: no column {', '.join(missing)}; it has {', '.join(sorted(present))}"
        )
    return wanted


def read_flat(
    path: str | Path, columns: Iterable[str] | None = None
) -> dict[str, NDArray[np.generic]]:
    """Read flat columns of Parquet as NumPy arrays, all or the named ones, without jagged ones.

    Whoever needs no others is spared awkward, which takes longer to import than a table to read.

    Raises:
        BoostflowError: the file is missing, unreadable or lacks a column.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet

    with parquet(path), pyarrow.parquet.ParquetFile(path) as file:
        # Where awkward has been imported, its types are wrapped around those of Arrow.
        kinds = {f.name: getattr(f.type, "storage_type", f.type) for f in file.schema_arrow}
        wanted = list(kinds) if columns is None else _present(path, columns, kinds)
        flat = [name for name in wanted if not pa.types.is_nested(kinds[name])]
        table = file.read(columns=flat, use_threads=False)
    found = {}
    for name in flat:
        column, kind = table[name], kinds[name]
        if column.type != kind:
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            found[name] = np.array(column.to_pylist(), dtype=str)
        else:
            with without("pandas"):  # Arrow looks for it once
                found[name] = column.to_numpy()
    return found


def parquet_chunks(
    path: str | Path,
    columns: Iterable[str],
    rows: int,
    *,
    optional: Iterable[str] = (),
    together: str | None = None,
) -> Iterator[ak.Array]:
    """Read Parquet some rows at a time.

    Args:
        path: file.
        columns: columns to read.
        rows: how many rows at a time, about.
        optional: further columns, where the file has them.
        together: one of `columns`: rows that follow each other with the same value stay together.

    Raises:
        BoostflowError: the file is missing, unreadable or lacks a column.
    """
    import awkward as ak
    import pyarrow.parquet

    wanted = list(columns)
    with parquet(path), pyarrow.parquet.ParquetFile(path) as file:
        present = file.schema_arrow.names
        missing = [name for name in wanted if name not in present]
        if missing:
            raise BoostflowError(
                f"{path}: no column {', '.join(missing)}; it has {', '.join(sorted(present))}"
            )
        some = [*wanted, *(name for name in optional if name in present)]
        rest: ak.Array | None = None
        for batch in file.iter_batches(rows, columns=some):
            if not len(batch):
                continue
            chunk = ak.from_arrow(batch)
            if together is None:
                yield chunk
                continue
            chunk = chunk if rest is None else ak.concatenate([rest, chunk])
            last = int(ak.run_lengths(chunk[together])[-1])
            rest = chunk[len(chunk) - last :]
            if last < len(chunk):
                yield chunk[: len(chunk) - last]
        if rest is not None:
            yield rest

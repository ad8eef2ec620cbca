"""Selected jets with a model's scores beside them: what evaluation and templates start from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import parquet_columns, read_flat

Table = dict[str, NDArray]
"""Columns of equal length, by name; one row per jet."""

BAD_WEIGHTS = "bad_weights"
"""Metadata of a select table: JSON with what is wrong with columns of theory weights, by name."""
TRAIN, VALIDATION, TEST = 0, 1, 2
"""Values of the column `split`."""


def samples_of(paths: Iterable[str | Path]) -> dict[str, Path]:
    """Select files by sample, which is the stem of the path.

    Raises:
        BoostflowError: two files have the same stem.
    """
    files: dict[str, Path] = {}
    for path in map(Path, paths):
        if path.stem in files:
            raise BoostflowError(f"{path} and {files[path.stem]}: the same sample twice")
        files[path.stem] = path
    return files


def read_scores(path: str | Path) -> Table:
    """A score table with all its columns.

    Raises:
        BoostflowError: the file is missing, unreadable or lacks a key column.
    """
    table = read_flat(path)
    missing = [name for name in ("sample", "event_id", "jet_index") if name not in table]
    if missing:
        raise BoostflowError(f"{path}: not a score table, no column {', '.join(missing)}")
    return table


def beside(jets: Table, scores: Table, sample: str, where: str) -> Table:
    """The score columns of one sample, in the order of its selected jets.

    Args:
        jets: selected jets of the sample with `event_id` and `jet_index`.
        scores: a score table.
        sample: which sample.
        where: names of the two files, for the message.

    Raises:
        BoostflowError: the score table was not made from these jets.
    """
    mine = scores["sample"] == sample
    rows = {name: column[mine] for name, column in scores.items() if name != "sample"}
    for key in ("event_id", "jet_index"):
        if not np.array_equal(rows[key], jets[key]):
            raise BoostflowError(
                f"{where}: the scores of sample {sample} belong to other jets "
                f"({len(rows[key])} rows against {len(jets[key])}); score this selection again"
            )
    return {name: column for name, column in rows.items() if name not in ("event_id", "jet_index")}


def read_jets(path: str | Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Table:
    """Selected jets of one sample: key columns, `columns` and those of `optional` that exist.

    Raises:
        BoostflowError: the file is missing, unreadable or lacks a column.
    """
    wanted = list(dict.fromkeys(["event_id", "jet_index", *columns]))
    if optional:
        present = parquet_columns(path)
        wanted += [name for name in optional if name in present and name not in wanted]
    return read_flat(path, wanted)


def require_weights(path: str | Path, column: str) -> None:
    """Refuse a column of theory weights that some selected jets lack.

    Args:
        path: a select table.
        column: one that a systematic uses.

    Raises:
        BoostflowError: names file, entry and value of the first of them.
    """
    import pyarrow.parquet as pq

    said = (pq.read_metadata(path).metadata or {}).get(BAD_WEIGHTS.encode())
    if said is not None and (why := json.loads(said).get(column)):
        raise BoostflowError(f"{why}: weights that a systematic uses must be finite")


def read_scored(
    select: Mapping[str, Path], scores: str | Path, columns: Sequence[str], optional: Sequence[str]
) -> Table:
    """All samples in one table: `sample`, `label` and `event` besides the columns asked for.

    `label` is empty for a sample without truth; `event` numbers the events of all samples from 0
    (`event_id` is unique only within a sample). An optional column that a sample
    lacks is NaN there.

    Raises:
        BoostflowError: a file is missing or lacks a column, or scores and jets do not match.
    """
    table = read_scores(scores)
    parts: list[Table] = []
    events = 0
    for sample, path in select.items():
        jets = read_jets(path, columns, ["label", *optional])
        size = len(jets["event_id"])
        part = jets | beside(jets, table, sample, f"{scores} and {path}")
        part["sample"] = np.full(size, sample)
        part.setdefault("label", np.full(size, ""))
        for name in optional:
            part.setdefault(name, np.full(size, np.nan))
        unique, event = np.unique(jets["event_id"], return_inverse=True)
        part["event"] = event + events
        events += len(unique)
        parts.append(part)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def rows(table: Table, keep: NDArray[np.bool_]) -> Table:
    """The rows of a table for which `keep` is true."""
    return {name: column[keep] for name, column in table.items()}

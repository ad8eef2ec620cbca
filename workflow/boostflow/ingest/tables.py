"""Ingestion of tables: rows of a flat file become objects with a group, a weight and a class."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boostflow.config.tables import TableContent
from boostflow.errors import BoostflowError
from boostflow.ingest.eventid import BUCKETS, bucket, event_id
from boostflow.ingest.features import Features
from boostflow.ingest.tablefiles import TableFile, Values, opened
from boostflow.io import atomic, parquet_options, write_json
from boostflow.jobs.chain import Ingest
from boostflow.keyed import mix

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("ingest")

FEATURES = Features(
    constituents=False, truth=False, gen_weight=False, weights={}, met=None, notes=[]
)
"""What tables have of what jets may have: nothing."""


def run(file: str, job: Ingest, files: Ingest.Files) -> None:
    """Turn a part of a file into a table of objects (docs/contracts.md, "ingest").

    Args:
        file: path.
        job: the settings, with `tabular`.
        files: what is written.

    Raises:
        BadFile: the file cannot be read, lacks a column, or holds what it must not.
    """
    import pyarrow.parquet as pq

    content = job.tabular
    if content is None:
        raise BoostflowError("a table needs `tabular`: its columns")
    (k, n), sums, writer = job.piece, _Sums(), None
    with opened(file, content) as table, atomic(files.table) as part:
        start, stop = table.entries * k // n, table.entries * (k + 1) // n
        for first, values in table.blocks(start, stop):
            rows = _rows(values, first, job, content)
            sums.add(rows)
            found = _table(rows)
            if writer is None:
                writer = pq.ParquetWriter(part, found.schema, **parquet_options(found.schema))
            writer.write_table(found)
        if writer is None:
            nothing = {name: np.zeros(0) for name in table.wanted}
            pq.write_table(_table(_rows(_typed(nothing, table), 0, job, content)), part)
        else:
            writer.close()
    notes = []
    if not sums.events:
        kept = " and ".join(f"{name} = {value}" for name, value in content.rows.items())
        what = "the file" if n == 1 else "this part of the file"
        notes.append(f"{what} has no rows" + (f" with {kept}" if kept else ""))
        log.warning("%s: %s", file, notes[0])
    write_json(files.meta, sums.meta(file, job, notes))
    log.info("%s: %d of %d rows", file, sums.events, stop - start)


def _table(rows: dict[str, Any]) -> pa.Table:
    """Columns without missing values, of which awkward makes plain arrays."""
    import pyarrow as pa

    found = pa.table(rows)
    return found.cast(pa.schema([field.with_nullable(False) for field in found.schema]))


def _typed(empty: Values, table: TableFile) -> Values:
    """No rows, of the types that rows have."""
    types = {"number": np.float64, "whole": np.int64, "text": object}
    return {name: empty[name].astype(types[kind]) for name, kind in table.wanted.items()}


def _rows(values: Values, first: int, job: Ingest, content: TableContent) -> dict[str, Any]:
    """The columns of an ingested table, of the rows that are the sample's."""
    import pyarrow as pa

    size = len(next(iter(values.values())))
    kept = np.ones(size, dtype=bool)
    for name, value in content.rows.items():
        kept &= np.asarray(values[name] == value, dtype=bool)
    row = np.arange(first, first + size)[kept]
    weight = np.ones(size) if content.weight is None else values[content.weight]
    rows: dict[str, Any] = {
        "event_id": _group([values[name][kept] for name in content.group], row, job),
        "entry": row,
        "jet_index": row,
        **{name: values[name][kept] for name in content.columns},
        "genWeight": weight[kept].astype("float32"),
    }
    if job.label is not None:
        rows["label"] = pa.array([job.label] * len(row), pa.string())
    return rows


def _group(columns: list[NDArray[Any]], row: NDArray, job: Ingest) -> NDArray[np.uint64]:
    """A number for each group, the same in all files and samples; without columns for each row."""
    if not columns:
        return event_id(np.ones_like(row), np.full_like(row, job.number + 1), row)
    found = np.zeros(len(row), np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            found = mix(found ^ column.astype(np.uint64))
    return found


class _Sums:
    """What the rows of a part add up to."""

    def __init__(self) -> None:
        self.events, self.sumw, self.sumw2 = 0, 0.0, 0.0
        self.buckets = np.zeros(BUCKETS)

    def add(self, rows: dict[str, Any]) -> None:
        """Count some rows."""
        weight = rows["genWeight"].astype(np.float64)
        self.events += len(weight)
        self.sumw += float(weight.sum())
        self.sumw2 += float((weight**2).sum())
        self.buckets += np.bincount(bucket(rows["event_id"]), weight, minlength=BUCKETS)

    def meta(self, file: str, job: Ingest, notes: list[str]) -> dict[str, Any]:
        """The JSON beside the table, as of jets."""
        return {
            "file": file,
            "events": self.events,
            "bad_events": 0,
            "first_bad": None,
            "jets": self.events,
            "sumw": self.sumw,
            "sumw2": self.sumw2,
            "sumw_buckets": self.buckets.tolist(),
            "sumw_weights": {},
            "sumw_weights_before": {},
            "bad_weights": {},
            "xsec": job.xsec,
            "cutflow": [{"name": "all", "events": self.events, "sumw": self.sumw}],
            "data": job.data,
            "normalised_to": None,
            "met": None,
            "numbered": False,
            "skim": False,
            "features": FEATURES.as_dict(),
            "notes": notes,
        }

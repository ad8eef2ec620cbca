"""Splits of tables in time order: the first groups train, the next ones validate, the last test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.config.chain import Split
from boostflow.errors import BoostflowError
from boostflow.io import parquet_chunks, parquet_columns
from boostflow.select.split import TEST

BLOCK = 1_000_000
"""Rows that are looked at together."""


class Ordered:
    """The split of each group, the same in every sample."""

    def __init__(self, ids: NDArray[np.uint64], time: NDArray, config: Split) -> None:
        """Put the groups in order.

        A group stands where its first row does. It belongs to the split in which the rows of all
        groups before it end, so that no split has a row before the first one of the split before.

        Args:
            ids: number of the group of each row of all samples, shape (rows,).
            time: what orders them, shape (rows,); finite.
            config: percent of the rows in each split.
        """
        self.ids, group, rows = np.unique(ids, return_inverse=True, return_counts=True)
        first = np.full(len(self.ids), np.inf)
        np.minimum.at(first, group, time)
        order = np.argsort(first, kind="stable")
        before = np.empty(len(self.ids))
        before[order] = np.cumsum(rows[order]) - rows[order]
        edges = np.array([config.train, config.train + config.validation]) / 100 * max(len(ids), 1)
        self.part = np.searchsorted(edges, before, side="right").astype(np.int8)

    def __call__(self, ids: NDArray[np.uint64]) -> NDArray[np.int8]:
        """0 (train), 1 (validation) or 2 (test) for each group; shape (rows,)."""
        return self.part[np.searchsorted(self.ids, ids)] if len(ids) else np.zeros(0, np.int8)

    def sums(self, ids: NDArray[np.uint64], weight: NDArray) -> NDArray[np.float64]:
        """Sums of weights in each split, shape (3,)."""
        return np.bincount(self(ids), weight, minlength=TEST + 1)


def ordered(tables: Sequence[Path], config: Split) -> Ordered:
    """The splits of all samples of an analysis.

    Takes about 40 bytes of memory a row.

    Args:
        tables: ingested parts of all samples, in any order.
        config: with the column that orders.

    Raises:
        BoostflowError: a row has no time.
    """
    assert config.by is not None
    found = [part for path in tables for part in columns(path, config.by)]
    if not found:
        return Ordered(np.zeros(0, np.uint64), np.zeros(0), config)
    ids, time, _ = (np.concatenate(column) for column in zip(*found, strict=True))
    return Ordered(ids, time, config)


def columns(path: Path, by: str) -> list[tuple[NDArray[np.uint64], NDArray, NDArray]]:
    """Groups, times and weights of an ingested part, in blocks of shape (rows,) each.

    Raises:
        BoostflowError: a row has no time.
    """
    names = ["event_id", by, "genWeight", "entry"]
    if not set(names) <= set(parquet_columns(path)):
        return []
    found = []
    for rows in parquet_chunks(path, names, BLOCK, together="entry"):
        time = ak.to_numpy(rows[by]).astype(np.float64)
        if (lost := np.flatnonzero(~np.isfinite(time))).size:
            raise BoostflowError(
                f"{path}: column {by} has no value in row {ak.to_numpy(rows.entry)[lost[0]]}:"
                " `select.split.by` needs one in every row"
            )
        weight = ak.to_numpy(rows.genWeight).astype(np.float64)
        found.append((ak.to_numpy(rows.event_id), time, weight))
    return found

"""Collision data count once, whichever files and samples hold them.

Primary datasets overlap: an event that fired triggers of two of them is in both. Events are the
same if run, luminosity block and event number are; a hash of these (`boostflow.ingest.eventid`)
stands for them. Of several samples the first one in the configuration keeps an event, in a sample
the first file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.io import parquet_chunks, parquet_columns

ONCE = "each event once"
"""Line of the cutflow: what is left of collision data without repeated events."""
BLOCK = 1_000_000
"""Jets whose events are looked at together."""


def first_of_each(tables: Sequence[Path], before: Iterable[Path]) -> tuple[NDArray[np.bool_], int]:
    """Mark the events of a sample that no earlier file or sample holds.

    Takes 25 bytes of memory an event of the sample; samples before it are read block by block.

    Args:
        tables: of the sample's parts (docs/contracts.md, "ingest").
        before: those of samples whose events do not count again.

    Returns:
        One value an event of the parts, in their order, and the number of events of `before` that
        the sample has, too.
    """
    own = [ids for path in tables for ids in events(path)]
    ids = np.concatenate(own) if own else np.zeros(0, dtype=np.uint64)
    first = np.ones(len(ids), dtype=bool)
    if not len(ids):
        return first, 0
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    first[order[1:]] = ids[1:] != ids[:-1]
    alone = first.sum()
    for path in before:
        for others in events(path):
            place = np.minimum(np.searchsorted(ids, others), len(ids) - 1)
            first[order[place[ids[place] == others]]] = False
    return first, int(alone - first.sum())


def events(path: Path) -> Iterable[NDArray[np.uint64]]:
    """Yield blocks of the event ids of a table of jets, one an event, in its order."""
    if "event_id" not in parquet_columns(path):
        return  # of a file without events
    for rows in parquet_chunks(path, ["entry", "event_id"], BLOCK, together="entry"):
        yield ak.to_numpy(rows.event_id)[event_starts(rows)]


def event_starts(rows: ak.Array) -> NDArray[np.intp]:
    """Index of the first row of each event, shape (events,); rows of an event are adjacent.

    By its place in the file: neighbours may have the same numbers.
    """
    entry = ak.to_numpy(rows.entry)
    if not len(entry):
        return np.zeros(0, dtype=np.intp)
    return np.flatnonzero(np.append(True, entry[1:] != entry[:-1]))

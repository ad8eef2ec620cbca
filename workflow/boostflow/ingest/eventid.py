"""Event identity: one 64-bit hash of (run, luminosity block, event).

The split into training, validation and test events follows from it alone, so it is the same for
both jets of an event, under every variation, and in every order of files.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.keyed import mix

BUCKETS = 100


def event_id(
    run: NDArray[np.integer], lumi: NDArray[np.integer], event: NDArray[np.integer]
) -> NDArray[np.uint64]:
    """Hash of event coordinates, shape (events,)."""
    run, lumi, event = (np.asarray(x).astype(np.uint64) for x in (run, lumi, event))
    with np.errstate(over="ignore"):
        return mix(mix(mix(run) ^ lumi) ^ event)


def bucket(ids: NDArray[np.uint64]) -> NDArray[np.int8]:
    """The percentile of an event id, 0 to 99."""
    return (np.asarray(ids) % np.uint64(BUCKETS)).astype(np.int8)

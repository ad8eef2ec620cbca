"""Training, validation and test events, by the hash of the event alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.config.chain import Split
from boostflow.ingest.eventid import BUCKETS, bucket

TRAIN, VALIDATION, TEST = 0, 1, 2


def split_of_bucket(config: Split) -> NDArray[np.int8]:
    """Number of the split that each of the 100 buckets belongs to, shape (100,)."""
    edges = [config.train, config.train + config.validation]
    return np.searchsorted(edges, np.arange(BUCKETS), side="right").astype(np.int8)


def split(ids: NDArray[np.uint64], config: Split) -> NDArray[np.int8]:
    """0 (train), 1 (validation) or 2 (test) for each event id."""
    return split_of_bucket(config)[bucket(ids)] if len(ids) else np.zeros(0, np.int8)

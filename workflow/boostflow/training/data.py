"""How the units of a data set are dealt out to steps and ranks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def dealt(n: int, rank: int, size: int) -> NDArray[np.int64]:
    """Which of n sorted things a rank gets when they are dealt out there and back again."""
    rounds, place = np.divmod(np.arange(n), size)
    return np.flatnonzero(np.where(rounds % 2, size - 1 - place, place) == rank)


def in_order(
    rows: NDArray[np.int64], batch: int, rank: int = 0, size: int = 1
) -> Iterator[NDArray[np.int64]]:
    """This rank's share of some rows, in order; it may be one longer than another rank's."""
    share = rows[rank::size]
    for start in range(0, len(share), batch):
        yield share[start : start + batch]

"""Random numbers that belong to an event, a jet or a constituent, not to a place in a stream.

They follow from a seed and whole numbers such as `event_id` alone, so they are the same in every
chunk, file and order, and under every variation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: Steele, Lea and Flood, OOPSLA 2014, doi:10.1145/2660193.2660195."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def uniform(seed: int, *keys: NDArray[np.integer]) -> NDArray[np.float64]:
    """One number in (0, 1) for each row of the keys, which have the same shape (n,)."""
    with np.errstate(over="ignore"):
        state = mix(np.array([seed], dtype=np.uint64))
        for key in keys:
            state = mix(state ^ np.asarray(key).astype(np.uint64))
    return ((state >> np.uint64(11)) + 0.5) * 2.0**-53

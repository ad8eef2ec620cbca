"""Statistical errors by resampling events."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray


def bootstrap(
    statistic: Callable[[NDArray], NDArray | float], event: ArrayLike, times: int, seed: int
) -> NDArray:
    """Standard deviation of a statistic when events are drawn again.

    Every event counts Poisson(1) times, with all its jets, so the correlation between the two jets
    of an event is kept.

    Args:
        statistic: function of the multiplicities, shape (jets,), to a number or an array.
        event: shape (jets,), the number of each jet's event (unique over all samples).
        times: resamplings.
        seed: of the random numbers.

    Returns:
        The standard deviation, in the shape of the statistic (0-d for a number).
    """
    _, index = np.unique(np.asarray(event), return_inverse=True)
    rng = np.random.default_rng(seed)
    events = int(index.max()) + 1
    values = [statistic(rng.poisson(1.0, events)[index]) for _ in range(times)]
    return np.std(np.asarray(values), axis=0, ddof=1)

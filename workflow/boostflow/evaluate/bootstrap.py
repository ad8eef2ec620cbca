"""Statistical errors by resampling events."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boostflow.errors import BoostflowError
from boostflow.evaluate.curves import EmptyClass


class Spread(NamedTuple):
    """What resampling says of a statistic."""

    error: NDArray
    """The standard deviation, in the shape of the statistic (0-d for a number)."""
    left_out: int
    """Resamplings without a class: the statistic is not defined there."""

    def note(self, times: int) -> list[str]:
        """What is to be told of them."""
        if not self.left_out:
            return []
        return [
            f"{self.left_out} of {times} resamplings of the test jets had a class without jets (or "
            "without a positive sum of weights) and do not count for the errors"
        ]


def bootstrap(
    statistic: Callable[[NDArray], NDArray | float], event: ArrayLike, times: int, seed: int
) -> Spread:
    """Spread of a statistic when events are drawn again.

    Every event counts Poisson(1) times, with all its jets, so the correlation between the two jets
    of an event is kept.

    Args:
        statistic: function of the multiplicities, shape (jets,), to a number or an array; it
            raises `EmptyClass` where it is not defined.
        event: shape (jets,), the number of each jet's event (unique over all samples).
        times: resamplings.
        seed: of the random numbers.

    Raises:
        BoostflowError: the statistic is defined in fewer than two resamplings.
    """
    _, index = np.unique(np.asarray(event), return_inverse=True)
    rng = np.random.default_rng(seed)
    events = int(index.max()) + 1
    values = []
    for _ in range(times):
        try:
            values.append(statistic(rng.poisson(1.0, events)[index]))
        except EmptyClass as error:
            reason = error
    if len(values) < 2:
        raise BoostflowError(f"{times - len(values)} of {times} resamplings: {reason}") from None
    return Spread(np.std(np.asarray(values), axis=0, ddof=1), times - len(values))

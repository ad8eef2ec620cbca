"""How much of the best of many figures is luck, by drawing events again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boostflow.errors import BoostflowError
from boostflow.evaluate.curves import EmptyClass


def luck(
    statistic: Callable[[NDArray], NDArray], event: ArrayLike, times: int, seed: int
) -> dict[str, Any]:
    """What drawing events again says of the highest of some figures of the same jets.

    Each time every event counts Poisson(1) times. The figure that is highest there is read from the
    events that were not drawn, which had no part in its choice (BBC: Tsamardinos, Greasidou,
    Borboudakis, Machine Learning 107 (2018) 1895): the mean of that is what the choice is worth
    without its luck, slightly too low: good luck of the drawn events is bad luck of the others.

    Whether the best is better at all is White's reality check (Econometrica 68 (2000) 1097): how
    often the largest fluctuation of a figure, relative to the median one of the same draw, reaches
    the lead of the best over the median figure.

    Args:
        statistic: function of the multiplicities, shape (jets,), to the figures, shape (points,),
            highest is best; it raises `EmptyClass` where they are not defined.
        event: shape (jets,), number of each jet's event.
        times: resamplings.
        seed: of the random numbers.

    Returns:
        `value` of the best and its `error`, `corrected`, `chosen_again` (part of the resamplings in
        which it is the best) and `p_value` of the reality check.

    Raises:
        BoostflowError: the figures are defined in fewer than two resamplings.
    """
    _, index = np.unique(np.asarray(event), return_inverse=True)
    events, rng = int(index.max()) + 1, np.random.default_rng(seed)
    values = statistic(np.ones(len(index)))
    best = int(np.argmax(values))
    drawn, others = [], []
    for _ in range(times):
        count = rng.poisson(1.0, events)[index]
        try:
            inside, outside = statistic(count), statistic((count == 0).astype(int))
        except EmptyClass:
            continue
        drawn.append(inside)
        others.append(outside[int(np.argmax(inside))])
    if len(drawn) < 2:
        raise BoostflowError("too few validation jets to draw them again: more events are needed")
    sets = np.asarray(drawn)
    moved = sets - values
    lead = values[best] - np.median(values)
    leads = moved.max(axis=1) - np.median(moved, axis=1)
    error = float(sets[:, best].std(ddof=1))
    return {
        "value": float(values[best]),
        "error": error,
        "corrected": float(np.mean(others)),
        "chosen_again": float(np.mean(sets.argmax(axis=1) == best)),
        "p_value": float((1 + np.sum(leads >= lead)) / (1 + len(leads))),
        "points": len(values),
        "resamplings": len(drawn),
    }

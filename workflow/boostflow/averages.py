"""Distances of rows from moving averages of those before them, which follow legitimate drift."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError


def distances(x: NDArray, time: NDArray, halflife: float, clip: float) -> NDArray[np.float32]:
    """Distances of rows from the averages of the rows before, in units of their spread.

    With a = 1 - 2^(-1/halflife), d = (x - m) / s and c the distance that is clipped:
    m += a c s and s^2 += a (c^2 - 1) s^2 (the exponentially weighted mean and variance of Roberts,
    Technometrics 1 (1959) 239, made robust). They start as median and width of the first
    halflife of rows, of 20 rows at least; a column that is constant there has the width 1.

    Args:
        x: shape (rows, columns), in any order.
        time: says the order, shape (rows,); rows of the same time count in the order of the rows.
        halflife: rows after which what a row has added to the averages counts half.
        clip: largest distance that moves the averages.

    Raises:
        BoostflowError: a row has no time.
    """
    if not np.isfinite(time).all():
        raise BoostflowError(
            f"{int((~np.isfinite(time)).sum())} rows have no time, which says their order"
        )
    result = np.empty(x.shape, np.float32)
    if not len(x):
        return result
    order = np.argsort(time, kind="stable")
    first = x[order[: max(20, round(halflife))]].astype(np.float64)
    mean = np.median(first, axis=0)
    # Of a normal distribution 68.3 % lie within one standard deviation.
    width = np.diff(np.quantile(first, [0.1585, 0.8415], axis=0), axis=0)[0] / 2
    variance = np.where(width > 0, width, 1.0) ** 2
    part = 1 - 2 ** (-1 / halflife)
    for row in order:
        spread = np.sqrt(variance)
        distance = (x[row] - mean) / spread
        result[row] = distance
        clipped = np.clip(distance, -clip, clip)
        mean += part * clipped * spread
        variance *= 1 + part * (clipped**2 - 1)
    return result

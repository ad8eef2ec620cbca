"""Detectors whose score is made from what they leave of each column: `squares`, of any family.

Their arrays hold `usual`, the size that a column's square has for normal rows, and `largest`,
whether the score is that of the worst column.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.models.detecting import ColumnwiseBlock
from boostflow.models.detector import Arrays

HALF = 0.4549364
"""Median of the square of a standard normal number."""


def usual(squares: NDArray, block: ColumnwiseBlock) -> dict[str, NDArray]:
    """What `errors` and `shares` need besides the squares.

    Args:
        squares: of the training rows, shape (rows, columns).
        block: what the score is made from.
    """
    # By the median: rows of faults, which a training may hold, do not change it. A column half of
    # which is exact has none.
    half, mean = np.median(squares, axis=0) / HALF, np.mean(squares, axis=0)
    size = np.where(half > 0, half, np.where(mean > 0, mean, 1.0))
    return {"usual": size, "largest": np.array(block.combine == "largest")}


def errors(arrays: Arrays, squares: NDArray) -> NDArray[np.float64]:
    """Scores of rows, shape (rows,): the mean square, or the largest in units of its usual size.

    Args:
        arrays: of `usual`.
        squares: shape (rows, columns).
    """
    if bool(arrays["largest"]):
        return shares(arrays, squares).max(axis=1)
    return np.mean(squares, axis=1)


def shares(arrays: Arrays, squares: NDArray) -> NDArray[np.float64]:
    """How unusual each column is, shape (rows, columns): its square in units of the usual one."""
    return squares / arrays["usual"]

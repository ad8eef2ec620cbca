"""Detectors whose score is made from what they leave of each column: `squares`, of any family.

Their arrays hold `usual`, the size that a column's square has for normal rows, and `combine`, what
the score is made of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.models.detecting import ColumnwiseBlock
from boostflow.models.detector import Arrays

SMALLEST = 1e-6
"""Mean share of the other columns, at least: where they are exact."""
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
    return {"usual": size, "combine": np.array(block.combine)}


def errors(arrays: Arrays, squares: NDArray) -> NDArray[np.float64]:
    """Scores of rows, shape (rows,); see `ColumnwiseBlock.combine`.

    Args:
        arrays: of `usual`.
        squares: shape (rows, columns).
    """
    way = str(arrays["combine"])
    if way == "mean":
        return np.mean(squares, axis=1)
    found = shares(arrays, squares)
    largest = found.max(axis=1)
    if way == "largest":
        return largest
    others = (found.sum(axis=1) - largest) / max(found.shape[1] - 1, 1)
    return largest / np.maximum(others, SMALLEST)


def shares(arrays: Arrays, squares: NDArray) -> NDArray[np.float64]:
    """How unusual each column is, shape (rows, columns): its square in units of the usual one."""
    return squares / arrays["usual"]

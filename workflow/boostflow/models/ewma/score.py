"""Scores by moving averages."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.models import columnwise, detector


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """The column `error`, and causes, shape (jets,) each."""
    return detector.score(model, jets, errors, shares)


def errors(arrays: detector.Arrays, x: NDArray) -> NDArray[np.float64]:
    """Scores of standardised columns, shape (jets,)."""
    return columnwise.errors(arrays, squares(x))


def shares(arrays: detector.Arrays, x: NDArray) -> NDArray[np.float64]:
    """How far each column is off, shape (jets, columns)."""
    return columnwise.shares(arrays, squares(x))


def squares(x: NDArray) -> NDArray[np.float64]:
    """Squares of standardised columns, shape (jets, columns)."""
    return np.asarray(x, np.float64) ** 2

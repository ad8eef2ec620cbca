"""Scores of principal components."""

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
    """Scores of standardised observables, shape (jets,); see `columnwise.errors`."""
    return columnwise.errors(arrays, squares(arrays["components"], x))


def shares(arrays: detector.Arrays, x: NDArray) -> NDArray[np.float64]:
    """How badly each observable fits the plane, shape (jets, features)."""
    return columnwise.shares(arrays, squares(arrays["components"], x))


def squares(components: NDArray, x: NDArray) -> NDArray[np.float64]:
    """Squares of what the components leave of each observable, shape (jets, features).

    Args:
        components: orthonormal rows, shape (components, features).
        x: standardised observables, shape (jets, features).
    """
    x, basis = np.asarray(x, np.float64), np.asarray(components, np.float64)
    return (x - (x @ basis.T) @ basis) ** 2

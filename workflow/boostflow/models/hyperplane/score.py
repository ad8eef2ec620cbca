"""Scores of principal components."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.models import detector


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """The column `error`, shape (jets,)."""
    return detector.score(model, jets, errors)


def errors(arrays: detector.Arrays, x: NDArray) -> NDArray[np.float64]:
    """Mean square of what the components leave of each jet, shape (jets,).

    Args:
        arrays: `components`, orthonormal rows, shape (components, features).
        x: standardised observables, shape (jets, features).
    """
    x, basis = np.asarray(x, np.float64), np.asarray(arrays["components"], np.float64)
    return np.mean((x - (x @ basis.T) @ basis) ** 2, axis=1)

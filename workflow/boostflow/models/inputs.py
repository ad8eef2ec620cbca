"""From observables to the inputs of a network, in NumPy; an exported graph does the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMALLEST = 1e-6
"""Logarithms are of this where an observable is smaller."""


def expanded(x: NDArray[np.float32], logarithms: bool) -> NDArray[np.float32]:
    """Observables and their logarithms, shape (jets, features) or (jets, 2 features).

    Args:
        x: observables, shape (jets, features).
        logarithms: whether these are inputs, too.
    """
    if not logarithms:
        return x
    return np.concatenate([x, np.log(np.maximum(x, np.float32(SMALLEST)))], axis=1)


def scale(x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of each column, shape (columns,) each; of a constant 1."""
    spread = x.std(axis=0, dtype=np.float64)
    return (
        x.mean(axis=0, dtype=np.float64).astype(np.float32),
        np.where(spread > 0, spread, 1).astype(np.float32),
    )

"""Errors of efficiencies, of few and of weighted numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def efficiency_error(passing: ArrayLike, total: ArrayLike) -> NDArray:
    """Error of passing / total: the binomial's posterior with a flat prior, never 0.

    T. Ullrich and Z. Xu, arXiv:physics/0701199, eq. 19. Broadcasts.

    Args:
        passing: number that pass; of weighted jets the share times `total`. Held within 0 and
            `total`, which weights of both signs may leave.
        total: number of all; of weighted jets the effective one, (sum w)^2 / sum w^2.
    """
    n = np.asarray(total, dtype=float)
    k = np.clip(np.asarray(passing, dtype=float), 0, n)
    return np.sqrt((k + 1) * (n - k + 1) / ((n + 2) ** 2 * (n + 3)))


def effective(weights: ArrayLike) -> float:
    """Number of jets of equal weight with the same relative error: (sum w)^2 / sum w^2."""
    weights = np.asarray(weights, dtype=float)
    squares = float(np.sum(weights**2))
    return float(np.sum(weights)) ** 2 / squares if squares > 0 else 0.0

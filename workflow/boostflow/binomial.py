"""Errors of efficiencies, of few and of weighted numbers, and weights relative to their mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boostflow.errors import BoostflowError


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


def relative(weight: NDArray, where: str) -> NDArray[np.float64]:
    """Weights over their mean absolute value, shape (jets,).

    Cross-sections differ by factors of ten: so samples count by their numbers of events.

    Args:
        weight: of all jets of a sample, shape (jets,).
        where: what the jets are, for messages.

    Raises:
        BoostflowError: a weight is not finite, or all are 0.
    """
    weight = weight.astype(np.float64)
    mean = float(np.abs(weight).mean())
    if not np.isfinite(mean):
        raise BoostflowError(f"{(~np.isfinite(weight)).sum()} {where} have no finite weight")
    if mean == 0:
        raise BoostflowError(f"all {where} have the weight 0, so that nothing can be averaged")
    return weight / mean

"""Iterative Bayesian unfolding of a spectrum (D'Agostini, doi:10.1016/0168-9002(95)00274-X)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def response(truth: NDArray, measured: NDArray, weight: NDArray, edges: NDArray) -> NDArray:
    """Part of the jets of each bin of the true value (column) in each measured bin (row).

    Jets that are measured outside of all bins are lost: a column adds up to its efficiency. A
    column without jets is 0.

    Args:
        truth, measured, weight: shape (jets,).
        edges: ascending edges of the bins of both.

    Returns:
        Shape (bins, bins).
    """
    counts = np.histogram2d(measured, truth, [edges, edges], weights=weight)[0]
    total = np.histogram(truth, edges, weights=weight)[0]
    return counts / np.where(total > 0, total, 1)


def unfold(matrix: NDArray, measured: NDArray, prior: NDArray, iterations: int) -> NDArray:
    """True spectrum of a measured one.

    Args:
        matrix: from `response`, shape (measured bins, true bins).
        measured: contents of the measured bins.
        prior: contents of the true bins to begin with, positive.
        iterations: times that the result is the next prior: more follow the measured spectrum, and
            its fluctuations, and forget the prior.

    Returns:
        Contents of the true bins; those without efficiency keep the prior.
    """
    efficiency = matrix.sum(axis=0)
    seen = efficiency > 0
    result = prior.astype(np.float64)
    for _ in range(iterations):
        folded = matrix @ result
        part = matrix.T @ np.where(folded > 0, measured / np.where(folded > 0, folded, 1), 0)
        result = np.where(seen, result * part / np.where(seen, efficiency, 1), result)
    return result


def conditions(matrix: NDArray) -> list[float | None]:
    """Condition number of the response of the bins from the k-th on, for each k but the last.

    How much a relative error of the measured spectrum may grow when it is inverted; None where a
    bin has no jets.
    """
    result: list[float | None] = []
    for k in range(len(matrix) - 1):
        value = np.linalg.cond(matrix[k:, k:])
        result.append(float(value) if np.isfinite(value) else None)
    return result

"""Bases of the smooth pass/fail ratio: Bernstein and Chebyshev polynomials on [0, 1].

A ratio is a sum of basis functions times coefficients, or the exponential of one. Bernstein
polynomials are not negative and add up to 1: with coefficients >= 0 the ratio is not negative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from boostflow.config.transfer import Basis


def is_exponential(kind: Basis) -> bool:
    """Whether the ratio is the exponential of a polynomial."""
    return kind.startswith("exp_")


def places(edges: NDArray) -> NDArray:
    """Centres of bins on the axis' range scaled to [0, 1], shape (bins,)."""
    centres = (edges[1:] + edges[:-1]) / 2
    return np.asarray((centres - edges[0]) / (edges[-1] - edges[0]))


def functions(kind: Basis, order: int, x: NDArray) -> NDArray:
    """The basis functions at some places.

    Args:
        kind: of the polynomials; the exponential of one has the same functions.
        order: of the polynomial.
        x: places between 0 and 1, shape (bins,).

    Returns:
        Values, shape (order + 1, bins): binom(n, k) x^k (1 - x)^(n - k), or T_k(2 x - 1).
    """
    k = np.arange(order + 1)[:, np.newaxis]
    if kind.endswith("bernstein"):
        return np.asarray(special.binom(order, k) * x**k * (1 - x) ** (order - k))
    return np.asarray(special.eval_chebyt(k, 2 * x - 1))

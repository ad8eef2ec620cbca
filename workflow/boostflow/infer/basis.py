"""Bases of the smooth pass/fail ratio: Bernstein and Chebyshev polynomials on [0, 1].

A ratio is a sum of basis functions times coefficients, or the exponential of one. Bernstein
polynomials are not negative and add up to 1: with coefficients >= 0 the ratio is not negative.
Functions of two variables are all products of those of each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from boostflow.config.transfer import Basis, Order, in_each


def is_exponential(kind: Basis) -> bool:
    """Whether the ratio is the exponential of a polynomial."""
    return kind.startswith("exp_")


def places(edges: NDArray) -> NDArray:
    """Centres of bins on the axis' range scaled to [0, 1], shape (bins,)."""
    centres = (edges[1:] + edges[:-1]) / 2
    return np.asarray((centres - edges[0]) / (edges[-1] - edges[0]))


def size(order: Order) -> int:
    """Number of basis functions, and so of coefficients."""
    return int(np.prod([n + 1 for n in in_each(order)]))


def functions(kind: Basis, order: Order, x: NDArray) -> NDArray:
    """The basis functions at some places.

    Args:
        kind: of the polynomials; the exponential of one has the same functions.
        order: of the polynomial.
        x: places between 0 and 1, shape (bins,); with an order in each of two variables (2, bins).

    Returns:
        Values, shape (`size(order)`, bins): binom(n, k) x^k (1 - x)^(n - k), or T_k(2 x - 1); of
        two variables the products, that of k and l in row k (n_y + 1) + l.
    """
    axes = np.atleast_2d(x)
    result = np.ones((1, axes.shape[1]))
    for n, at in zip(in_each(order), axes, strict=True):
        result = (result[:, np.newaxis] * _of_one(kind, n, at)).reshape(-1, axes.shape[1])
    return result


def _of_one(kind: Basis, order: int, x: NDArray) -> NDArray:
    """The same of one variable."""
    k = np.arange(order + 1)[:, np.newaxis]
    if kind.endswith("bernstein"):
        return np.asarray(special.binom(order, k) * x**k * (1 - x) ** (order - k))
    return np.asarray(special.eval_chebyt(k, 2 * x - 1))

"""Probabilities of integers, mixtures of logistic ones and a flat one, alike on every machine.

Whoever decodes has to find the very probabilities that the encoder used. So all that enters them
is a table of integers made by decimal arithmetic, an addition or a multiplication of doubles that
is rounded as IEEE 754 says, or an integer.

A distribution over the codes 0 ... n - 1 is given by `Mixture`; that of all codes up to one is
counted in `WHOLE` parts, of which each code has one at least.
"""

from __future__ import annotations

import functools
from decimal import Decimal, localcontext
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.coding.kernels import WHOLE

CODES_MAX = 1 << 20
"""Most codes of a column."""
FINE = 64
"""Steps of a factor of two in scales and weights of a mixture."""
REACH, PER_UNIT = 17, 32
"""The table of the logistic function goes from -REACH to REACH scales, so many steps each."""
LARGE = 1 << 20
"""The weight of the largest component of a mixture."""


class Mixture(NamedTuple):
    """A distribution of codes for each of N jets."""

    mean: NDArray[np.float64]
    """Centres of the components, in codes, shape (N, K)."""
    slope: NDArray[np.float64]
    """Steps of the table a code: `PER_UNIT` / scale, shape (N, K)."""
    weight: NDArray[np.int64]
    """Weights, relative to each other, shape (N, K + 1): the last is that of all codes alike."""


@functools.cache
def tables() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The logistic function in parts of `WHOLE`, and 2^(i / FINE) for i from 0 to FINE - 1."""
    with localcontext() as context:
        context.prec = 30
        steps = range(-REACH * PER_UNIT, REACH * PER_UNIT + 1)
        logistic = [int(WHOLE / (1 + (Decimal(-i) / PER_UNIT).exp())) for i in steps]
        logistic[0], logistic[-1] = 0, WHOLE
        two = Decimal(2).ln()
        powers = [float((two * i / FINE).exp()) for i in range(FINE)]
    return np.array(logistic, np.int64), np.array(powers)


def slope_of(log_scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steps of the table a code.

    Args:
        log_scale: logarithms to base 2 of scales in codes; those beyond 2^±40 count as that.
    """
    n = np.rint(np.clip(log_scale, -40, 40) * -FINE).astype(np.int64)
    return np.ldexp(tables()[1][n % FINE], n // FINE) * PER_UNIT


def weight_of(log_weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Integers in the ratios of 2^log_weight; of shape (N, K + 1)."""
    n = np.rint((log_weight - log_weight.max(axis=1, keepdims=True)) * FINE).astype(np.int64)
    n = np.maximum(n, -40 * FINE)
    return np.floor(np.ldexp(tables()[1][n % FINE], n // FINE) * LARGE).astype(np.int64)

"""A smooth ratio of two histograms, from the counts alone: start values, F-tests, closure.

With a free expectation in each bin of the fail region, Poisson numbers in pass and fail tell of
their ratio what a binomial tells: given their sum n, the pass region has n rho / (1 + rho), with
rho the ratio of the expectations. Weighted events count as n = S / w with the mean weight
w = sum w^2 / sum w of their region (G. Bohm, G. Zech, NIM A 748 (2014) 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import iminuit
import numpy as np
from numpy.typing import NDArray
from scipy import special

from boostflow.errors import BoostflowError
from boostflow.infer.basis import Kind, functions, is_exponential

LOWEST = 1e-12
"""Smallest ratio, relative to the mean one."""
LIMITS = {"bernstein": (0.0, 100.0), "chebyshev": (-100.0, 100.0)}
"""Bounds of the coefficients in units of the mean ratio; exponents are in between `EXPONENT`."""
EXPONENT = 20.0
"""Largest size of a coefficient in an exponent."""


@dataclass(frozen=True)
class Counts:
    """Numbers in the bins of pass and fail region, and the mean weight of an event in each."""

    passed: NDArray
    failed: NDArray
    pass_weight: float = 1.0
    fail_weight: float = 1.0

    def effective(self) -> tuple[NDArray, NDArray]:
        """Numbers that fluctuate as Poisson numbers do, in pass and fail, shape (bins,)."""
        return (
            np.maximum(self.passed, 0) / self.pass_weight,
            np.maximum(self.failed, 0) / self.fail_weight,
        )

    def mean(self) -> float:
        """The ratio of the sums."""
        return float(self.passed.sum() / self.failed.sum())


@dataclass(frozen=True)
class Ratio:
    """A fitted ratio. Coefficients are in units of the mean ratio; exponents have none."""

    kind: Kind
    mean: float
    coefficients: NDArray
    covariance: NDArray
    deviance: float
    """-2 ln of the likelihood over that of a ratio that is free in each bin."""

    @property
    def order(self) -> int:
        """Order of the polynomial."""
        return len(self.coefficients) - 1

    def at(self, x: NDArray) -> NDArray:
        """Its values at places between 0 and 1."""
        return self.mean * _shape(self.kind, self.coefficients, functions(self.kind, self.order, x))

    def errors(self, x: NDArray) -> NDArray:
        """Standard errors of its values, propagated linearly."""
        parts = functions(self.kind, self.order, x)
        gradient = parts * (self.at(x) if is_exponential(self.kind) else self.mean)
        return np.sqrt(np.einsum("kb,kl,lb->b", gradient, self.covariance, gradient).clip(0))


def _shape(kind: Kind, coefficients: NDArray, parts: NDArray) -> NDArray:
    value = coefficients @ parts
    return np.asarray(np.exp(value) if is_exponential(kind) else value)


def deviance(counts: Counts, ratio: NDArray) -> float:
    """-2 ln L of a ratio of the regions, shape (bins,), relative to the saturated model."""
    passed, failed = counts.effective()
    rho = np.maximum(ratio, LOWEST * counts.mean()) * counts.fail_weight / counts.pass_weight
    total = passed + failed
    terms = (
        special.xlogy(passed, passed * (1 + rho))
        - special.xlogy(passed, total * rho)
        + special.xlogy(failed, failed * (1 + rho))
        - special.xlogy(failed, total)
    )
    return float(2 * terms.sum())


def fit(counts: Counts, kind: Kind, order: int, x: NDArray) -> Ratio:
    """The most likely ratio of a basis.

    Args:
        counts: in bins.
        kind: basis.
        order: of the polynomial.
        x: places of the bins between 0 and 1.

    Raises:
        BoostflowError: it does not converge.
    """
    parts, mean = functions(kind, order, x), counts.mean()
    if is_exponential(kind):
        start, limits = np.zeros(order + 1), (-EXPONENT, EXPONENT)
    else:
        start, limits = np.ones(order + 1), LIMITS[kind]
        if kind == "chebyshev":
            start[1:] = 0
    minuit = iminuit.Minuit(
        lambda values: deviance(counts, mean * _shape(kind, values, parts)), start
    )
    minuit.errordef = iminuit.Minuit.LEAST_SQUARES
    minuit.limits = [limits] * (order + 1)
    minuit.errors = [0.1] * (order + 1)
    minuit.migrad()
    if minuit.covariance is None or not np.isfinite(minuit.fval):
        raise BoostflowError(f"a ratio of order {order} cannot be fitted to simulated events")
    found = np.array(minuit.values)
    return Ratio(kind, mean, found, np.array(minuit.covariance), float(minuit.fval))

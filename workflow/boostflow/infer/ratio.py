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

from boostflow.config.transfer import Basis, Order
from boostflow.errors import BoostflowError
from boostflow.infer.basis import functions, is_exponential, size

LOWEST = 1e-12
"""Smallest ratio, relative to the mean one."""
LIMITS = {"bernstein": (0.0, 100.0), "chebyshev": (-100.0, 100.0)}
"""Bounds of the coefficients in units of the mean ratio; exponents are in between `EXPONENT`."""
ROUNDS, HALVES, NEAR = 60, 20, 0.9
"""Steps of a fit of many histograms, halvings of one, and how far it goes towards a bound."""
TINY, PRECISION = 1e-12, 1e-5
"""Regularisation of its matrix, and the change of the deviance that ends it."""
EXPONENT = 20.0
"""Largest size of a coefficient in an exponent."""


@dataclass(frozen=True)
class Counts:
    """Numbers in the bins of pass and fail region, and the mean weight of an event in each."""

    passed: NDArray
    failed: NDArray
    pass_weight: float | NDArray = 1.0
    fail_weight: float | NDArray = 1.0
    """Of several pairs of regions shape (bins,)."""

    def effective(self) -> tuple[NDArray, NDArray]:
        """Numbers that fluctuate as Poisson numbers do, in pass and fail, shape (bins,)."""
        return (
            np.maximum(self.passed, 0) / self.pass_weight,
            np.maximum(self.failed, 0) / self.fail_weight,
        )

    def scale(self) -> float | NDArray:
        """The ratio of effective numbers over that of the numbers."""
        return self.fail_weight / self.pass_weight

    def mean(self) -> float:
        """The ratio of the sums."""
        return float(self.passed.sum() / self.failed.sum())


@dataclass(frozen=True)
class Ratio:
    """A fitted ratio. Coefficients are in units of the mean ratio; exponents have none."""

    kind: Basis
    order: Order
    mean: float | NDArray
    """The ratio of the sums; or the function that this one multiplies, shape (bins,)."""
    coefficients: NDArray
    deviance: float
    """-2 ln of the likelihood over that of a ratio that is free in each bin."""

    def at(self, x: NDArray) -> NDArray:
        """The values of the ratio at places between 0 and 1 (`basis.functions`)."""
        return self.mean * _shape(self.kind, self.coefficients, functions(self.kind, self.order, x))


def _shape(kind: Basis, coefficients: NDArray, parts: NDArray) -> NDArray:
    value = coefficients @ parts
    return np.asarray(np.exp(value) if is_exponential(kind) else value)


def deviance(counts: Counts, ratio: NDArray) -> float:
    """-2 ln L of a ratio of the regions, shape (bins,), relative to the saturated model."""
    rho = np.maximum(ratio, LOWEST * counts.mean()) * counts.scale()
    return float(_deviance(*counts.effective(), rho))


def _deviance(passed: NDArray, failed: NDArray, rho: NDArray) -> NDArray:
    """The same of effective numbers, shape (..., bins)."""
    total = passed + failed
    terms = (
        special.xlogy(passed, passed * (1 + rho))
        - special.xlogy(passed, total * rho)
        + special.xlogy(failed, failed * (1 + rho))
        - special.xlogy(failed, total)
    )
    return np.asarray(2 * terms.sum(axis=-1))


def deviances(
    passed: NDArray,
    failed: NDArray,
    kind: Basis,
    order: Order,
    x: NDArray,
    base: NDArray | None = None,
) -> NDArray:
    """Smallest deviances of many pairs of histograms at once, by Fisher scoring.

    Polynomials are positive in all bins here, whatever the sign of their coefficients, so functions
    of rising order are nested.

    Args:
        passed: effective numbers, shape (toys, bins); none has an empty pass region.
        failed: the same of the fail region, or (bins,).
        kind: basis.
        order: of the polynomial.
        x: places of the bins between 0 and 1.
        base: what the polynomial, or its exponential, is multiplied by, shape (bins,); null for 1.

    Returns:
        Shape (toys,).
    """
    base = np.ones(passed.shape[1]) if base is None else base
    # Both bases span the same polynomials; these are the better conditioned ones.
    parts = functions("chebyshev", order, x)
    exponential = is_exponential(kind)
    total = passed + failed
    mean = passed.sum(axis=1) / ((total - passed) * base).sum(axis=1)
    values = np.zeros((len(passed), size(order)))
    values[:, 0] = np.log(mean) if exponential else mean

    def rho_of(values: NDArray) -> NDArray:
        linear = values @ parts
        # A bin without events may be pulled to 0, which nothing can be divided by.
        value = np.exp(np.clip(linear, -700, 700)) if exponential else np.maximum(linear, TINY)
        return np.asarray(base * value)

    rho = rho_of(values)
    best = _deviance(passed, total - passed, rho)
    for _ in range(ROUNDS):
        slope = rho if exponential else np.broadcast_to(base, rho.shape)
        score = (passed / rho - total / (1 + rho)) * slope
        weight = total / (rho * (1 + rho) ** 2) * slope**2
        fisher = np.einsum("kb,tb,lb->tkl", parts, weight, parts)
        fisher += TINY * np.trace(fisher, axis1=1, axis2=2)[:, None, None] * np.eye(size(order))
        step = np.linalg.solve(fisher, (score @ parts.T)[..., None])[..., 0]
        if not exponential:
            # At most `NEAR` of the way to where a bin would become negative.
            change = step @ parts
            room = -rho / base / np.minimum(change, -TINY)
            reach = np.min(np.where(change < 0, room, np.inf), axis=1)
            step *= np.minimum(1.0, NEAR * reach)[:, None]
        for _ in range(HALVES):
            trial = rho_of(values + step)
            found = _deviance(passed, total - passed, trial)
            worse = found > best
            if not worse.any():
                break
            step[worse] /= 2
        step[worse] = 0
        done = np.max(best - np.where(worse, best, found))
        values += step
        rho, best = rho_of(values), np.where(worse, best, found)
        if done < PRECISION:
            break
    return best


def one(kind: Basis, order: Order, base: NDArray) -> Ratio:
    """The ratio of a basis that is 1, times another function.

    Args:
        kind: basis.
        order: of the polynomial.
        base: the other function in the bins.
    """
    start = np.full(size(order), 0.0 if is_exponential(kind) else 1.0)
    if kind == "chebyshev":
        start[1:] = 0
    return Ratio(kind, order, base, start, 0.0)


def changes(counts: Counts, found: Ratio, x: NDArray) -> NDArray:
    """What the statistical errors of the counts change in a ratio that was fitted to them.

    The covariance of the coefficients is the inverse of Fisher's information of the binomials,
    which has no bounds. Along its eigenvectors, errors are independent.

    Args:
        counts: that the ratio was fitted to.
        found: the ratio.
        x: places of the bins between 0 and 1.

    Returns:
        A row for each eigenvector, shape (`size(order)`, bins): the change of the ratio by one
        standard error; of the exponential of a polynomial the change of its logarithm.
    """
    value, parts = found.at(x), functions(found.kind, found.order, x)
    slope = parts * (value if is_exponential(found.kind) else found.mean)
    rho = np.maximum(value, LOWEST * counts.mean()) * counts.scale()
    weight = sum(counts.effective()) / (rho * (1 + rho) ** 2) * counts.scale() ** 2
    covariance = np.linalg.pinv((slope * weight) @ slope.T, hermitian=True)
    variances, vectors = np.linalg.eigh(covariance)
    result = np.sqrt(variances.clip(0))[:, np.newaxis] * (vectors.T @ slope)
    return np.asarray(result / value if is_exponential(found.kind) else result)


def fit(
    counts: Counts, kind: Basis, order: Order, x: NDArray, base: NDArray | None = None
) -> Ratio:
    """The most likely ratio of a basis.

    Args:
        counts: in bins.
        kind: basis.
        order: of the polynomial.
        x: places of the bins between 0 and 1.
        base: what it is multiplied by, shape (bins,); null for the ratio of the sums.

    Raises:
        BoostflowError: it does not converge.
    """
    parts, mean = functions(kind, order, x), counts.mean() if base is None else base
    start = one(kind, order, np.zeros(0)).coefficients
    limits = (-EXPONENT, EXPONENT) if is_exponential(kind) else LIMITS[kind]
    minuit = iminuit.Minuit(
        lambda values: deviance(counts, mean * _shape(kind, values, parts)), start
    )
    minuit.errordef = iminuit.Minuit.LEAST_SQUARES
    minuit.limits = [limits] * size(order)
    minuit.errors = [0.1] * size(order)
    minuit.migrad()
    if minuit.covariance is None or not np.isfinite(minuit.fval):
        raise BoostflowError(f"a ratio of order {order} cannot be fitted to simulated events")
    found = np.array(minuit.values)
    return Ratio(kind, order, mean, found, float(minuit.fval))

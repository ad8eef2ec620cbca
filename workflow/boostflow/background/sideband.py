"""The background in a window of a smooth spectrum from a function fitted beside it.

Families, of x in [0, 1] over the fitted range (`power`: x = m / M with M = 1.2 times its end):

    exponential n   exp(p0 + p1 x + ... + pn x^n)
    bernstein n     sum_k c_k B_k,n(x) with c_k >= 0, positive everywhere
    power n         exp(p0) (1 - x)^p1 x^(-p2 - p3 log x - ...), the dijet function
                    (CDF, Phys. Rev. D 79 (2009) 112002), n + 1 parameters

Each is fitted to the sidebands by maximum likelihood (Poisson; of weighted events scaled by their
variance over their number in the sidebands). The goodness of fit is the likelihood ratio to the
saturated model (S. Baker, R. D. Cousins, Nucl. Instrum. Meth. 221 (1984) 437). The order is raised
until an F-test (R. G. Lomax) no longer prefers the next one at 5 %. The first family of the
configuration that fits (probability above 1 %) gives the estimate, the largest distance of another
one that fits its model uncertainty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from boostflow.background.minuit import Minimum, deviance, minimise
from boostflow.errors import BoostflowError

ORDERS = {"exponential": range(1, 6), "bernstein": range(1, 7), "power": range(1, 5)}
"""Orders that are tried."""
F_TEST = 0.05
"""Probability below which a higher order is taken."""
FITS = 0.01
"""Probability of the goodness of fit from which on a function describes the sidebands."""
TINY = 1e-9


@dataclass(frozen=True)
class Spectrum:
    """Events in equal bins, shape (bins,)."""

    edges: NDArray
    values: NDArray
    variances: NDArray

    def outside(self, window: tuple[float, float]) -> NDArray[np.bool_]:
        """The bins that do not touch the window."""
        return (self.edges[1:] <= window[0]) | (self.edges[:-1] >= window[1])


def design(family: str, order: int, edges: NDArray) -> NDArray:
    """Functions whose sum (bernstein) or whose sum's exp (others) is fitted, (bins, parameters)."""
    centre = (edges[1:] + edges[:-1]) / 2
    if family == "power":
        x = centre / (1.2 * edges[-1])
        logs = np.log(x)
        return np.stack([np.ones_like(x), np.log1p(-x), *(logs**k for k in range(1, order))], 1)
    x = (centre - edges[0]) / (edges[-1] - edges[0])
    if family == "exponential":
        # Legendre polynomials span the same functions with less correlation.
        return np.polynomial.legendre.legvander(2 * x - 1, order)
    return np.stack([comb(order, k) * x**k * (1 - x) ** (order - k) for k in range(order + 1)], 1)


@dataclass(frozen=True)
class Smooth:
    """A function fitted to some bins."""

    family: str
    order: int
    basis: NDArray
    minimum: Minimum
    bins: int

    def curve(self, parameters: NDArray | None = None) -> NDArray:
        """Expected events in all bins."""
        pars = self.minimum.values if parameters is None else parameters
        pars = pars[: self.basis.shape[1]]
        if self.family == "bernstein":
            return self.basis @ pars
        return np.exp(np.minimum(self.basis @ pars, 50.0))

    def error(self, weights: NDArray) -> float:
        """Error of the sum of `weights` x curve, first order."""
        size = self.basis.shape[1]
        inner = weights if self.family == "bernstein" else weights * self.curve()
        slope = self.basis.T @ inner
        return float(np.sqrt(max(slope @ self.minimum.covariance[:size, :size] @ slope, 0.0)))

    def band(self) -> NDArray:
        """Error of the curve in each bin."""
        return np.array([self.error(row) for row in np.eye(len(self.basis))])

    @property
    def freedom(self) -> int:
        """Degrees of freedom."""
        return self.bins - len(self.minimum.values)

    @property
    def probability(self) -> float:
        """Probability of a worse fit, from the chi2 distribution."""
        return float(stats.chi2.sf(self.minimum.value, self.freedom))


def fit_order(
    family: str,
    order: int,
    spectrum: Spectrum,
    use: NDArray[np.bool_],
    others: NDArray,
    scale: float,
    signal: NDArray | None = None,
) -> Smooth:
    """Fit a function of one order, and the strength of `signal` where it is given (last parameter).

    Args:
        family: of `ORDERS`.
        order: of it.
        spectrum: data.
        use: bins that are fitted.
        others: expected events of other processes, which are added.
        scale: events per count.
        signal: expected events for a signal strength of 1.

    Raises:
        BoostflowError: the fit does not converge.
    """
    basis = design(family, order, spectrum.edges)
    n = spectrum.values
    target = np.maximum(n - others, 0.5 * scale)
    if family == "bernstein":
        start, _ = optimize.nnls(basis[use] / np.sqrt(target[use])[:, None], np.sqrt(target[use]))
        start = np.maximum(start, 1e-3 * target.mean())
        lower: list[float | None] = [0.0] * len(start)
    else:
        root = np.sqrt(target[use])
        start = np.linalg.lstsq(basis[use] * root[:, None], np.log(target[use]) * root, rcond=None)[
            0
        ]
        lower = [None] * len(start)
    pars = list(start)
    if signal is not None:
        pars.append(0.0)
        lower.append(None)
    shell = Smooth(family, order, basis, Minimum(np.array(pars), np.eye(len(pars)), 0, 0, 0), 0)

    def function(values: NDArray) -> float:
        expected = shell.curve(values) + others
        if signal is not None:
            expected = expected + values[-1] * signal
        return deviance(n[use], expected[use]) / scale

    steps = [0.1 * abs(p) + 0.01 for p in pars]
    best = minimise(function, pars, f"sideband, {family} {order}", lower, steps)
    return Smooth(family, order, basis, best, int(use.sum()))


def choose(
    family: str, spectrum: Spectrum, use: NDArray[np.bool_], others: NDArray, scale: float
) -> Smooth:
    """The lowest order that an F-test does not find too low.

    Raises:
        BoostflowError: the lowest order cannot be fitted.
    """
    best: Smooth | None = None
    for order in ORDERS[family]:
        if design(family, order, spectrum.edges).shape[1] >= use.sum():
            break
        try:
            found = fit_order(family, order, spectrum, use, others, scale)
        except BoostflowError:
            if best is None:
                raise
            break
        if best is not None:
            gain = best.minimum.value - found.minimum.value
            f = gain / max(found.minimum.value / found.freedom, TINY)
            if stats.f.sf(max(f, 0.0), 1, found.freedom) > F_TEST:
                break
        best = found
    if best is None:
        raise BoostflowError(
            f"background.sideband: {int(use.sum())} bins are too few for {family}: raise bins"
        )
    return best


def estimate(
    spectrum: Spectrum,
    others: Mapping[str, NDArray],
    window: tuple[float, float],
    families: list[str],
    uncertainty: float,
) -> tuple[dict[str, Any], dict[str, Smooth]]:
    """The background in the window, and the fitted function of each family.

    Args:
        spectrum: data; what is in the window is not looked at.
        others: expected events of each process that is subtracted, shape (bins,).
        window: in units of the edges.
        families: in order of preference.
        uncertainty: relative, of the yield of each of `others`.

    Returns:
        `value`, its errors `stat`, `model`, `subtraction` and their sum `error`, the `family` and
        all `fits` with order, chi2, degrees of freedom, probability and value. Where no function
        fits, `value` and errors are null and `reason` says so.

    Raises:
        BoostflowError: the sidebands are empty, or a fit does not converge.
    """
    use = spectrum.outside(window)
    inside = ~use
    if spectrum.values[use].sum() <= 0:
        raise BoostflowError(
            f"background.sideband: no event outside the window [{window[0]:g}, {window[1]:g}]"
        )
    scale = spectrum.variances[use].sum() / spectrum.values[use].sum()
    total = np.sum([*others.values(), np.zeros(len(use))], axis=0)
    fits = {family: choose(family, spectrum, use, total, scale) for family in families}
    values = {family: float(found.curve()[inside].sum()) for family, found in fits.items()}
    result: dict[str, Any] = {
        "fits": {
            family: {
                "order": found.order,
                "chi2": found.minimum.value,
                "degrees_of_freedom": found.freedom,
                "probability": found.probability,
                "value": values[family],
            }
            for family, found in fits.items()
        },
        "scale": float(scale),
    }
    good = [family for family in families if fits[family].probability > FITS]
    if not good:
        reason = (
            f"no function describes the sidebands (probabilities below {FITS}): the spectrum is not"
            " smooth there, or a subtracted process is wrong"
        )
        nothing = dict.fromkeys(("value", "stat", "model", "subtraction", "error"))
        return result | nothing | {"family": None, "reason": reason}, fits
    first = good[0]
    best = fits[first]
    stat = best.error(inside.astype(float))
    model = max((abs(values[family] - values[first]) for family in good[1:]), default=0.0)
    moved = []
    for shape in others.values():
        other = fit_order(
            first, best.order, spectrum, use, total + uncertainty * shape, scale
        ).curve()
        moved.append(float(other[inside].sum()) - values[first])
    subtraction = float(np.sqrt(np.sum(np.square(moved))))
    return result | {
        "family": first,
        "value": values[first],
        "stat": stat,
        "model": float(model),
        "subtraction": subtraction,
        "error": float(np.sqrt(stat**2 + model**2 + subtraction**2)),
    }, fits


def spurious(
    background: Spectrum, signal: NDArray, best: Smooth, strengths: tuple[float, ...] = (0, 1, 2)
) -> list[dict[str, float]]:
    """Fit signal and function together to background with some signal added.

    At strength 0 the fitted signal is spurious: what the function's shape fakes. Its error is that
    of data with the variances of `background`.

    Args:
        background: expected background alone, in all bins.
        signal: expected signal, shape (bins,).
        best: family and order.
        strengths: of the signal that is added.

    Returns:
        For each `injected`, `fitted`, `error` (strengths) and `bias`: (fitted - injected) / error.

    Raises:
        BoostflowError: a fit does not converge.
    """
    scale = background.variances.sum() / background.values.sum()
    use = np.ones(len(signal), dtype=bool)
    result = []
    for strength in strengths:
        toy = Spectrum(
            background.edges, background.values + strength * signal, background.variances
        )
        found = fit_order(best.family, best.order, toy, use, np.zeros(len(use)), scale, signal)
        fitted = float(found.minimum.values[-1])
        error = float(np.sqrt(found.minimum.covariance[-1, -1]))
        result.append(
            {
                "injected": float(strength),
                "fitted": fitted,
                "error": error,
                "bias": (fitted - strength) / error,
            }
        )
    return result

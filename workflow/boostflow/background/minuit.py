"""Minima of the likelihoods of the background estimates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import iminuit
import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError

TOLERANCE = 0.01
"""Tolerance of Minuit, the same as in `infer`."""
PRECISION = 1e-9
"""Relative precision of -2 ln L, whose constant part is subtracted: it is of order 1."""


TINY = 1e-9
"""Smallest expectation: keeps the likelihood defined while Minuit explores."""


def deviance(n: NDArray, expected: NDArray) -> float:
    """-2 ln of the Poisson likelihood ratio to the saturated model."""
    expected = np.maximum(expected, TINY)
    ratio = np.where(n > 0, n, 1) / np.where(n > 0, expected, 1)
    return float(2 * np.sum(expected - n + np.where(n > 0, n * np.log(ratio), 0)))


@dataclass(frozen=True)
class Minimum:
    """Best parameters, their covariance matrix, and -2 ln L there."""

    values: NDArray
    covariance: NDArray
    value: float
    up: float
    """MINOS-like error upwards of the parameter that was asked for; NaN if none was."""
    down: float


def minimise(
    function: Callable[[NDArray], float],
    start: Sequence[float],
    what: str,
    lower: Sequence[float | None] | None = None,
    steps: Sequence[float] | None = None,
    interval: int | None = None,
    fixed: Sequence[int] = (),
) -> Minimum:
    """Minimum of a -2 ln L (or chi-squared) from which any large constant has been taken.

    Args:
        function: of the parameters, shape (n,).
        start: of the search.
        what: is fitted, for the message.
        lower: bounds; null for none.
        steps: first step sizes.
        interval: parameter whose 68 % interval from the profile likelihood is wanted.
        fixed: parameters that stay at `start`; their covariance is 0.

    Raises:
        BoostflowError: there is no valid minimum.
    """
    minuit = iminuit.Minuit(function, np.asarray(start, dtype=float))
    minuit.errordef = iminuit.Minuit.LEAST_SQUARES
    minuit.tol = TOLERANCE
    minuit.precision = PRECISION
    if lower is not None:
        minuit.limits = [(low, None) for low in lower]
    if steps is not None:
        minuit.errors = list(steps)
    for i in fixed:
        minuit.fixed[i] = True
    for strategy in (1, 2):
        minuit.strategy = strategy
        minuit.migrad()
        # A start at the minimum may pass Migrad and fail here, before the second strategy.
        minuit.hesse()
        if minuit.valid:
            break
    covariance = minuit.covariance
    if not minuit.valid or covariance is None or not np.isfinite(minuit.fval):
        raise BoostflowError(
            f"background: {what}: the fit did not converge (-2 ln L = {minuit.fval:.6g} after "
            f"{minuit.nfcn} calls of Minuit)"
        )
    up = down = float("nan")
    if interval is not None:
        minuit.minos(interval)
        merror = minuit.merrors[minuit.parameters[interval]]
        up, down = float(merror.upper), float(-merror.lower)
    return Minimum(np.array(minuit.values), np.array(covariance), float(minuit.fval), up, down)

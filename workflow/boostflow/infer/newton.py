"""Newton's method between bounds, for a function whose second derivatives are known.

Each step leads to the minimum of the quadratic function that has the derivatives of this place,
within the bounds (D. P. Bertsekas, SIAM J. Control Optim. 20 (1982) 221: parameters that would
leave end at their bound, the others make the best of it), shortened until it leads downhill, and
damped where the function is not convex (Levenberg and Marquardt). Near the minimum the number of
right digits doubles with each step: a handful of evaluations, where a method without second
derivatives needs some for each parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

STEPS = 100
"""Largest number of steps."""
HALVINGS = 30
"""How often a step is halved."""
DISTANCE = 1e-7
"""Estimated vertical distance to the minimum at which it counts as found."""
ENOUGH = 1e-4
"""A step is good if the function falls by this part of what its slope promises (Armijo)."""
DAMPING = 1e-3
"""The smallest damping that helps, relative to the curvature of each parameter."""
ROUNDING = 1e-13
"""Relative precision of the function: below, it neither rises nor falls."""


class Minimum(NamedTuple):
    """The place at which a function of n parameters is smallest, and its derivatives there."""

    at: NDArray
    """Values of the parameters, shape (n,)."""
    gradient: NDArray
    """First derivatives there, shape (n,): 0 but for parameters at their bound."""
    hessian: NDArray
    """Second derivatives there, shape (n, n)."""
    at_bound: NDArray
    """Whether a parameter is at a bound and the function falls beyond, shape (n,)."""


def minimum(
    value: Callable[[NDArray], float],
    gradient: Callable[[NDArray], NDArray],
    hessian: Callable[[NDArray], NDArray],
    start: NDArray,
    bounds: NDArray,
) -> Minimum | None:
    """The minimum next to a place.

    Args:
        value: the function, of parameters of shape (n,).
        gradient: its first derivatives, shape (n,).
        hessian: its second derivatives, shape (n, n).
        start: where to begin, within the bounds.
        bounds: lower and upper one of each parameter, shape (n, 2).

    Returns:
        None if there is no proper minimum within reach: directions in which nothing changes, a
        function that is not finite, too many steps.
    """
    at, (low, high) = np.array(start, dtype=float), bounds.T
    here = value(at)
    for _ in range(STEPS):
        slope, curvature = gradient(at), hessian(at)
        if not (np.isfinite(here) and np.isfinite(slope).all() and np.isfinite(curvature).all()):
            return None
        stuck = ((at <= low) & (slope >= 0)) | ((at >= high) & (slope <= 0))
        step, damped = _step(slope, curvature, stuck, low - at, high - at)
        if -slope @ step / 2 < DISTANCE:
            return None if damped else Minimum(at, slope, curvature, stuck)
        for halving in range(HALVINGS):
            part = 0.5**halving * step
            there = value(at + part)
            if there <= here + ENOUGH * (slope @ part) + ROUNDING * abs(here):
                break
        else:
            return None
        at, here = np.clip(at + part, low, high), there
    return None


def _step(
    slope: NDArray, curvature: NDArray, stuck: NDArray, lowest: NDArray, highest: NDArray
) -> tuple[NDArray, bool]:
    """The step to the minimum of the quadratic function between bounds, and whether it is damped.

    Args:
        slope: first derivatives, shape (n,).
        curvature: second derivatives, shape (n, n).
        stuck: parameters that stay where they are, shape (n,).
        lowest: lower bound of the step, shape (n,).
        highest: its upper bound, shape (n,).
    """
    # Parameters of any size count alike.
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diag(curvature)), np.finfo(float).tiny))
    matrix, vector = curvature * np.outer(scale, scale), slope * scale
    step = np.zeros(len(slope))
    free, ended = ~stuck, np.zeros(len(slope), bool)
    damping = 0.0
    while free.any():
        part = matrix[np.ix_(free, free)] + damping * np.eye(free.sum())
        # What the parameters that have ended at their bound do to the slope of the others.
        moved = matrix[np.ix_(free, ended)] @ (step[ended] / scale[ended])
        try:
            factor = linalg.cho_factor(part)
        except linalg.LinAlgError:
            damping = max(10 * damping, DAMPING)
            continue
        step[free] = -linalg.cho_solve(factor, vector[free] + moved) * scale[free]
        beyond = free & ((step < lowest) | (step > highest))
        if not beyond.any():
            break
        step[beyond] = np.clip(step[beyond], lowest[beyond], highest[beyond])
        free, ended = free & ~beyond, ended | beyond
    if slope @ step > 0:
        # Ends at bounds can lead uphill together; along the slope it goes down.
        step = np.clip(-slope * scale**2 * ~stuck, lowest, highest)
    return step, damping > 0

"""Contours of two parameters of interest: where the profile likelihood has risen by a level's.

The square root of the rise is nearly a straight line on each way out from the minimum, so a few
fits along some ways tell where it crosses the levels.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyhf
from numpy.typing import NDArray
from scipy import stats

from boostflow.errors import BoostflowError
from boostflow.infer.minimum import Fit, minimise

LEVELS = (0.68, 0.95)
"""Probability contents of the contours, of both parameters together."""
WAYS = 16
"""Directions in which the likelihood is followed."""
STEPS = (0.9, 1.8, 2.7)
"""Distances of the fits, in errors of the Gaussian approximation; the contours lie at 1.5 and 2.4
there."""


def contour(model: pyhf.Model, data: NDArray, best: Fit, pair: tuple[str, str]) -> dict[str, Any]:
    """Contours in the plane of two parameters, all others fitted.

    Directions are equally spaced where both have the error 1 and no correlation. Beyond the last
    fit the line is continued; a way ends at the bounds of the parameters.

    Args:
        model: of the workspace.
        data: observations and auxiliary data.
        best: fit to them.
        pair: names of the parameters.

    Returns:
        `pois`, the names; `contours`: by increasing `level` the points `x` and `y` of a closed
        line, null where fits do not converge or do not rise.
    """
    index = [best.names.index(name) for name in pair]
    centre, errors = best.values[index], best.errors[index]
    rho = best.correlation[index[0], index[1]]
    root = np.diag(errors) @ np.array([[1.0, 0.0], [rho, np.sqrt(max(1 - rho**2, 0.0))]])
    bounds = np.array(model.config.suggested_bounds())[index]

    def at(way: NDArray, distance: float) -> float | None:
        """Square root of the rise of -2 ln L."""
        held = dict(zip(pair, map(float, centre + distance * way), strict=True))
        near = best
        for name, value in held.items():
            near = near.moved(name, value)
        try:
            found = minimise(model, data, held, near)
        except BoostflowError:
            return None
        return float(np.sqrt(max(found.twice_nll - best.twice_nll, 0.0)))

    angles = np.linspace(0, 2 * np.pi, WAYS, endpoint=False)
    wanted = [float(np.sqrt(stats.chi2.ppf(level, 2))) for level in LEVELS]
    lines: list[list[list[float | None]]] = [[] for _ in LEVELS]
    for angle in angles:
        way = root @ np.array([np.cos(angle), np.sin(angle)])
        most = _within(centre, way, bounds)
        points = [(0.0, 0.0)]
        for step in STEPS:
            if step < most and (rise := at(way, step)) is not None:
                points.append((step, rise))
        for line, level in zip(lines, wanted, strict=True):
            distance = _crossing(points, level)
            reached = None if distance is None else centre + min(distance, most) * way
            line.append([None, None] if reached is None else list(map(float, reached)))
    return {
        "pois": list(pair),
        "contours": [
            {"level": level, "x": [x for x, _ in line], "y": [y for _, y in line]}
            for level, line in zip(LEVELS, lines, strict=True)
        ],
    }


def _within(centre: NDArray, way: NDArray, bounds: NDArray) -> float:
    """How far one can go before a parameter is at its bound."""
    ends = np.where(way > 0, bounds[:, 1], bounds[:, 0])
    moving = way != 0
    return float(np.min((ends - centre)[moving] / way[moving], initial=np.inf))


def _crossing(points: list[tuple[float, float]], level: float) -> float | None:
    """Where the line through points (distance, height) reaches a level; beyond them continued."""
    for (x, y), (further, higher) in pairwise(points):
        last = (further, higher) == points[-1]
        if higher > y and (higher >= level or last):
            return x + (level - y) * (further - x) / (higher - y)
    return None

"""Contours of two parameters of interest: where the profile likelihood has risen by a level's.

The square root of the rise is nearly a straight line on each way out from the minimum, so one or a
few fits a level tell where it gets there.
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
CLOSE = 0.01
"""A point is on a contour if the square root of the rise there is right to this part."""
TRIES = 5
"""Fits in a direction for one level at most."""


def contour(model: pyhf.Model, data: NDArray, best: Fit, pair: tuple[str, str]) -> dict[str, Any]:
    """Contours in the plane of two parameters, all others fitted.

    Directions are equally spaced where both have the error 1 and no correlation.

    Args:
        model: of the workspace.
        data: observations and auxiliary data.
        best: fit to them.
        pair: names of the parameters.

    Returns:
        `pois`, the names; `contours`: by increasing `level` the points `x` and `y` of a closed
        line, null where fits do not converge; `cut` tells that some of them are at the bounds of
        the parameters, before the level is reached.
    """
    index = [best.names.index(name) for name in pair]
    # A parameter that is at its bound has no error.
    centre, errors = best.values[index], np.where(best.errors > 0, best.errors, 1.0)[index]
    rho = best.correlation[index[0], index[1]]
    root = np.diag(errors) @ np.array([[1.0, 0.0], [rho, np.sqrt(max(1 - rho**2, 0.0))]])
    bounds = np.array(model.config.suggested_bounds())[index]
    lines: list[dict[str, Any]] = [
        {"level": level, "x": [], "y": [], "cut": False} for level in LEVELS
    ]
    for angle in np.linspace(0, 2 * np.pi, WAYS, endpoint=False):
        way = root @ np.array([np.cos(angle), np.sin(angle)])
        most = _within(centre, way, bounds)
        points = {0.0: 0.0}
        for line in lines:
            height = float(np.sqrt(stats.chi2.ppf(line["level"], 2)))
            distance, tries = min(height, most), 0
            try:
                while tries < TRIES:
                    if distance not in points:
                        held = dict(zip(pair, map(float, centre + distance * way), strict=True))
                        points[distance] = _rise(model, data, best, held)
                    rise, tries = points[distance], tries + 1
                    if abs(rise / height - 1) < CLOSE or (distance == most and rise < height):
                        break
                    distance = min(_crossing(points, height), most)
            except BoostflowError:
                line["x"].append(None)
                line["y"].append(None)
                continue
            x, y = centre + distance * way
            line["x"].append(float(x))
            line["y"].append(float(y))
            line["cut"] |= bool(distance == most)
    return {"pois": list(pair), "contours": lines}


def _rise(model: pyhf.Model, data: NDArray, best: Fit, held: dict[str, float]) -> float:
    """Square root of the rise of -2 ln L with parameters held."""
    near = best
    for name, value in held.items():
        near = near.moved(name, value)
    found = minimise(model, data, held, near)
    return float(np.sqrt(max(found.twice_nll - best.twice_nll, 0.0)))


def _within(centre: NDArray, way: NDArray, bounds: NDArray) -> float:
    """How far one can go before a parameter is at its bound."""
    ends = np.where(way > 0, bounds[:, 1], bounds[:, 0])
    moving = way != 0
    return float(np.min((ends - centre)[moving] / way[moving], initial=np.inf))


def _crossing(points: dict[float, float], height: float) -> float:
    """Where the line through points reaches a height; beyond them it goes on, if it rises."""
    known = sorted(points.items())
    for (x, y), (further, higher) in pairwise(known):
        if higher > y and (higher >= height or further == known[-1][0]):
            return x + (height - y) * (further - x) / (higher - y)
    return np.inf

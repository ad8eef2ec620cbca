"""Quantiles of a score among background jets as a smooth function of the mass and pT.

Counting jets in cells, as maps of cuts are made where simulation is plenty, leaves bumps as wide as
the cells, which a fit takes for peaks. Here few parameters describe each quantile, so what few jets
get wrong is as smooth in the mass as these are:

1. The logit of the score has a mean and a spread that follow the mass (cubic splines) and pT.
2. The parts of the jets above each of `LEVELS` thresholds of what is left are logistic regressions
   in the same variables with half the knots (distribution regression: S. Foresi, F. Peracchi,
   J. Am. Stat. Assoc. 90 (1995) 451).

Jets of the training have lower scores than others, as the model has seen that they are background.
They still tell the shape: in both steps they have an offset and a slope in the mass of their own,
and the map is that of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SMALLEST = 1e-7
"""Scores are kept so far from 0 and 1."""
LEVELS = 1 / (1 + np.exp(-np.linspace(-4, 7, 45)))
"""Parts of the background below the quantiles of the map, 0.018 to 0.9991; between them, and
beyond, the logits of part and score are proportional."""
MASSES, MOMENTA = 60, 5
"""Nodes of the map."""
EDGES = (0.01, 0.99)
"""Quantiles of pT between which the map has nodes."""
UNPENALISED = 5.0
"""Scale of the variables that tell jets of the training, which no penalty is to move."""

Design = Callable[[NDArray, NDArray], NDArray]
"""Variables of a regression, shape (jets, variables), from the logarithm of the mass, and pT."""


class QuantileMap(NamedTuple):
    """Quantiles of the logit of a score on a grid of the mass and pT."""

    mass: NDArray
    """Ascending nodes: logarithms of the mass, or rho; shape (masses,)."""
    pt: NDArray
    """Ascending nodes (GeV), shape (momenta,)."""
    level: NDArray
    """Parts of the background below the quantiles, ascending, shape (levels,)."""
    quantile: NDArray
    """Logits of the score, ascending, shape (masses, momenta, levels)."""

    def below(self, mass: NDArray, pt: NDArray, score: NDArray) -> NDArray[np.float64]:
        """Part of the background jets of the same mass and pT with a lower score, shape (jets,).

        Args:
            mass: as the nodes of the map; outside of them as at the nearest.
            pt: in GeV, the same.
            score: between 0 and 1.
        """
        i, f = _between(self.mass, mass)
        j, g = _between(self.pt, pt)
        q = self.quantile
        quantiles = (
            ((1 - f) * (1 - g))[:, None] * q[i, j]
            + (f * (1 - g))[:, None] * q[i + 1, j]
            + ((1 - f) * g)[:, None] * q[i, j + 1]
            + (f * g)[:, None] * q[i + 1, j + 1]
        )
        x, level = logit(score), logit(self.level)
        k = np.clip((quantiles <= x[:, None]).sum(axis=1) - 1, 0, len(level) - 2)
        row = np.arange(len(x))
        low, high = quantiles[row, k], quantiles[row, k + 1]
        found = level[k] + (x - low) / (high - low) * (level[k + 1] - level[k])
        return 1 / (1 + np.exp(-np.clip(found, -30, 30)))


def logit(score: NDArray) -> NDArray[np.float64]:
    """Logarithm of p / (1 - p), with p kept away from 0 and 1."""
    p = np.clip(np.asarray(score, dtype=np.float64), SMALLEST, 1 - SMALLEST)
    return np.log(p / (1 - p))


def _between(nodes: NDArray, x: NDArray) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The node below each value, and how far the value is on the way to the next."""
    x = np.clip(np.asarray(x, dtype=np.float64), nodes[0], nodes[-1])
    below = np.clip(np.searchsorted(nodes, x, side="right") - 1, 0, len(nodes) - 2)
    return below, (x - nodes[below]) / (nodes[below + 1] - nodes[below])


def fit(
    mass: NDArray,
    pt: NDArray,
    score: NDArray,
    weight: NDArray,
    known: NDArray[np.bool_],
    axis: tuple[float, float],
    knots: int,
) -> QuantileMap:
    """The map of some background jets, each array of shape (jets,).

    Args:
        mass: logarithm of the mass, or rho.
        pt: in GeV.
        score: between 0 and 1.
        weight: positive.
        known: whether the model was trained on a jet.
        axis: range of the map in the mass; jets outside do not count.
        knots: of the splines that the parts above thresholds have; mean and spread have twice as
            many.
    """
    from sklearn.linear_model import LogisticRegression, Ridge
    from threadpoolctl import threadpool_limits

    inside = (mass >= axis[0]) & (mass <= axis[1])
    mass, pt, known, weight = mass[inside], pt[inside], known[inside], weight[inside].copy()
    for part in (known, ~known):  # Splits have weights of their own.
        if part.any():
            weight[part] /= weight[part].mean()
    x = logit(score[inside])
    slowest, fastest = np.quantile(pt, EDGES)
    momenta = np.linspace(slowest, fastest, MOMENTA)
    masses = np.linspace(*axis, MASSES)
    at_mass, at_pt = (a.ravel() for a in np.meshgrid(masses, momenta, indexing="ij"))
    along = np.column_stack([np.ones(len(mass)), (mass - np.mean(axis)) / np.ptp(axis)])
    told = UNPENALISED * known[:, None] * along

    def with_flag(design: Design) -> tuple[NDArray, NDArray]:
        """Variables of the jets, and those of the nodes, where the model knows no jet."""
        nodes = design(at_mass, at_pt)
        jets = np.column_stack([design(mass, pt), told])
        return jets, np.column_stack([nodes, np.zeros((len(nodes), told.shape[1]))])

    # One thread: the sums of a BLAS depend on their number.
    with threadpool_limits(1):
        jets, nodes = with_flag(_design(axis, 2 * knots, momenta))
        mean = Ridge().fit(jets, x, sample_weight=weight)
        left = x - mean.predict(jets)
        floor = 0.05 * np.sqrt(np.average(left**2, weights=weight)) + SMALLEST
        spread = Ridge().fit(jets, np.log(np.abs(left) + floor), sample_weight=weight)
        left = left / np.exp(spread.predict(jets))
        centre, scale = mean.predict(nodes), np.exp(spread.predict(nodes))
        thresholds = _quantiles(left, weight, LEVELS)
        jets, nodes = with_flag(_design(axis, knots, momenta))
        above = np.empty((len(nodes), len(LEVELS)))
        for k, threshold in enumerate(thresholds):
            passing = left >= threshold
            if passing.all():
                above[:, k] = np.inf
                continue
            found = LogisticRegression(solver="newton-cholesky")
            above[:, k] = found.fit(jets, passing, sample_weight=weight).decision_function(nodes)
    quantile = np.stack([_inverted(row, thresholds) for row in above])
    quantile = centre[:, None] + scale[:, None] * quantile
    return QuantileMap(masses, momenta, LEVELS, quantile.reshape(MASSES, MOMENTA, len(LEVELS)))


def _design(axis: tuple[float, float], knots: int, momenta: NDArray) -> Design:
    """Cubic splines of the mass, pT, and its product with the mass."""
    from sklearn.preprocessing import SplineTransformer

    places = np.linspace(*axis, knots)
    splines = SplineTransformer(knots=places[:, None], include_bias=False).fit(places[:, None])
    centre, half = np.mean(axis), np.ptp(axis) / 2
    middle, width = momenta.mean(), max(np.ptp(momenta) / 2, 1e-9)

    def design(mass: NDArray, pt: NDArray) -> NDArray:
        p = np.clip((pt - middle) / width, -1, 1)
        return np.column_stack([splines.transform(mass[:, None]), p, p * (mass - centre) / half])

    return design


def _quantiles(x: NDArray, weight: NDArray, levels: NDArray) -> NDArray:
    """Quantiles of weighted numbers."""
    order = np.argsort(x, kind="stable")
    total = np.cumsum(weight[order]) - weight[order] / 2
    return np.interp(levels, total / weight.sum(), x[order])


def _inverted(above: NDArray, thresholds: NDArray) -> NDArray:
    """Quantiles at `LEVELS` from logits of the parts above thresholds, in one place.

    Regressions of neighbouring thresholds may cross: they are put in order (V. Chernozhukov et al.,
    Econometrica 78 (2010) 1093). Beyond the outermost thresholds the line of the last ones goes on.
    """
    steps = 1e-6 * np.arange(len(LEVELS))
    below = np.sort(-above) + steps
    wanted = logit(LEVELS)
    thresholds = thresholds + steps
    found = np.interp(wanted, below, thresholds)
    for end, other, outside in ((0, 4, wanted < below[0]), (-1, -5, wanted > below[-1])):
        slope = (thresholds[end] - thresholds[other]) / (below[end] - below[other])
        found[outside] = thresholds[end] + slope * (wanted[outside] - below[end])
    return found

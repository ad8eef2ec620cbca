"""Yields of classes in data from the clusters of a model: no label of the data is used.

The events of each cluster are counted in bins of a mass. A cell is one bin of one cluster. With
the expected events T_ki of class k in cell i, from simulation, the data n_i are fitted with one
factor mu_k a class and one parameter theta_s (unit Gaussian) a systematic:

    nu_i = sum_k mu_k T_ki (1 + sum_s theta_s D_ski)

    -2 ln L = sum_i min over l of [2 (l - n_i + n_i ln(n_i / l)) + (l - nu_i)^2 / V_i]
              + sum_s theta_s^2

The true expectation l > 0 of a cell differs from nu_i by the statistical error of the simulation
(Barlow-Beeston as in J. Conway, arXiv:1103.0354; the minimum over l has a closed form):
V_i = sum_k mu_k^2 V_ki + the variance that pseudo-data have beyond Poisson. D_ski is half
the relative difference of up and down at the class' fixed yield: a systematic changes
P(cell | class); the yield is free anyway.

A yield mu_k T_k does not depend on how many events of the class happened to be simulated, which is
independent of where they went: mu_k^2 sum_i V_ki is taken from its variance (never below that of
the data alone).

Empty is not known to be zero: a cell without simulated events of a sample has the variance of one
of its events (mean weight squared), as in the fit of `infer`.

Fractions are f_k = mu_k T_k / sum_j mu_j T_j. They are not bounded: a class that is not there comes
out as 0 within its error.

How well classes can be told apart says the condition number of the matrix T_ki / sqrt(variance of
n_i), whose columns are scaled to length 1: 1 if no two classes share a cell, infinite if the cells
of one class are a mixture of those of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from boostflow.background.minuit import Minimum, minimise
from boostflow.errors import BoostflowError

TINY = 1e-9
KNOWN = 1e-4
"""Smallest variance of an expectation over that of its data: keeps the likelihood smooth at 0."""
SHARE = 0.3
"""Component of a class in the worst direction from which on a message names it."""


@dataclass(frozen=True)
class Cells:
    """What is fitted: K classes, I cells, S systematics."""

    classes: list[str]
    templates: NDArray
    """Expected events, shape (K, I), not negative."""
    variances: NDArray
    """Statistical variances of the templates, shape (K, I)."""
    data: NDArray
    """Counts, shape (I,)."""
    extra: NDArray
    """Variance of the data beyond Poisson, shape (I,)."""
    systematics: dict[str, NDArray]
    """Relative changes of the templates at +1, shape (K, I), by name."""
    clusters: NDArray
    """Cluster of each cell, shape (I,)."""

    def expected(self, mu: NDArray, theta: NDArray) -> NDArray:
        """Expected events in each cell; the factors may make it negative."""
        shape = self.templates
        if len(theta):
            changes = np.tensordot(theta, np.array(list(self.systematics.values())), 1)
            shape = shape * np.maximum(1 + changes, 0)
        return mu @ shape

    def without_template_errors(self) -> Cells:
        """Cells with the same contents and templates that are known exactly: variances of 0."""
        return replace(self, variances=np.zeros_like(self.variances))


def profiled(n: NDArray, nu: NDArray, variance: NDArray) -> NDArray:
    """-2 ln L of each cell with its true expectation at the best value; 0 where n = nu.

    Args:
        n: counts.
        nu: expected events; negative ones are possible where their variance is not 0.
        variance: of nu.
    """
    b = nu - variance
    root = np.sqrt(b**2 + 4 * n * variance)
    # The positive root of l^2 - b l - n V = 0, without cancellation.
    large = root + np.abs(b)
    best = np.where(b > 0, large / 2, 2 * n * variance / np.where(large > 0, large, 1))
    best = np.maximum(best, TINY)
    logs = np.where(n > 0, n * np.log(np.where(n > 0, n, 1) / best), 0.0)
    known = np.where(variance > 0, variance, 1)
    penalty = np.where(variance > 0, (best - nu) ** 2 / known, 0.0)
    return 2 * (best - n + logs) + penalty


def minimum(cells: Cells, held: NDArray | None = None) -> Minimum:
    """Best mu and theta and their covariance.

    Args:
        cells: what is fitted.
        held: values at which theta stays; null if it is fitted.

    Raises:
        BoostflowError: the fit does not converge.
    """
    size, more = len(cells.classes), len(cells.systematics)
    # Least squares give the start, and the unit in which each mu is of order 1 for Minuit.
    weight = 1 / np.sqrt(cells.data + cells.extra + cells.variances.sum(axis=0) + 1)
    scaled = (cells.templates * weight).T
    first = np.linalg.lstsq(scaled, cells.data * weight, rcond=None)[0]
    unit = np.sqrt(np.diag(np.linalg.pinv(scaled.T @ scaled)))

    least = KNOWN * (1 + cells.data)

    def function(pars: NDArray) -> float:
        mu, theta = unit * pars[:size], pars[size:]
        nu = cells.expected(mu, theta)
        variance = np.maximum(mu**2 @ cells.variances + cells.extra, least)
        return float(np.sum(profiled(cells.data, nu, variance)) + np.sum(theta**2))

    theta = np.zeros(more) if held is None else held
    fixed = [] if held is None else range(size, size + more)
    start = np.concatenate([first / unit, theta])
    found = minimise(function, start, "composition", steps=np.ones(size + more), fixed=fixed)
    back = np.concatenate([unit, np.ones(more)])
    return replace(
        found, values=found.values * back, covariance=found.covariance * np.outer(back, back)
    )


def fractions(yields: NDArray, covariance: NDArray) -> tuple[NDArray, NDArray]:
    """Fractions of yields, and their covariance matrix."""
    total = yields.sum()
    part = yields / total
    slope = (np.eye(len(yields)) - part[:, None]) / total
    return part, slope @ covariance @ slope.T


def condition(cells: Cells, by_cluster: bool = False) -> tuple[float, list[str]]:
    """Condition number, and the classes that are hardest to tell apart.

    Args:
        cells: see above; their data are not looked at.
        by_cluster: of the numbers in the clusters alone, without the bins of the mass.
    """
    shape, variance = cells.templates, cells.variances.sum(axis=0) + cells.extra
    if by_cluster:
        merge = (cells.clusters == np.unique(cells.clusters)[:, None]).astype(float)
        shape, variance = shape @ merge.T, variance @ merge.T
    scaled = shape / np.sqrt(np.maximum(shape.sum(axis=0) + variance, TINY))
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    _, sizes, directions = np.linalg.svd((scaled / np.maximum(length, TINY)).T)
    worst = np.abs(directions[-1])
    names = [name for name, part in zip(cells.classes, worst, strict=True) if part > SHARE]
    if len(sizes) < len(cells.classes) or sizes[-1] < 1e-12 * sizes[0]:
        return float("inf"), names
    return float(sizes[0] / sizes[-1]), names


def clusters_alone(condition: float | None, most: float) -> list[str]:
    """A note if the clusters alone, of this condition number, do not tell the classes apart."""
    if condition is not None and condition <= most:
        return []
    return [
        "the clusters alone do not tell the classes apart (condition number"
        f" {'infinite' if condition is None else f'{condition:.3g}'}): the bins of the mass do"
    ]


def fit(cells: Cells, condition_max: float, probability_min: float) -> dict[str, Any]:
    """The composition of the data.

    Args:
        cells: what is fitted.
        condition_max: above this condition number there is no result.
        probability_min: below this goodness of fit there is no result.

    Returns:
        `status` ok or failed, and `reasons` why; `condition` (of cells, and of clusters alone; null
        is infinite); `chi2`, `degrees_of_freedom`, `probability`; `theta` with value and error by
        systematic; `classes`: for each `yield` and `fraction` with `value`, `error` and its parts
        `stat` (data), `simulation` (statistics of the templates), `systematic`: null where the
        status is failed. `correlation` of the fractions.

    Raises:
        BoostflowError: a class has no simulated event, or the fit does not converge.
    """
    for name, row in zip(cells.classes, cells.templates, strict=True):
        if row.sum() <= 0:
            raise BoostflowError(
                f"background.composition.classes.{name}: no simulated event in any cluster"
            )
    if cells.data.sum() <= 0:
        raise BoostflowError("background.composition: no event of the data is in a cluster")
    number, worst = condition(cells)
    alone, _ = condition(cells, by_cluster=True)
    result: dict[str, Any] = {
        "status": "ok",
        "reasons": [],
        "condition": {
            name: value if np.isfinite(value) else None
            for name, value in (("cells", number), ("clusters", alone))
        },
        "classes": dict.fromkeys(cells.classes),
    }
    if len(cells.data) < len(cells.classes):
        return result | {
            "status": "failed",
            "reasons": [
                f"{len(cells.data)} cells of clusters and masses are too few for "
                f"{len(cells.classes)} classes: simulate more events, or raise bin_error_max"
            ],
        }
    if number > condition_max:
        return result | {
            "status": "failed",
            "reasons": [
                f"the clusters and masses of {', '.join(worst)} look alike (condition number "
                f"{number:.3g}, limit {condition_max:g}): put these classes together"
            ],
        }
    best = minimum(cells)
    size = len(cells.classes)
    freedom = len(cells.data) - size
    probability = float(stats.chi2.sf(best.value, freedom)) if freedom > 0 else None
    errors = np.sqrt(np.diag(best.covariance))[size:]
    result |= {
        "chi2": best.value,
        "degrees_of_freedom": freedom,
        "probability": probability,
        "theta": {
            name: {"value": float(value), "error": float(error)}
            for name, value, error in zip(
                cells.systematics, best.values[size:], errors, strict=True
            )
        },
    }
    if probability is not None and probability < probability_min:
        return result | {
            "status": "failed",
            "reasons": [
                f"the classes do not describe the data (probability {probability:.2g}, limit "
                f"{probability_min:g}): a class is missing, or the simulation is wrong"
            ],
        }
    total = cells.templates.sum(axis=1)
    held = best.values[size:]
    parts = {
        "stat": minimum(cells.without_template_errors(), held),
        "known": minimum(cells, held),
        "error": best,
    }
    scale = np.outer(total, total)
    stat = np.diag(parts["stat"].covariance[:size, :size] * scale)
    values = best.values[:size] * total
    number = values**2 * cells.variances.sum(axis=1) / total**2
    spreads: dict[str, tuple[NDArray, NDArray]] = {}
    for name, found in parts.items():
        covariance = found.covariance[:size, :size] * scale
        if name != "stat":
            np.fill_diagonal(covariance, np.maximum(np.diag(covariance) - number, stat))
        part, spread = fractions(values, covariance)
        spreads[name] = (np.diag(covariance), np.maximum(np.diag(spread), 0))
    error = np.sqrt(np.diag(spread))
    result["correlation"] = (spread / np.outer(error, error)).tolist()
    for k, name in enumerate(cells.classes):
        result["classes"][name] = {
            quantity: _parts(
                central[k], *(spreads[x][which][k] for x in ("error", "known", "stat"))
            )
            for which, (quantity, central) in enumerate((("yield", values), ("fraction", part)))
        }
    return result


def _parts(value: float, total: float, known: float, stat: float) -> dict[str, float]:
    """Errors by source, from the variances with all, without theta, and of the data alone."""
    return {
        "value": float(value),
        "error": float(np.sqrt(total)),
        "stat": float(np.sqrt(stat)),
        "simulation": float(np.sqrt(max(known - stat, 0.0))),
        "systematic": float(np.sqrt(max(total - known, 0.0))),
    }


def together(rows: Sequence[NDArray]) -> NDArray:
    """The sum of the templates of some samples, without negative cells."""
    return np.maximum(np.sum(rows, axis=0), 0.0)

"""Tests of hypotheses on mu: discovery significance, its check with toys, CLs limit, scan.

mu stands for the parameter of interest of the model that is given; others are fitted.

Formulas: Cowan, Cranmer, Gross, Vitells, Eur. Phys. J. C 71 (2011) 1554 (arXiv:1007.1727), cited as
EPJC; CLs: A. L. Read, J. Phys. G 28 (2002) 2693.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyhf
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from boostflow.binomial import efficiency_error
from boostflow.errors import BoostflowError
from boostflow.infer.minimum import Fit, minimise
from boostflow.infer.toys import draw
from boostflow.progress import progress

LEVEL = 0.95
"""Confidence level of the upper limit."""
PRECISION = 1e-3
"""Relative precision of a limit."""
REACH = 3.0
"""The scan of the likelihood goes this many errors to both sides."""
CLOSER = 9
"""Points of the scan within the statistical error's reach."""
POINTS = 25
"""Number of points of each scan."""
UNDEFINED = (
    "no observed limit: CLs is 0 / 0, since the data lie far below the expectation even without "
    "signal; check luminosity, cross-sections and the selection"
)
"""What is said of such a limit."""


class Minimiser:
    """`minimise` as an optimiser of pyhf, so that pyhf's tests use our gradient.

    pyhf repeats fits (of the same data, with the same mu) for each hypothesis: they are kept.
    """

    name = "boostflow"

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Fit] = {}

    def minimize(
        self,
        objective: object,
        data: NDArray,
        pdf: pyhf.Model,
        init_pars: Sequence[float],
        par_bounds: Sequence[Sequence[float]],
        fixed_vals: Sequence[tuple[int, float]] | None = None,
        return_fitted_val: bool = False,
        **_: object,
    ) -> Any:
        """The interface of `pyhf.optimize`; `objective` is pyhf's -2 ln L, as is ours."""
        names = pdf.config.par_names
        fixed = {names[index]: float(value) for index, value in fixed_vals or []}
        data = np.asarray(data)
        key = (data.tobytes(), tuple(fixed.items()), tuple(map(tuple, par_bounds)))
        if key not in self._known:
            self._known[key] = minimise(pdf, data, fixed, bounds=par_bounds)
        found = self._known[key]
        return (found.values, np.array(found.twice_nll)) if return_fitted_val else found.values


def significance(model: pyhf.Model, data: NDArray, best: Fit) -> float:
    """Asymptotic discovery significance sqrt(q0) (EPJC eq. 12, 52); 0 for mu below 0."""
    poi = model.config.poi_name
    if best.value(poi) <= 0:
        return 0.0
    background = minimise(model, data, {poi: 0.0})
    return float(np.sqrt(max(background.twice_nll - best.twice_nll, 0.0)))


def asimov_data(model: pyhf.Model, data: NDArray, mu: float) -> NDArray:
    """Expectation for a value of mu, other parameters as fitted to data with that mu."""
    return np.asarray(
        model.expected_data(minimise(model, data, {model.config.poi_name: mu}).values)
    )


def discovery(
    model: pyhf.Model, data: NDArray, best: Fit, blind: bool, toys: int, seed: int
) -> dict[str, Any]:
    """Significance of the signal against mu = 0.

    Args:
        model: of the workspace.
        data: observations and auxiliary data.
        best: fit to them.
        blind: data are Asimov data, so that nothing is observed.
        toys: number of toys that check the asymptotic formula; 0 for none.
        seed: of the toys.

    Returns:
        `expected` (median for mu = 1, from Asimov data: EPJC section 4.2) and, unless blind,
        `observed`; `p_expected`, `p_observed`; with toys also `toys` (see `check_with_toys`).
    """
    signal = data if blind else asimov_data(model, data, 1.0)
    expected = significance(model, signal, best if blind else minimise(model, signal, near=best))
    result: dict[str, Any] = {"expected": expected, "p_expected": float(stats.norm.sf(expected))}
    tested = expected
    if not blind:
        tested = significance(model, data, best)
        result |= {"observed": tested, "p_observed": float(stats.norm.sf(tested))}
    if toys:
        result["toys"] = check_with_toys(model, data, tested, toys, seed)
    return result


def check_with_toys(
    model: pyhf.Model, data: NDArray, tested: float, number: int, seed: int
) -> dict[str, Any]:
    """Discovery significance from toys instead of asymptotic formulas.

    Nuisance parameters of the toys are those fitted to data with the same mu; bins and auxiliary
    data are drawn anew in each toy.

    Args:
        model: of the workspace.
        data: observations and auxiliary data.
        tested: significance (sqrt q0) whose p-value is wanted.
        number: of toys for mu = 0 and again for mu = 1.
        seed: of the toys.

    Returns:
        `number`; `p_value` with `p_error` (binomial) and its `significance`, where no toy is as
        extreme as `tested` instead `p_value_below` (95 % CL) and `significance_above`; `expected`,
        the median sqrt(q0) of toys with mu = 1; `failed`, fits that did not converge (left out).
    """
    rng = np.random.default_rng(seed)
    found: dict[float, NDArray] = {}
    failed = 0
    for mu in (0.0, 1.0):
        truth = minimise(model, data, {model.config.poi_name: mu})
        values = []
        toys = draw(model, truth.values, number, rng)
        for toy in progress(toys, f"toys with mu = {mu:g}", number, "toys"):
            try:
                values.append(significance(model, toy, minimise(model, toy, near=truth)))
            except BoostflowError:
                failed += 1
        found[mu] = np.array(values)
    if not all(len(values) for values in found.values()):
        raise BoostflowError(f"infer.toys: no fit of {number} toys converged")
    background = found[0.0]
    size, above = len(background), int((background >= tested).sum())
    result: dict[str, Any] = {"number": number, "expected": float(np.median(found[1.0]))}
    if above:
        p = above / size
        result |= {
            "p_value": p,
            "p_error": float(efficiency_error(above, size)),
            # All toys are at least as extreme as q0 = 0, where the asymptotic formula has 0, too.
            "significance": max(float(stats.norm.isf(p)), 0.0),
        }
    else:
        p = 1 - 0.05 ** (1 / size)
        result |= {"p_value_below": p, "significance_above": float(stats.norm.isf(p))}
    return result | {"failed": failed}


def limit(model: pyhf.Model, data: NDArray, best: Fit, blind: bool) -> dict[str, Any]:
    """Upper limit on mu: CLs with q~mu and its asymptotic distributions (EPJC eq. 16, 62 to 67).

    Blind, data are the expectation for mu = 0 before the fit, and there is no observed limit. Else
    the expected band holds for mu = 0 with the other parameters as fitted to data.

    Returns:
        `level`; `expected`: limits at -2, -1, 0, 1, 2 sigma; `observed` unless blind; null where
        it is beyond the range of mu, or undefined, as `note` then says. `scan`: `mu`, with the CLs
        values of each `expected` limit and of `observed`, null where they are 0 / 0.
    """
    bounds = [list(pair) for pair in model.config.suggested_bounds()]
    poi = model.config.poi_index
    most = bounds[poi][1]
    bounds[poi] = [0.0, most]
    nominal = np.array(model.config.suggested_init())
    # The size of mu's error; at a bound that of the best fit says nothing.
    error = float(minimise(model, np.asarray(model.expected_data(nominal))).errors[poi])
    if blind:
        nominal[poi] = 0.0
        data = np.asarray(model.expected_data(nominal))
    known: dict[float, NDArray] = {}

    def cls(mu: float) -> NDArray:
        """Observed CLs and the five expected ones."""
        if mu not in known:
            # 0 / 0 where data lie so far below the expectation that it is out of double precision.
            with np.errstate(invalid="ignore"):
                observed, expected = pyhf.infer.hypotest(
                    mu, data, model, test_stat="qtilde", return_expected_set=True, par_bounds=bounds
                )
            known[mu] = np.array([observed, *expected], dtype=float)
        return known[mu]

    first = 1 if blind else 0
    high = min((0.0 if blind else max(float(best.values[poi]), 0.0)) + 4 * error, most)
    pyhf.set_backend("numpy", Minimiser())
    try:
        while np.nanmax(cls(high)[first:]) > 1 - LEVEL and high < most:
            high = min(1.5 * high, most)
        points = np.linspace(1e-3 * high, high, POINTS)  # CLs is 1 at mu = 0
        for mu in progress(points, "limit", len(points), "hypotheses"):
            cls(float(mu))
        limits = [_crossing(cls, known, i) for i in range(first, 6)]
        # The expected band may be narrow beside the observed limit.
        end = min(1.3 * max([x for x in limits[-5:] if x is not None], default=high), high)
        for mu in np.linspace(0, end, POINTS)[1:]:
            cls(float(mu))
    finally:
        pyhf.set_backend("numpy")
    result: dict[str, Any] = {"level": LEVEL, "expected": limits[-5:]}
    scanned = sorted(known)
    observed, *expected = (
        [x if np.isfinite(x) else None for x in map(float, values)]
        for values in np.array([known[mu] for mu in scanned]).T
    )
    table: dict[str, Any] = {"mu": scanned, "expected": expected}
    if not blind:
        result["observed"], table["observed"] = limits[0], observed
        if limits[0] is None and None in observed:
            result["note"] = UNDEFINED
    return result | {"scan": table}


def _crossing(
    cls: Callable[[float], NDArray], known: Mapping[float, NDArray], i: int
) -> float | None:
    """Where the `i`th CLs falls below 1 - `LEVEL`, between points that are known already."""
    points = sorted(known)
    above = [mu for mu in points if known[mu][i] > 1 - LEVEL]
    below = [mu for mu in points if known[mu][i] <= 1 - LEVEL]
    if not below or not above:
        return None
    ends = max(above), min(below)
    return float(brentq(lambda mu: cls(mu)[i] - (1 - LEVEL), *ends, xtol=PRECISION * ends[1]))


def scan(
    model: pyhf.Model,
    data: NDArray,
    best: Fit,
    parts: Mapping[str, Mapping[str, float]],
    frozen: Mapping[str, float],
) -> dict[str, list[float | None]]:
    """Rise of -2 ln L with mu: profiled, and with nuisance parameters at their best values.

    Points lie over the `total` interval of the breakdown and, closer, over that of `stat`.

    Args:
        model: of the workspace.
        data: observations and auxiliary data.
        best: fit to them.
        parts: the breakdown.
        frozen: best values of the parameters that `stat` holds.

    Returns:
        `mu`, `total` and `stat`; null where a fit does not converge.
    """
    poi = model.config.poi_name
    i = best.names.index(poi)
    low, high = model.config.suggested_bounds()[i]
    value = best.values[i]

    def over(part: Mapping[str, float], number: int) -> NDArray:
        reach = (value - REACH * part["down"], value + REACH * part["up"])
        return np.linspace(*np.clip(reach, low, high), number)

    points = over(parts["total"], POINTS)
    if parts["stat"]["up"] and parts["stat"]["down"]:
        points = np.unique(np.concatenate([points, over(parts["stat"], CLOSER)]))

    def rise(fixed: Mapping[str, float], mu: float) -> float | None:
        try:
            found = minimise(model, data, {**fixed, poi: mu}, best.moved(poi, mu))
        except BoostflowError:
            return None
        return found.twice_nll - best.twice_nll

    return {
        "mu": points.tolist(),
        "total": [rise(best.held, float(mu)) for mu in points],
        "stat": [rise(frozen, float(mu)) for mu in points],
    }

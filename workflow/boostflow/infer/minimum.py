"""Minima of a workspace's likelihood with pyhf, and the interval of mu around one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import iminuit
import numpy as np
import pyhf
from numpy.typing import NDArray
from scipy.optimize import brentq

from boostflow.errors import BoostflowError
from boostflow.infer import newton
from boostflow.infer.expectation import SETTINGS
from boostflow.infer.likelihood import Likelihood

log = logging.getLogger(__name__)

TOLERANCE = 0.01
"""Tolerance of Minuit: the estimated distance to the minimum of -2 ln L is below 0.002 times
this."""
PRECISION = 1e-9
"""Relative precision of the likelihood. Its terms n ln(lambda) are 10^5 times larger than their
sum, so it has fewer digits than Minuit assumes, whose Hessian is then not positive definite."""
AT_BOUND = 1e-3
"""A parameter this close to its bound has ended there."""
REPEATS = 3
"""How often Migrad is run again, where Hesse finds the minimum further away than Migrad thought."""
CROSSING = 1e-4
"""Relative precision of the ends of an interval."""
FAR = 10.0
"""Counts as the square root of the rise of -2 ln L where a fit does not converge because mu is
absurdly far out."""
STEP = 0.05
"""Largest size of the rise just below the end of an interval: a larger one is a step, no
crossing."""
CLIP = 1e-9
"""Smallest expectation in a bin: keeps the likelihood defined while Minuit explores."""
SUSPICIOUS = 0.5
"""Relative effect of a systematic on a bin above which a failed fit names it."""


def open_workspace(spec: Mapping[str, Any]) -> tuple[pyhf.Model, NDArray]:
    """Model and data (observations and auxiliary data) of a workspace.

    The model's parameter of interest is that of the first measurement.

    Raises:
        BoostflowError: the workspace is not valid HistFactory JSON.
    """
    pyhf.set_backend("numpy")
    try:
        workspace = pyhf.Workspace(spec)
        model = workspace.model(
            measurement_name=spec["measurements"][0]["name"],
            modifier_settings=SETTINGS,
            clip_bin_data=CLIP,
        )
    except (pyhf.exceptions.InvalidSpecification, pyhf.exceptions.InvalidModel) as error:
        raise BoostflowError(f"workspace: {str(error).splitlines()[0]}") from None
    return model, np.asarray(workspace.data(model))


@contextmanager
def interest_in(model: pyhf.Model, poi: str) -> Iterator[None]:
    """Another parameter of interest for a while; the others are nuisance parameters then.

    Args:
        model: of a workspace.
        poi: name of one of its parameters.
    """
    before = model.config.poi_name
    model.config.set_poi(poi)
    try:
        yield
    finally:
        model.config.set_poi(before)


@dataclass(frozen=True)
class Fit:
    """A minimum: one entry per model parameter, in the order of `names`."""

    names: list[str]
    values: NDArray
    errors: NDArray
    """Errors from the Hessian; 0 for fixed parameters."""
    correlation: NDArray
    twice_nll: float
    held: Mapping[str, float]
    """Values of the parameters that the fit was told to hold."""

    def value(self, name: str) -> float:
        """Fitted value of a parameter."""
        return float(self.values[self.names.index(name)])

    def moved(self, name: str, value: float) -> Fit:
        """Minimum with one parameter elsewhere, where the Gaussian approximation expects it."""
        i = self.names.index(name)
        slope = self.correlation[i] * self.errors / (self.errors[i] or np.inf)
        return replace(self, values=self.values + slope * (value - self.values[i]))


def minimise(
    model: pyhf.Model,
    data: NDArray,
    fixed: Mapping[str, float] | None = None,
    near: Fit | None = None,
    bounds: Sequence[Sequence[float]] | None = None,
) -> Fit:
    """Maximum-likelihood fit: Newton's method, and Migrad with ever more care where that fails.

    Args:
        model: of a workspace.
        data: observations and auxiliary data.
        fixed: values of parameters (as in `model.config.par_names`) that are held.
        near: a fit to take start values and step sizes from; null for the model's.
        bounds: of the parameters; null for the model's.

    Raises:
        BoostflowError: there is no valid minimum.
    """
    names = model.config.par_names
    held = dict(fixed or {})
    likelihood = Likelihood(model, data)
    limits = np.array(bounds if bounds is not None else model.config.suggested_bounds())
    values = np.asarray(near.values if near else model.config.suggested_init(), dtype=float)
    values = np.clip(values, *limits.T)
    steps = near.errors if near else 0.1 * prefit_errors(model)
    for name, value in held.items():
        values[names.index(name)] = value
    fixed_by_model = np.array(model.config.suggested_fixed())
    free = np.flatnonzero(~fixed_by_model & ~np.isin(names, list(held)))

    def whole(part: NDArray) -> NDArray:
        pars = values.copy()
        pars[free] = part
        return pars

    errors, correlation = np.zeros(len(names)), np.eye(len(names))
    usable = np.isfinite(likelihood.value(values))
    found = None
    if len(free) and usable:
        found = newton.minimum(
            lambda part: likelihood.value(whole(part)),
            lambda part: likelihood.gradient(whole(part))[free],
            lambda part: likelihood.hessian(whole(part))[np.ix_(free, free)],
            values[free],
            limits[free],
        )
    if found is not None:
        values = whole(found.at)
        errors[free], correlation[np.ix_(free, free)] = _errors(found)
    elif len(free) and usable:
        for strategy in (0, 1, 2):
            minuit = _minuit(likelihood, whole, values[free], free)
            minuit.errordef = iminuit.Minuit.LEAST_SQUARES
            minuit.limits = limits[free]
            minuit.errors = [step or 0.1 for step in steps[free]]
            minuit.tol = TOLERANCE
            minuit.precision = PRECISION
            minuit.strategy = strategy
            for _ in range(REPEATS):
                minuit.migrad()
                # Of a profile the minimum counts, not its errors, which take most of the time here.
                if not minuit.valid or (held and strategy == 0):
                    break
                # It measures the distance to the minimum again, which may be too far then.
                minuit.hesse()
                if minuit.valid:
                    break
            if minuit.valid:
                break
        values = whole(np.array(minuit.values))
        if minuit.valid and minuit.covariance is not None:
            errors[free] = minuit.errors
            correlation[np.ix_(free, free)] = minuit.covariance.correlation()
    twice_nll = likelihood.value(values)
    if not np.isfinite(twice_nll) or (len(free) and found is None and not minuit.valid):
        raise BoostflowError(_failure(model, data, held, limits, values, free, twice_nll))
    return Fit(names, values, errors, correlation, twice_nll, held)


def _errors(found: newton.Minimum) -> tuple[NDArray, NDArray]:
    """Errors of -2 ln L's parameters and their correlation, from its second derivatives.

    A parameter at its bound is correlated with none, and its error is the distance at which -2 ln L
    has risen by 1: by its slope, which is not 0 there, and its curvature.
    """
    ended = found.at_bound
    covariance = np.zeros_like(found.hessian)
    inside = np.ix_(~ended, ~ended)
    covariance[inside] = 2 * np.linalg.inv(found.hessian[inside])
    slope, bend = np.abs(found.gradient[ended]), np.maximum(np.diag(found.hessian)[ended], 0.0)
    # The root of slope x + bend x^2 / 2 = 1, in the form that holds for no bend, too.
    reach = 2 / (slope + np.sqrt(slope**2 + 2 * bend))
    covariance[ended, ended] = reach**2
    errors = np.sqrt(np.diag(covariance))
    return errors, covariance / np.outer(errors, errors)


def _minuit(
    likelihood: Likelihood, whole: Callable[[NDArray], NDArray], start: NDArray, free: NDArray
) -> iminuit.Minuit:
    """Minuit with the free parameters alone."""
    return iminuit.Minuit(
        lambda part: likelihood.value(whole(part)),
        start,
        grad=lambda part: likelihood.gradient(whole(part))[free],
        name=[likelihood.model.config.par_names[i] for i in free],
    )


def _failure(
    model: pyhf.Model,
    data: NDArray,
    held: Mapping[str, float],
    limits: NDArray,
    values: NDArray,
    free: NDArray,
    twice_nll: float,
) -> str:
    """What is known about a fit without a minimum: what was held, where it ended, what is odd."""
    names = list(held)
    what = f" with {', '.join(f'{name} = {held[name]:.4g}' for name in names[:3])}" if names else ""
    what += f" and {len(names) - 3} other parameters" if len(names) > 3 else ""
    what += " fixed" if names else ""
    odd = suspicious(model)
    if not np.isfinite(data).all():
        odd.insert(0, "the data, which are not finite")
    ends = np.abs(limits[free] - values[free, None]).min(axis=1) < AT_BOUND
    at_bound = [model.config.par_names[i] for i in free[ends]]
    where = f"; at its bound: {', '.join(at_bound[:5])}" if at_bound else ""
    return (
        f"the fit{what} did not converge (-2 ln L = {twice_nll:.6g}{where}); look at "
        f"{'; '.join(odd[:3]) or 'the data: no template stands out'}"
    )


def suspicious(model: pyhf.Model) -> list[str]:
    """Templates that may keep a fit from converging, worst first: empty bins, large effects."""
    found: list[tuple[float, str]] = []
    for channel in model.spec["channels"]:
        for sample in channel["samples"]:
            where = f"template {channel['name']}/{sample['name']}"
            nominal = np.asarray(sample["data"], dtype=float)
            bad = ~np.isfinite(nominal)
            if bad.any():
                found.append((np.inf, f"{where}: {bad.sum()} bins are not finite"))
            for modifier in sample["modifiers"]:
                effect = _effect(modifier, nominal)
                if effect.size and not np.nanmax(effect) <= SUSPICIOUS:
                    worst = int(np.nanargmax(np.where(np.isfinite(effect), effect, np.inf)))
                    found.append(
                        (
                            float(effect[worst]),
                            f"{where}: {modifier['name']} changes bin {worst + 1} by "
                            f"{100 * effect[worst]:.3g} % ({nominal[worst]:.3g} events)",
                        )
                    )
    return [text for _, text in sorted(found, key=lambda entry: -np.nan_to_num(entry[0], nan=1e9))]


def _effect(modifier: Mapping[str, Any], nominal: NDArray) -> NDArray:
    """Largest relative change of each bin by one modifier; empty for free normalisations."""
    data = modifier["data"]
    if modifier["type"] == "normsys":
        return np.full(len(nominal), max(abs(data["hi"] - 1), abs(data["lo"] - 1)))
    if modifier["type"] == "histosys":
        both = np.array([data["hi_data"], data["lo_data"]])
        return np.abs(both - nominal).max(axis=0) / np.maximum(np.abs(nominal), CLIP)
    return np.zeros(0)


def interval(
    model: pyhf.Model, data: NDArray, fit: Fit, parameter: str | None = None
) -> dict[str, Any]:
    """68 % interval of a parameter: where the profile likelihood ratio has risen by 1 (MINOS).

    F. James, MINUIT (CERN D506), section 7.3; EPJC 71 (2011) 1554, eq. 7.

    Args:
        model: of a workspace.
        data: observations and auxiliary data.
        fit: to them.
        parameter: its name; null for the model's parameter of interest.

    Returns:
        `up` and `down` > 0, and their mean `error`. A side on which -2 ln L does not rise so far
        within the parameter's bounds, or before fits stop converging, ends there and is listed in
        `at_limit`: it is at least so long.
    """
    result: dict[str, Any] = {}
    at_limit = []
    for side, sign in (("up", 1), ("down", -1)):
        result[side], inside = _crossing(model, data, fit, sign, parameter or model.config.poi_name)
        if not inside:
            at_limit.append(side)
    result["error"] = (result["up"] + result["down"]) / 2
    return result | ({"at_limit": at_limit} if at_limit else {})


def _crossing(
    model: pyhf.Model, data: NDArray, fit: Fit, sign: int, name: str
) -> tuple[float, bool]:
    """Distance from the best value to where -2 ln L has risen by 1, or to where it ends (false)."""
    i = fit.names.index(name)
    bound = model.config.suggested_bounds()[i][sign > 0]
    most = abs(bound - fit.values[i])

    def rise(distance: float) -> float:
        """sqrt(rise) - 1, which is nearly a straight line."""
        at = float(fit.values[i] + sign * distance)
        try:
            found = minimise(model, data, {**fit.held, name: at}, fit.moved(name, at))
        except BoostflowError:
            return FAR
        return np.sqrt(max(found.twice_nll - fit.twice_nll, 0.0)) - 1

    if most <= 0:
        return 0.0, False
    low, high = 0.0, min(1.2 * fit.errors[i] or 1.0, most)
    while rise(high) < 0:
        if high == most:
            return float(most), False
        low, high = high, min(2 * high, most)
    found = float(brentq(rise, low, high, xtol=CROSSING * high, rtol=CROSSING))
    # Where fits stop converging there is a step and no crossing.
    if rise((1 - 10 * CROSSING) * found) < -STEP:
        at = fit.values[i] + sign * found
        text = "-2 ln L has not risen by 1 at %s = %.4g; fits beyond do not converge"
        log.warning(text, name, at)
        return found, False
    return found, True


def prefit_errors(model: pyhf.Model) -> NDArray:
    """Errors of the constraint terms; 0 for parameters without one."""
    errors: list[float] = []
    for name in model.config.par_order:
        block = model.config.param_set(name)
        errors += block.width() if block.constrained else [0.0] * block.n_parameters
    return np.array(errors)

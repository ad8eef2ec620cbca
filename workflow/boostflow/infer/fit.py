"""Fits of a workspace with pyhf and Minuit: signal strength, significance, impacts, breakdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import iminuit
import numpy as np
import pyhf
from numpy.typing import NDArray
from scipy.optimize import brentq

from boostflow.background import enter
from boostflow.config.systematics import AnySystematic, Group, by_parameter
from boostflow.errors import BoostflowError
from boostflow.progress import progress

TOLERANCE = 0.01
"""Of Minuit: the estimated distance to the minimum of -2 ln L is below 0.002 times this."""
PRECISION = 1e-9
"""Relative precision of the likelihood. Its terms n ln(lambda) are 10^5 times larger than their
sum, so it has fewer digits than Minuit assumes, whose Hessian is then not positive definite."""
MINOS_CALLS = 1000
"""MINOS needs some hundred calls of the likelihood; where it needs more, it mostly gets lost."""
FAR = 100.0
"""Counts as the rise of -2 ln L where a fit does not converge because mu is absurdly far out."""
CONTROL_GROUP = "exp"
"""Where the scale factors of control regions are counted."""
CLIP = 1e-9
"""Smallest expectation in a bin: keeps the likelihood defined while Minuit explores."""
MC_STAT_GROUP = "model"
"""Where the statistical uncertainty of the templates is counted."""
SETTINGS = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
"""Interpolation between up and down: smooth at 0 (as ROOT's HistFactory and cabinetry)."""


def open_workspace(spec: Mapping[str, Any]) -> tuple[pyhf.Model, NDArray]:
    """Model and data (observations and auxiliary data) of a workspace.

    Raises:
        BoostflowError: the workspace is not valid HistFactory JSON.
    """
    pyhf.set_backend("numpy")
    try:
        workspace = pyhf.Workspace(spec)
        model = workspace.model(
            measurement_name="boostflow", modifier_settings=SETTINGS, clip_bin_data=CLIP
        )
    except (pyhf.exceptions.InvalidSpecification, pyhf.exceptions.InvalidModel) as error:
        raise BoostflowError(f"workspace: {str(error).splitlines()[0]}") from None
    return model, np.asarray(workspace.data(model))


@dataclass(frozen=True)
class Fit:
    """A minimum: one entry per model parameter, in the order of `names`."""

    names: list[str]
    values: NDArray
    errors: NDArray
    """From the Hessian; 0 for fixed parameters."""
    correlation: NDArray
    twice_nll: float
    minuit: Any

    def value(self, name: str) -> float:
        """Fitted value of a parameter."""
        return float(self.values[self.names.index(name)])


def minimise(
    model: pyhf.Model,
    data: NDArray,
    fixed: Mapping[str, float] | None = None,
    near: Fit | None = None,
    errors: bool = True,
) -> Fit:
    """Maximum-likelihood fit: Migrad, once more with more care where it does not converge.

    Args:
        model: with parameter of interest mu.
        data: observations and auxiliary data.
        fixed: values of parameters (as in `model.config.par_names`) that are held.
        near: a fit to take start values and step sizes from; null for the model's.
        errors: also compute the Hessian; without it `errors` and `correlation` are rough.

    Raises:
        BoostflowError: Minuit found no valid minimum.
    """
    names = model.config.par_names

    def objective(pars: NDArray) -> float:
        return float(pyhf.infer.mle.twice_nll(pars, data, model)[0])

    minuit = iminuit.Minuit(
        objective,
        np.asarray(near.values if near else model.config.suggested_init(), dtype=float),
        name=names,
    )
    minuit.errordef = iminuit.Minuit.LEAST_SQUARES
    minuit.limits = model.config.suggested_bounds()
    steps = near.errors if near else 0.1 * prefit_errors(model)
    minuit.errors = [step or 0.1 for step in steps]
    minuit.tol = TOLERANCE
    minuit.precision = PRECISION
    held = np.array(model.config.suggested_fixed())
    for name, value in (fixed or {}).items():
        minuit.values[name] = value
        held[names.index(name)] = True
    minuit.fixed = held
    if not held.all():
        for strategy in (1 if errors else 0, 2):
            minuit.strategy = strategy
            minuit.migrad()
            if minuit.valid:
                break
        if errors and minuit.valid:
            minuit.hesse()
    value = objective(np.array(minuit.values))
    if not (minuit.valid or held.all()) or not np.isfinite(value):
        raise BoostflowError(
            f"the fit{_held(fixed)} did not converge (-2 ln L = {value:.6g} after "
            f"{minuit.nfcn} calls of Minuit); look at the templates for empty "
            "bins and for systematic effects above 100 %"
        )
    known = minuit.covariance
    correlation = np.eye(len(names)) if known is None else np.array(known.correlation())
    step = np.where(held, 0.0, np.array(minuit.errors))
    return Fit(names, np.array(minuit.values), step, correlation, value, minuit)


def _held(fixed: Mapping[str, float] | None) -> str:
    return f" with {', '.join(fixed)} fixed" if fixed and len(fixed) < 4 else ""


def interval(model: pyhf.Model, data: NDArray, fit: Fit) -> dict[str, Any]:
    """68 % interval of mu from the profile likelihood: `up`, `down` > 0, and their mean `error`.

    MINOS; where it fails, the crossing of -2 ln L = minimum + 1 by root finding (to 1 %). A side on
    which it does not rise so far within the bounds of mu ends there and is listed in `at_limit`.
    """
    fit.minuit.minos("mu", ncall=MINOS_CALLS)
    merror = fit.minuit.merrors["mu"]
    result: dict[str, Any] = {}
    at_limit = []
    for side, sign in (("up", 1), ("down", -1)):
        edge, way = (merror.upper, "upper") if sign > 0 else (-merror.lower, "lower")
        if not getattr(merror, f"{way}_valid") or getattr(merror, f"at_{way}_limit"):
            edge, inside = _crossing(model, data, fit, sign)
            if not inside:
                at_limit.append(side)
        result[side] = float(edge)
    result["error"] = (result["up"] + result["down"]) / 2
    return result | ({"at_limit": at_limit} if at_limit else {})


def _crossing(model: pyhf.Model, data: NDArray, fit: Fit, sign: int) -> tuple[float, bool]:
    """Distance from the best mu to where -2 ln L has risen by 1, or to the bound (false)."""
    i = fit.names.index("mu")
    bound = model.config.suggested_bounds()[i][sign > 0]
    most = abs(bound - fit.values[i])
    held = {
        name: float(value)
        for name, value, fixed in zip(fit.names, fit.values, fit.minuit.fixed, strict=True)
        if fixed
    }

    near = fit

    def rise(distance: float) -> float:
        nonlocal near
        fixed = held | {"mu": float(fit.values[i] + sign * distance)}
        try:
            found = minimise(model, data, fixed, near, errors=False)
        except BoostflowError:
            return FAR
        near = replace(fit, values=found.values)
        return found.twice_nll - fit.twice_nll - 1

    low, high = 0.0, min(2 * fit.errors[i] or 1.0, most)
    while rise(high) < 0:
        if high == most:
            return float(most), False
        low, high = high, min(2 * high, most)
    return float(brentq(rise, low, high, xtol=0.01 * high, rtol=0.01)), True


def group_of(parameter: str, systematics: Mapping[str, AnySystematic]) -> str | None:
    """Group of a parameter: its systematics', those above for others, null for mu."""
    if parameter.startswith("staterror_"):
        return MC_STAT_GROUP
    if parameter.startswith(enter.PREFIX):
        return CONTROL_GROUP
    names = by_parameter(systematics).get(parameter)
    return systematics[names[0]].group if names else None


def breakdown(
    model: pyhf.Model, data: NDArray, best: Fit, systematics: Mapping[str, AnySystematic]
) -> dict[str, Any]:
    """Uncertainty of mu by groups.

    Groups are frozen at their best-fit values one after the other, each in addition to those before
    (in the order of `config.models.Group`); a group's part is the quadratic difference of the
    total errors before and after, and what is left with all frozen is `stat`. The parts add up
    in quadrature to the total by construction, but depend on the order. MC statistics belong to
    `MC_STAT_GROUP`.

    Returns:
        `order`, `total`, `stat` and each group; parts have `up`, `down` and `error`.
    """
    total = interval(model, data, best)
    result: dict[str, Any] = {"order": list(get_args(Group)), "total": total}
    before, fixed = total, {}
    for group in result["order"]:
        mine = [name for name in best.names if group_of(name, systematics) == group]
        after = before
        if mine:
            fixed |= {name: best.value(name) for name in mine}
            after = interval(model, data, minimise(model, data, fixed, best))
        result[group] = {
            side: float(np.sqrt(max(before[side] ** 2 - after[side] ** 2, 0.0)))
            for side in ("up", "down", "error")
        }
        before = after
    result["stat"] = {side: before[side] for side in ("up", "down", "error")}
    return result


def impacts(
    model: pyhf.Model, data: NDArray, best: Fit, systematics: Mapping[str, AnySystematic]
) -> list[dict[str, Any]]:
    """Shift of mu when a parameter is held at its best-fit value plus and minus its post-fit error.

    One entry per constrained nuisance parameter with `name`, `group`, `value`, `error`, `pull`
    (distance from the nominal value in pre-fit errors), `constraint` (post-fit over pre-fit error),
    `up` and `down`; largest impact first. Impacts do not add up in quadrature to the total.
    """
    prefit = prefit_errors(model)
    central = dict(zip(best.names, model.config.suggested_init(), strict=True))
    mu = best.value("mu")
    free = [
        (name, i)
        for i, name in enumerate(best.names)
        if prefit[i] > 0 and not model.config.suggested_fixed()[i]
    ]
    result = []
    for name, i in progress(free, "impacts", len(free), "parameters"):
        value, error = best.values[i], best.errors[i]
        shift = {}
        for side, sign in (("up", 1), ("down", -1)):
            low, high = model.config.suggested_bounds()[i]
            moved = float(np.clip(value + sign * error, low, high))
            # Start where the Gaussian approximation expects the minimum.
            start = best.values + best.correlation[i] * best.errors * (moved - value) / error
            start = np.clip(start, *np.transpose(model.config.suggested_bounds()))
            near = replace(best, values=start)
            shift[side] = minimise(model, data, {name: moved}, near, errors=False).value("mu") - mu
        result.append(
            {
                "name": name,
                "group": group_of(name, systematics),
                "value": float(value),
                "error": float(error),
                "pull": float((value - central[name]) / prefit[i]),
                "constraint": float(error / prefit[i]),
                **shift,
            }
        )
    return sorted(result, key=lambda entry: -max(abs(entry["up"]), abs(entry["down"])))


def prefit_errors(model: pyhf.Model) -> NDArray:
    """Errors of the constraint terms; 0 for parameters without one."""
    errors: list[float] = []
    for name in model.config.par_order:
        parameter = model.config.param_set(name)
        errors += parameter.width() if parameter.constrained else [0.0] * parameter.n_parameters
    return np.asarray(errors)


def significance(model: pyhf.Model, data: NDArray, best: Fit) -> float:
    """Asymptotic discovery significance sqrt(q0) (Eur. Phys. J. C 71 (2011) 1554, eq. 12, 52).

    With Asimov data (mu = 1) it is the median expected one.
    """
    if best.value("mu") <= 0:
        return 0.0
    background = minimise(model, data, {"mu": 0.0}, errors=False)
    return float(np.sqrt(max(background.twice_nll - best.twice_nll, 0.0)))


def text(mu: float, parts: Mapping[str, Any]) -> str:
    """`mu = 1.00 ± 0.10 (stat) ± 0.05 (exp) ± 0.03 (model)`."""
    names = ["stat", *parts["order"]]
    smallest = min(parts["total"]["error"], 1.0)
    digits = max(2, int(np.ceil(-np.log10(max(smallest, 1e-9)))) + 1)
    return f"mu = {mu:.{digits}f} " + " ".join(
        f"± {parts[name]['error']:.{digits}f} ({name})" for name in names
    )


def run(spec: Mapping[str, Any], systematics: Mapping[str, AnySystematic]) -> dict[str, Any]:
    """Fit a workspace to its observations: everything that goes into fit.json but the notes.

    Raises:
        BoostflowError: a fit does not converge.
    """
    model, data = open_workspace(spec)
    best = minimise(model, data)
    parts = breakdown(model, data, best, systematics)
    mu = best.value("mu")
    return {
        "mu": {"value": mu} | parts["total"],
        "text": text(mu, parts),
        "breakdown": parts,
        "significance": {"value": significance(model, data, best), "expected": True},
        "data": "asimov",
        "twice_nll": best.twice_nll,
        "parameters": impacts(model, data, best, systematics),
    }

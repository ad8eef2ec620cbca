"""What a workspace says about the signal strength: value, errors and their sources, limit."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any, get_args

import numpy as np
import pyhf
from numpy.typing import NDArray

from boostflow.config.statistics import Infer
from boostflow.config.systematics import AnySystematic, Group, by_parameter, nuisances
from boostflow.errors import BoostflowError
from boostflow.infer import enter, hypotests, mcstat, transfer
from boostflow.infer.minimum import Fit, interval, minimise, open_workspace, prefit_errors
from boostflow.progress import progress

log = logging.getLogger(__name__)

CONTROL_GROUP = "exp"
"""Group in which the scale factors of control regions are counted."""
MC_STAT_GROUP = "model"
"""Group in which the statistical uncertainty of the templates is counted."""


def group_of(parameter: str, systematics: Mapping[str, AnySystematic]) -> str | None:
    """Group of a parameter: its systematics', those above for others, null for mu."""
    if parameter.startswith(mcstat.PREFIX):
        return MC_STAT_GROUP
    if parameter.startswith(enter.PREFIX):
        return CONTROL_GROUP
    declared = nuisances(systematics).get(parameter)
    return systematics[by_parameter(systematics)[declared][0]].group if declared else None


def breakdown(
    model: pyhf.Model, data: NDArray, best: Fit, systematics: Mapping[str, AnySystematic]
) -> dict[str, Any]:
    """Uncertainty of mu by groups.

    Groups are frozen at their best-fit values one after the other, each in addition to those before
    (in the order of `config.systematics.Group`: exp, model, ml); a group's part is the quadratic
    difference of the total errors before and after, and what is left with all frozen is `stat`. The
    parts add up in quadrature to the total by construction, but depend on the order. MC statistics
    belong to `MC_STAT_GROUP`. A group without parameters is left out.

    Returns:
        `order`, `total`, `stat` and each group; parts have `up`, `down` and `error`. Null is a side
        that is computed from an interval that ends at a bound of mu (and then the error as well):
        differences of lower limits say nothing.
    """
    total = interval(model, data, best)
    members = {
        group: [name for name in best.names if group_of(name, systematics) == group]
        for group in get_args(Group)
    }
    result: dict[str, Any] = {"order": [g for g, names in members.items() if names], "total": total}
    before, fixed = total, {}
    for group in result["order"]:
        fixed |= {name: best.value(name) for name in members[group]}
        after = interval(model, data, minimise(model, data, fixed, best))
        cut = {*before.get("at_limit", ()), *after.get("at_limit", ())}
        result[group] = {
            side: float(np.sqrt(max(before[side] ** 2 - after[side] ** 2, 0.0)))
            for side in ("up", "down", "error")
        } | _unknown(cut)
        before = after
    result["stat"] = {side: before[side] for side in ("up", "down", "error")} | _unknown(
        before.get("at_limit", ())
    )
    return result


def _unknown(sides: Collection[str]) -> dict[str, None]:
    """Null for these sides, and for the error if there are any."""
    return dict.fromkeys([*sides, "error"]) if sides else {}


def unknown_parts(parts: Mapping[str, Any]) -> list[str]:
    """Notes on the parts of a breakdown that are null."""
    return [
        f"breakdown: {name} is not known ({' and '.join(sides)}): an interval that it is computed"
        " from ends at the bounds of mu"
        for name in ("stat", *parts["order"])
        if (sides := [side for side in ("up", "down") if parts[name][side] is None])
    ]


def impacts(
    model: pyhf.Model, data: NDArray, best: Fit, systematics: Mapping[str, AnySystematic]
) -> list[dict[str, Any]]:
    """Shift of mu when a parameter is held at its best-fit value plus and minus its error.

    One entry per free nuisance parameter with `name`, `group`, `value`, `error`, `pull` (distance
    from the nominal value in pre-fit errors), `constraint` (post-fit over pre-fit error), `up` and
    `down` (post-fit error), `prefit_up` and `prefit_down` (pre-fit error); largest post-fit impact
    first. What needs a pre-fit error is null for parameters without a constraint, a pre-fit impact
    also where that fit does not converge. Impacts do not add up in quadrature to the total.
    """
    # What constrains an estimate from data is the fit alone.
    estimated = np.array([name.startswith(transfer.PREFIX) for name in best.names])
    prefit = np.where(estimated, 0.0, prefit_errors(model))
    central = dict(zip(best.names, model.config.suggested_init(), strict=True))
    free = [
        (name, i)
        for i, name in enumerate(best.names)
        if name != "mu" and not model.config.suggested_fixed()[i]
    ]
    result = []
    for name, i in progress(free, "impacts", len(free), "parameters"):
        value, error = float(best.values[i]), float(best.errors[i])
        up, down = (_moved(model, data, best, i, sign * error) for sign in (1, -1))
        before = prefit[i] or None
        result.append(
            {
                "name": name,
                "group": group_of(name, systematics),
                "value": value,
                "error": error,
                "pull": before and float((value - central[name]) / before),
                "constraint": before and float(error / before),
                "up": up,
                "down": down,
                "prefit_up": before and _moved_far(model, data, best, i, before),
                "prefit_down": before and _moved_far(model, data, best, i, -before),
            }
        )
    return sorted(result, key=lambda entry: -max(abs(entry["up"]), abs(entry["down"])))


def _moved(model: pyhf.Model, data: NDArray, best: Fit, i: int, distance: float) -> float:
    """Shift of the fitted mu with parameter `i` held away from its best value."""
    name = best.names[i]
    held = float(np.clip(best.values[i] + distance, *model.config.suggested_bounds()[i]))
    found = minimise(model, data, {name: held}, best.moved(name, held))
    return found.value("mu") - best.value("mu")


def _moved_far(
    model: pyhf.Model, data: NDArray, best: Fit, i: int, distance: float
) -> float | None:
    """The same; null where the data exclude the value so far that the fit does not converge."""
    try:
        return _moved(model, data, best, i, distance)
    except BoostflowError as error:
        log.warning("no pre-fit impact of %s: %s", best.names[i], error)
        return None


def correlations(best: Fit) -> dict[str, Any]:
    """`names` of the parameters that were free and the `matrix` of their correlations."""
    free = np.flatnonzero(best.errors > 0)
    return {
        "names": [best.names[i] for i in free],
        "matrix": best.correlation[np.ix_(free, free)].tolist(),
    }


def text(mu: float, parts: Mapping[str, Any]) -> str:
    """`mu = 1.00 ± 0.10 (stat) ± 0.05 (exp) ± 0.03 (model)`.

    Groups that there are; sides of the interval that end at a bound of mu are told, and a part that
    is not known for that is n/a.
    """
    names = ["stat", *parts["order"]]
    smallest = min(parts["total"]["error"], 1.0)
    digits = max(2, int(np.ceil(-np.log10(max(smallest, 1e-9)))) + 1)
    cut = " and ".join(parts["total"].get("at_limit", []))

    def number(error: float | None) -> str:
        return "n/a" if error is None else f"{error:.{digits}f}"

    return (
        f"mu = {mu:.{digits}f} "
        + " ".join(f"± {number(parts[name]['error'])} ({name})" for name in names)
        + (f"; ends at the bounds of mu: {cut}" if cut else "")
    )


def run(
    spec: Mapping[str, Any],
    systematics: Mapping[str, AnySystematic],
    config: Infer | None = None,
) -> dict[str, Any]:
    """Fit a workspace to its observations: what goes into fit.json but bins and notes.

    Args:
        spec: the workspace.
        systematics: by name.
        config: `data` (with Asimov data nothing is observed), `toys` and `seed`; null for defaults.

    Raises:
        BoostflowError: a fit does not converge.
    """
    config = config or Infer()
    model, data = open_workspace(spec)
    best = minimise(model, data)
    parts = breakdown(model, data, best, systematics)
    mu = best.value("mu")
    blind = config.data == "asimov"
    return {
        "mu": {"value": mu} | parts["total"],
        "text": text(mu, parts),
        "breakdown": parts,
        "significance": hypotests.discovery(model, data, best, blind, config.toys, config.seed),
        "limit": hypotests.limit(model, data, best, blind),
        "scan": hypotests.scan(model, data, best, parts),
        "data": config.data,
        "twice_nll": best.twice_nll,
        "parameters": impacts(model, data, best, systematics),
        "correlation": correlations(best),
    }

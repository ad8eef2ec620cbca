"""What a workspace says about signal strengths: values, errors and their sources, limits.

With several parameters of interest each has results of its own, in which the others are free
parameters. Fits that do not depend on which one is asked for are made once.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any, get_args

import numpy as np
import pyhf
from numpy.typing import NDArray

from boostflow.config.statistics import Infer
from boostflow.config.systematics import AnySystematic, Group, by_parameter, nuisances
from boostflow.errors import BoostflowError
from boostflow.infer import enter, hypotests, mcstat, transfer
from boostflow.infer.contour import contour
from boostflow.infer.minimum import (
    Fit,
    interest_in,
    interval,
    minimise,
    open_workspace,
    prefit_errors,
)
from boostflow.progress import progress
from boostflow.quoted import plus_minus

log = logging.getLogger(__name__)

CONTROL_GROUP = "exp"
"""Group in which the scale factors of control regions are counted."""
MC_STAT_GROUP = "model"
"""Group in which the statistical uncertainty of the templates is counted."""


def group_of(parameter: str, systematics: Mapping[str, AnySystematic]) -> str | None:
    """Group of a parameter: its systematics', those above for others, null for free ones."""
    if parameter.startswith((mcstat.PREFIX, transfer.STAGE)):
        return MC_STAT_GROUP
    if parameter.startswith(enter.PREFIX):
        return CONTROL_GROUP
    declared = nuisances(systematics).get(parameter)
    return systematics[by_parameter(systematics)[declared][0]].group if declared else None


def breakdowns(
    model: pyhf.Model,
    data: NDArray,
    best: Fit,
    systematics: Mapping[str, AnySystematic],
    pois: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Uncertainty of each parameter of interest by groups.

    Groups are frozen at their best-fit values one after the other, each in addition to those before
    (in the order of `config.systematics.Group`: exp, model, ml); a group's part is the quadratic
    difference of the total errors before and after, and what is left with all frozen is `stat`. The
    parts add up in quadrature to the total by construction, but depend on the order. MC statistics
    belong to `MC_STAT_GROUP`. A group without parameters is left out. Parameters of no group, as
    the other parameters of interest, are never frozen.

    Returns:
        By parameter `order`, `total`, `stat` and each group; parts have `up`, `down` and `error`.
        Null is a side that is computed from an interval that ends at a bound of the parameter (and
        then the error as well): differences of lower limits say nothing.
    """
    members = {
        group: [name for name in best.names if group_of(name, systematics) == group]
        for group in get_args(Group)
    }
    order = [group for group, names in members.items() if names]
    stages, fixed = [best], {}
    for group in order:
        fixed |= {name: best.value(name) for name in members[group]}
        stages.append(minimise(model, data, fixed, best))
    result = {}
    for poi in pois:
        with interest_in(model, poi):
            result[poi] = _parts(order, [interval(model, data, stage) for stage in stages])
    return result


def _parts(order: Sequence[str], intervals: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The breakdown of one parameter from the intervals before and after each group is frozen."""
    result: dict[str, Any] = {"order": list(order), "total": intervals[0]}
    for group, (before, after) in zip(order, pairwise(intervals), strict=True):
        cut = {*before.get("at_limit", ()), *after.get("at_limit", ())}
        result[group] = {
            side: float(np.sqrt(max(before[side] ** 2 - after[side] ** 2, 0.0)))
            for side in ("up", "down", "error")
        } | _unknown(cut)
    last = intervals[-1]
    result["stat"] = {side: last[side] for side in ("up", "down", "error")} | _unknown(
        last.get("at_limit", ())
    )
    return result


def _unknown(sides: Collection[str]) -> dict[str, None]:
    """Null for these sides, and for the error if there are any."""
    return dict.fromkeys([*sides, "error"]) if sides else {}


def unknown_parts(parts: Mapping[str, Any], poi: str) -> list[str]:
    """Notes on the parts of a parameter's breakdown that are null."""
    return [
        f"breakdown: {name} is not known ({' and '.join(sides)}): an interval that it is computed"
        f" from ends at the bounds of {poi}"
        for name in ("stat", *parts["order"])
        if (sides := [side for side in ("up", "down") if parts[name][side] is None])
    ]


def impacts(
    model: pyhf.Model,
    data: NDArray,
    best: Fit,
    systematics: Mapping[str, AnySystematic],
    pois: Sequence[str],
) -> list[dict[str, Any]]:
    """Shifts of the parameters of interest with a parameter at its best value ± its error.

    One entry per free nuisance parameter with `name`, `group`, `value`, `error`, `pull` (distance
    from the nominal value in pre-fit errors), `constraint` (post-fit over pre-fit error), and by
    parameter of interest `impacts`: `up` and `down` (post-fit error), `prefit_up` and `prefit_down`
    (pre-fit error). All parameters of interest are shifted in the same fits. The largest post-fit
    impact in errors of the shifted parameter is first. What needs a pre-fit error is null for
    parameters without a constraint, a pre-fit impact also where that fit does not converge. Impacts
    do not add up in quadrature to the total.
    """
    # What constrains an estimate from data, or a bin that is empty in simulation, is the fit alone.
    unbound = [name.startswith(transfer.PREFIX) or mcstat.of_empty_bin(name) for name in best.names]
    prefit = np.where(unbound, 0.0, prefit_errors(model))
    central = dict(zip(best.names, model.config.suggested_init(), strict=True))
    free = [
        (name, i)
        for i, name in enumerate(best.names)
        if name not in pois
        and not model.config.suggested_fixed()[i]
        # The bins of an estimate from data are its statistics.
        and not (name.startswith(transfer.PREFIX) and "[" in name)
    ]
    of = [best.names.index(poi) for poi in pois]
    result = []
    for name, i in progress(free, "impacts", len(free), "parameters"):
        value, reach = float(best.values[i]), _reach(model, data, best, i)
        error = (reach["up"] + reach["down"]) / 2
        before = prefit[i] or None
        shifts: dict[str, NDArray | None] = {
            "up": _moved(model, data, best, i, reach["up"]),
            "down": _moved(model, data, best, i, -reach["down"]),
            "prefit_up": before and _moved_far(model, data, best, i, before),
            "prefit_down": before and _moved_far(model, data, best, i, -before),
        }
        result.append(
            {
                "name": name,
                "group": group_of(name, systematics),
                "value": value,
                "error": error,
                "pull": before and float((value - central[name]) / before),
                "constraint": before and float(error / before),
                "impacts": {
                    poi: {
                        key: None if shift is None else float(shift[k])
                        for key, shift in shifts.items()
                    }
                    for poi, k in zip(pois, of, strict=True)
                },
            }
        )
    size = {poi: best.errors[k] or 1.0 for poi, k in zip(pois, of, strict=True)}
    return sorted(
        result,
        key=lambda entry: (
            -max(
                abs(shift[side]) / size[poi]
                for poi, shift in entry["impacts"].items()
                for side in ("up", "down")
            )
        ),
    )


def _reach(model: pyhf.Model, data: NDArray, best: Fit, i: int) -> Mapping[str, float]:
    """The post-fit error of a parameter to both sides.

    The likelihood of what an empty bin may hold falls like exp(-b / w): the curvature at its best
    value, next to 0, says nothing of how far it reaches.
    """
    name = best.names[i]
    if not mcstat.of_empty_bin(name):
        return dict.fromkeys(("up", "down"), float(best.errors[i]))
    return interval(model, data, best, name)


def _moved(model: pyhf.Model, data: NDArray, best: Fit, i: int, distance: float) -> NDArray:
    """Shifts of all fitted parameters with parameter `i` held away from its best value."""
    name = best.names[i]
    held = float(np.clip(best.values[i] + distance, *model.config.suggested_bounds()[i]))
    return minimise(model, data, {name: held}, best.moved(name, held)).values - best.values


def _moved_far(
    model: pyhf.Model, data: NDArray, best: Fit, i: int, distance: float
) -> NDArray | None:
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


def text(poi: str, value: float, parts: Mapping[str, Any]) -> str:
    """`mu = 1.00 ± 0.10 (stat) ± 0.05 (exp) +0.05 -0.03 (model)`.

    Groups that there are; both sides where they differ; sides of the interval that end at a bound
    are told, and a part that is not known for that is n/a.
    """
    names = ["stat", *parts["order"]]
    smallest = min(parts["total"]["error"], 1.0)
    digits = max(2, int(np.ceil(-np.log10(max(smallest, 1e-9)))) + 1)
    cut = " and ".join(parts["total"].get("at_limit", []))

    def errors(part: Mapping[str, Any]) -> str:
        return plus_minus(part["up"], part["down"], digits)

    return (
        f"{poi} = {value:.{digits}f} "
        + " ".join(f"{errors(parts[name])} ({name})" for name in names)
        + (f"; ends at the bounds of {poi}: {cut}" if cut else "")
    )


def run(
    spec: Mapping[str, Any],
    systematics: Mapping[str, AnySystematic],
    config: Infer | None = None,
) -> dict[str, Any]:
    """Fit a workspace to its observations: what goes into fit.json but samples, bins and notes.

    Args:
        spec: the workspace; the parameters of interest are those of its measurements.
        systematics: by name.
        config: `data` (with Asimov data nothing is observed), `toys` and `seed`; null for defaults.

    Raises:
        BoostflowError: a fit does not converge.
    """
    config = config or Infer()
    model, data = open_workspace(spec)
    pois = [measurement["config"]["poi"] for measurement in spec["measurements"]]
    best = minimise(model, data)
    blind = config.data == "asimov"
    frozen = {name: best.value(name) for name in best.names if group_of(name, systematics)}
    found = {}
    for poi, parts in breakdowns(model, data, best, systematics, pois).items():
        value = best.value(poi)
        with interest_in(model, poi):
            found[poi] = {
                "value": value,
                **parts["total"],
                "text": text(poi, value, parts),
                "breakdown": parts,
                "significance": hypotests.discovery(
                    model, data, best, blind, config.toys, config.seed
                ),
                "limit": hypotests.limit(model, data, best, blind),
                "scan": hypotests.scan(model, data, best, parts, frozen),
            }
    return {
        "data": config.data,
        "pois": found,
        "contours": [contour(model, data, best, pair) for pair in combinations(pois, 2)],
        "twice_nll": best.twice_nll,
        "parameters": impacts(model, data, best, systematics, pois),
        "correlation": correlations(best),
    }

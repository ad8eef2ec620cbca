"""Checks of a background from data: F-tests, goodness of fit, bias, closure, other functions.

* `ftest`: on simulated counts and on what is fitted (pulled from data: all other samples are
  subtracted), toys for both.
* `fit`: deviance of the fit to its data from the saturated model, and the part of toys, drawn from
  the fit, with a larger one. With Asimov data the deviance is 0 and there is nothing to test.
* `closure`: simulated events of the pass regions against the function that was fitted to them,
  with the simulation's statistics: pulls and p-value.
* `validation`: the same of the validation regions, which no fit of the signal has, by a fit without
  signal.
* Where data are hidden (`infer.sidebands`), ratios, pulls, F-tests and goodness are those of a fit
  without signal to the rest of them, all other tests are made with Asimov data.
* `bias`: toys with injected signal, drawn from the fitted function and from one of the next order
  (`infer.bias`): mean and width of (fitted - injected) / error. A mean within `BIAS` of the error
  is what the field accepts for spurious signal.
* `envelope`: the fit with other bases and with the order lowered and raised by one, to the same
  data; the largest shift of a parameter of interest among those that describe the data (chi-squared
  probability above 5 %) is quoted as the error of the choice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pyhf
from numpy.typing import NDArray
from scipy import stats

from boostflow.config.transfer import Basis, Function, Order, TransferFlag, in_each
from boostflow.errors import BoostflowError
from boostflow.infer import bias, described, ftest, ratio, sidebands, transfer
from boostflow.infer.minimum import Fit, minimise, open_workspace
from boostflow.infer.prepare import Parts, prepare
from boostflow.infer.ratio import Counts
from boostflow.io import write_json

if TYPE_CHECKING:
    from boostflow.jobs.transfer import CheckTransfer

log = logging.getLogger(__name__)

BIAS = 0.2
"""Largest bias in units of the error."""


def run(job: CheckTransfer, files: CheckTransfer.Files) -> None:
    """Test the functions of a fit; write JSON (docs/contracts.md, "inference").

    Raises:
        BoostflowError: a file cannot be read, or the fit to the data does not converge.
    """
    logging.getLogger("pyhf").setLevel(logging.ERROR)
    config = job.infer
    parts = prepare(job, files)
    assert config.transfer is not None
    regions, fit, seen = _described(parts, {})
    parts, model, data, best = seen
    pois = list(config.pois())
    apart = None
    if parts.validation is not None:
        apart = _described(parts.validation, dict.fromkeys(pois, 0.0))
    found = {
        "regions": regions,
        "pois": {poi: {"value": best.value(poi), "error": _error(best, poi)} for poi in pois},
        "fit": fit,
        "validation": {"regions": apart[0], "fit": apart[1]} if apart else {},
        "hidden": config.transfer.hidden if sidebands.masks(parts) else [],
        "bias": _bias(parts, model, data, best),
        "envelope": _envelope(parts, model, data, best),
        "basis": config.transfer.basis,
        "along": config.transfer.along.variable if config.transfer.along else None,
        "name": config.transfer.name,
        "variable": _variable(parts, config.transfer.fails()[0]),
    }
    found["flags"] = flags(found)
    for flag in found["flags"]:
        log.warning("%s", flag["text"])
    write_json(files.figures, found)


def _variable(parts: Parts, region: str) -> str:
    """Variable of the templates."""
    return next(iter(parts.templates["nominal"][region].values())).variable


def _error(best: Fit, name: str) -> float:
    return float(best.errors[best.names.index(name)])


def flags(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """What is wrong with the functions: `flag`, and a sentence `text`.

    Args:
        found: what `run` writes, without `flags`.
    """
    result: list[tuple[TransferFlag, str]] = []
    for region, entry in found["regions"].items():
        if entry["of"] != region:
            continue
        what = f"the ratio of region {region} to {entry['fail']}"
        if (p := entry["closure"]["p"]) is not None and p < ftest.LEVEL:
            text = (
                f"{what} in simulation is not described at order {entry['order']} (p = {p:.2g}):"
                " the score may know the variable"
            )
            result.append(("sculpted", text))
        used = entry["order"] if entry["residual"] is None else entry["residual"]
        for step in entry["ftest"].get("data", []):
            if step["order"] == used and step["f_p"] < ftest.LEVEL:
                text = (
                    f"{what} in data asks for a higher order than {used} (F-test,"
                    f" p = {step['f_p']:.2g})"
                )
                result.append(("order", text))
    if (p := found["fit"].get("p")) is not None and p < ftest.LEVEL:
        result.append(("misfit", f"the fit does not describe its data (p = {p:.2g})"))
    apart = found["validation"]
    if (p := apart.get("fit", {}).get("p")) is not None and p < ftest.LEVEL:
        names = ", ".join(apart["regions"])
        text = f"{names}: the fit without signal does not describe its data (p = {p:.2g})"
        result.append(("unvalidated", text))
    for region, entry in apart.get("regions", {}).items():
        if (p := entry["closure"]["p"]) is not None and p < ftest.LEVEL:
            text = (
                f"{region}: the simulated ratio to {entry['fail']} is not described (p = {p:.2g})"
            )
            result.append(("unvalidated", text))
    worst: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in found["bias"]:
        if abs(row["mean"]) - 2 * row["mean_error"] > BIAS:
            known = worst.setdefault((row["poi"], row["truth"]), row)
            if abs(row["mean"]) > abs(known["mean"]):
                worst[row["poi"], row["truth"]] = row
    for (poi, truth), row in worst.items():
        text = (
            f"{poi} is biased by {row['mean']:+.2f} ± {row['mean_error']:.2f} of its statistical"
            f" error in toys of the {truth} (signal strength {row['injected']:g})"
        )
        result.append(("biased", text))
    return [{"flag": flag, "text": text} for flag, text in result]


Seen = tuple[Parts, pyhf.Model, NDArray, Fit]
"""What is tested further: Asimov data where some are hidden, their model, and the fit."""


def _described(
    parts: Parts, held: Mapping[str, float]
) -> tuple[dict[str, Any], dict[str, Any], Seen]:
    """What `_regions` finds, goodness of the fit, and what the other tests look at.

    Where data are hidden the rest of them is described, without signal, and the other tests have
    Asimov data.

    Args:
        parts: of the workspace.
        held: values of parameters that the fit holds.
    """
    block = parts.config.transfer
    assert block is not None
    hidden = sidebands.looked_at(parts)
    if hidden:
        config = parts.config.model_copy(update={"data": "asimov"})
        parts = replace(parts, observed=None, config=config)
    spec, _ = parts.workspace(parts.estimate(block, parts.orders))
    model, data = open_workspace(spec)
    if parts.observed is None and held:
        start = np.array(model.config.suggested_init())
        for name, value in held.items():
            start[model.config.par_names.index(name)] = value
        data = np.asarray(model.expected_data(start))
    best = minimise(model, data, held)
    regions = _regions(parts, model, data, best)
    if hidden:
        beside = sidebands.without_signal(parts, *hidden)
        for region, entry in beside["regions"].items():
            tests = {**regions[region]["ftest"], "data": entry.pop("ftest")}
            regions[region] |= entry | {"ftest": tests}
        return regions, beside["fit"], (parts, model, data, best)
    if parts.observed is None:
        fit = {"deviance": described.deviance(model, data, best)}
    else:
        fit = described.goodness(model, data, best, block.toys, parts.config.seed, held)
    return regions, fit, (parts, model, data, best)


# --- by pass region -------------------------------------------------------------------------------


def _regions(
    parts: Parts, model: pyhf.Model, data: NDArray, best: Fit
) -> dict[str, dict[str, Any]]:
    """Order, F-tests, closure, the fitted function with its band, and points of the ratio."""
    block = parts.config.transfer
    assert block is not None
    result = {}
    for of in block.functions():
        known = _tests(parts, model, data, best, of)
        for region in of.passes:
            passed, fail = (
                described.less_others(block, model, data, best, name)
                for name in (region, block.fail_of(region))
            )
            simulated = transfer.counts(parts.templates["nominal"], block, region)
            start, closure = known["start"][region], known["closure"]
            expected, weight = start * simulated.failed, simulated.pass_weight
            values, errors = described.function(block, model, best, region)
            result[region] = {
                "of": of.name,
                "fail": block.fail_of(region),
                "at": of.at[of.passes.index(region)] if of.at else None,
                "order": parts.orders[of.name],
                "residual": block.residual,
                "edges": parts.edges[region],
                "ftest": known["ftest"],
                "closure": {
                    "p": closure,
                    "expected": expected.tolist(),
                    "simulated": simulated.passed.tolist(),
                    "weight": weight,
                    "pulls": ((simulated.passed - expected) / np.sqrt(weight * expected)).tolist(),
                },
                "function": {"values": values.tolist(), "errors": errors.tolist()},
                "start": start.tolist(),
                "points": described.points(Counts(passed, fail)) | {"kind": parts.config.data},
                "simulation": described.points(simulated),
                "pulls": described.pulls(model, data, best, region),
            }
    return result


def _tests(
    parts: Parts, model: pyhf.Model, data: NDArray, best: Fit, of: Function
) -> dict[str, Any]:
    """F-tests of a function, the p-value of its fit to simulation, and that fit by pass region."""
    block = parts.config.transfer
    assert block is not None
    order, nominal = parts.orders[of.name], parts.templates["nominal"]
    x = transfer.places_of(nominal, of)
    counts, seed = transfer.counts_of(nominal, block, of), parts.config.seed
    start = ratio.fit(counts, block.basis, order, x).at(x)
    tried = ftest.up_to(block.highest())
    found = {"simulation": ftest.steps(counts, block.basis, tried, x, block.toys, seed)}
    if parts.observed is not None:
        seen = described.counts_of_data(block, model, data, best, of)
        found["data"] = ftest.of_data(block, seen, x, start, seed)
    return {
        "ftest": {name: [asdict(step) for step in steps] for name, steps in found.items()},
        "closure": next((s.fit_p for s in found["simulation"] if s.order == order), None),
        "start": dict(zip(of.passes, np.split(start, len(of.passes)), strict=True)),
    }


# --- toys -----------------------------------------------------------------------------------------


def _bias(parts: Parts, model: pyhf.Model, data: NDArray, best: Fit) -> list[dict[str, Any]]:
    """Pulls of the parameters of interest in toys (`infer.bias`)."""
    block = parts.config.transfer
    assert block is not None
    found = _other(parts, model, data, block.basis, (1, 1))
    return list(
        bias.rows(
            bias.smaller(model, best, constrained(model)),
            bias.smaller(*found, constrained(found[0])) if found else None,
            list(parts.config.pois()),
            parts.observed is not None,
            block.toys,
            parts.config.seed + 1,
        )
    )


# --- other functions ------------------------------------------------------------------------------


def _other(
    parts: Parts, model: pyhf.Model, data: NDArray, basis: Basis, by: tuple[int, int]
) -> tuple[pyhf.Model, Fit] | None:
    """The fit of another function to the same observations; null where it is not possible.

    Args:
        parts: what the workspace is made of.
        model: of the chosen function; it knows the order of the regions in `data`.
        data: observations and auxiliary data.
        basis: of the function.
        by: change of the order that is fitted to data, in each variable.
    """
    assert parts.config.transfer is not None
    block = parts.config.transfer.model_copy(update={"basis": basis})
    changed, orders = _shifted(parts, by), parts.orders
    if block.residual is None:
        orders = changed
    else:
        block = block.model_copy(update={"residual": next(iter(changed.values()))})
    # It starts near these data, Asimov data as well: few simulated jets know nothing of it.
    seen = {region: data[where] for region, where in model.config.channel_slices.items()}
    try:
        spec, _ = parts.workspace(replace(parts, observed=seen).estimate(block, orders))
        other, mine = open_workspace(spec)
        bins = other.config.nmaindata
        return other, minimise(other, np.concatenate([data[:bins], mine[bins:]]))
    except BoostflowError as error:
        log.info("%s of orders %s: %s", basis, dict(orders), error)
        return None


def _fitted(parts: Parts) -> dict[str, Order]:
    """Orders that data are fitted with, by function: those of the second stage, if there is one."""
    assert parts.config.transfer is not None
    residual = parts.config.transfer.residual
    return dict(parts.orders) if residual is None else dict.fromkeys(parts.orders, residual)


def _shifted(parts: Parts, by: tuple[int, int]) -> dict[str, Order]:
    """`_fitted`, changed in each variable; in the second one as far as it goes."""
    assert parts.config.transfer is not None
    most = len(parts.config.transfer.fails()) - 1
    return {
        name: order + by[0]
        if isinstance(order, int)
        else (order[0] + by[0], min(order[1] + by[1], most))
        for name, order in _fitted(parts).items()
    }


def _envelope(parts: Parts, base: pyhf.Model, data: NDArray, best: Fit) -> dict[str, Any]:
    """Parameters of interest with other functions, and the largest shift of each."""
    block = parts.config.transfer
    assert block is not None
    choices: list[tuple[Basis, tuple[int, int]]] = [
        (basis, (0, 0)) for basis in get_args(Basis) if basis != block.basis
    ]
    shifts = [(1, 0), (-1, 0), *([(0, 1), (0, -1)] if block.along else [])]
    choices += [(block.basis, shift) for shift in shifts]
    rows = []
    for basis, shift in choices:
        orders = _shifted(parts, shift)
        if min(n for order in orders.values() for n in in_each(order)) < 0:
            continue
        if (basis, orders) == (block.basis, _fitted(parts)):
            continue
        if not (found := _other(parts, base, data, basis, shift)):
            continue
        model, fitted = found
        bins = model.config.nmaindata
        mine = np.concatenate([data[:bins], np.asarray(model.config.auxdata)])
        free = len(model.config.par_names) - len(constrained(model))
        deviance = described.deviance(model, mine, fitted)
        rows.append(
            {
                "basis": basis,
                "orders": orders,
                "values": {poi: fitted.value(poi) for poi in parts.config.pois()},
                "deviance": deviance,
                "p": float(stats.chi2.sf(deviance, max(bins - free, 1))),
            }
        )
    used = [row for row in rows if row["p"] > ftest.LEVEL]
    return {
        "functions": rows,
        "errors": {
            poi: max((abs(row["values"][poi] - best.value(poi)) for row in used), default=0.0)
            for poi in parts.config.pois()
        },
    }


def constrained(model: pyhf.Model) -> list[str]:
    """Names of the parameters that auxiliary measurements constrain, an entry for each value."""
    names: list[str] = []
    for name in model.config.par_order:
        block = model.config.param_set(name)
        if block.constrained and not name.startswith(transfer.PREFIX):
            names += [name] * block.n_parameters
    return names

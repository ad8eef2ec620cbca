"""The function beside hidden windows, fitted without signal.

While the analysis is blinded (`infer.unblind: false`), the bins that `infer.transfer.hidden` names
are hidden in the fail and pass regions. The fit of `infer.transfer` with all signal strengths at 0
has the other bins alone in its likelihood, so nothing depends on the data in the windows. The
function is known there all the same, with the error of its coefficients.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyhf
from numpy.typing import NDArray

from boostflow.infer import described, ftest, ratio, transfer
from boostflow.infer.minimum import Fit, minimise, open_workspace
from boostflow.infer.prepare import Parts
from boostflow.infer.ratio import Counts

BY_BIN = ("shapefactor", "staterror", "shapesys")
"""Modifiers with a parameter a bin."""


def hide(spec: Mapping[str, Any], hidden: Mapping[str, NDArray]) -> dict[str, Any]:
    """A workspace without some bins, and without their parameters.

    Args:
        spec: HistFactory JSON.
        hidden: by channel which bins are left out, shape (bins,).
    """
    result = copy.deepcopy(dict(spec))
    kept: dict[str, NDArray] = {}

    def left(values: list[Any], where: NDArray) -> list[Any]:
        return [value for value, keep in zip(values, where, strict=True) if keep]

    for channel in result["channels"]:
        if channel["name"] not in hidden:
            continue
        where = ~hidden[channel["name"]]
        for sample in channel["samples"]:
            sample["data"] = left(sample["data"], where)
            for modifier in sample["modifiers"]:
                if modifier["type"] in BY_BIN:
                    kept[modifier["name"]] = where
                if modifier["type"] == "histosys":
                    modifier["data"] = {k: left(v, where) for k, v in modifier["data"].items()}
                elif modifier["type"] in ("staterror", "shapesys"):
                    modifier["data"] = left(modifier["data"], where)
    for entry in result["observations"]:
        if entry["name"] in hidden:
            entry["data"] = left(entry["data"], ~hidden[entry["name"]])
    for measurement in result["measurements"]:
        for entry in measurement["config"]["parameters"]:
            if entry["name"] in kept:
                for key in {"inits", "bounds", "auxdata", "sigmas", "factors"} & entry.keys():
                    entry[key] = left(entry[key], kept[entry["name"]])
    return result


def masks(parts: Parts) -> dict[str, NDArray]:
    """Mark the hidden bins of fail and pass regions, shape (bins,); no region if all are seen."""
    block = parts.config.transfer
    if block is None or not block.hidden or parts.config.unblind:
        return {}
    return {name: np.array(block.hides(parts.edges[name])) for name in block.regions()}


def looked_at(parts: Parts) -> tuple[Mapping[str, NDArray], str] | None:
    """Events of which the hidden bins must not be used, by region, and their kind (`infer.data`).

    Pseudo-data that are fitted, or collision data, which the templates then hold beside the
    windows; null where nothing is hidden, or there are Asimov data alone.
    """
    if not (hidden := masks(parts)):
        return None
    if parts.observed is not None:
        return parts.observed, parts.config.data
    return (parts.counts, "observed") if hidden.keys() <= parts.counts.keys() else None


def without_signal(parts: Parts, data: Mapping[str, NDArray], kind: str) -> dict[str, Any]:
    """The functions fitted without signal beside the hidden windows, and how they describe data.

    Args:
        parts: whose fail and pass regions are looked at.
        data: events by region, of which those in hidden bins are not used.
        kind: of these data, as `infer.data` calls them.

    Returns:
        By pass region in `regions`: `function` (`values`, `errors` in all bins), `points` and
        `pulls` (null in hidden bins) and `ftest` (rows by order); and `fit` with `deviance`,
        `toys`, `p`.

    Raises:
        BoostflowError: the fit does not converge.
    """
    block, hidden = parts.config.transfer, masks(parts)
    assert block is not None
    regions = block.regions()
    nominal = {name: parts.templates["nominal"][name] for name in regions}
    expected = {r: np.sum([t.values for t in x.values()], axis=0) for r, x in nominal.items()}
    mine = replace(
        parts,
        templates={name: {r: found[r] for r in regions} for name, found in parts.templates.items()},
        observed={r: np.where(hidden[r], expected[r], data[r]) for r in regions},
    )
    whole, _ = mine.workspace(mine.estimate(block, parts.orders))
    full, _ = open_workspace(whole)
    model, numbers = open_workspace(hide(whole, hidden))
    held = dict.fromkeys(parts.config.pois(), 0.0)
    best = minimise(model, numbers, held)
    everywhere = _everywhere(full, best, hidden)
    seed, result = parts.config.seed, {}

    def less_others(region: str) -> NDArray:
        return described.less_others(block, model, numbers, best, region)

    for of in block.functions():
        show = np.concatenate([~hidden[region] for region in of.passes])
        x = transfer.places_of(nominal, of)
        simulated = transfer.counts_of(nominal, block, of)
        start = ratio.fit(simulated, block.basis, parts.orders[of.name], x).at(x)
        seen = described.counts_of_data(block, model, numbers, best, of)
        steps = ftest.of_data(block, seen, x[..., show], start[show], seed)
        for region in of.passes:
            mine_shown = ~hidden[region]
            values, errors = described.function(block, full, everywhere, region)
            points = described.points(
                Counts(less_others(region), less_others(block.fail_of(region)))
            )
            pulls = described.pulls(model, numbers, best, region)
            result[region] = {
                "function": {"values": values.tolist(), "errors": errors.tolist()},
                "points": {key: _shown(v, mine_shown) for key, v in points.items()}
                | {"kind": kind},
                "pulls": _shown(pulls, mine_shown),
                "ftest": [asdict(step) for step in steps],
            }
    fit = described.goodness(model, numbers, best, block.toys, seed, held)
    return {"regions": result, "fit": fit}


def _shown(values: Any, show: NDArray) -> list[float | None]:
    """Values of the bins that are shown, null in the others."""
    result: list[float | None] = [None] * len(show)
    for i, value in zip(np.flatnonzero(show), values, strict=True):
        result[i] = float(value)
    return result


def _everywhere(full: pyhf.Model, best: Fit, hidden: Mapping[str, NDArray]) -> Fit:
    """The fit as one of the model with all bins; parameters of hidden ones are at their start."""
    values = np.array(full.config.suggested_init())
    errors, correlation = np.zeros(len(values)), np.eye(len(values))
    names, gone = full.config.par_names, _renamed(full, hidden)
    index = [names.index(gone.get(name, name)) for name in best.names]
    values[index], errors[index] = best.values, best.errors
    correlation[np.ix_(index, index)] = best.correlation
    return replace(best, names=names, values=values, errors=errors, correlation=correlation)


def _renamed(full: pyhf.Model, hidden: Mapping[str, NDArray]) -> dict[str, str]:
    """Names of parameters of bins without the hidden ones, and what the whole model calls them."""
    result = {}
    for channel in full.spec["channels"]:
        if channel["name"] not in hidden:
            continue
        kept = np.flatnonzero(~hidden[channel["name"]])
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                if modifier["type"] in BY_BIN:
                    name = modifier["name"]
                    result |= {f"{name}[{new}]": f"{name}[{old}]" for new, old in enumerate(kept)}
    return result

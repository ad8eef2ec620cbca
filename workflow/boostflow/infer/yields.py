"""Expected events in each region before and after the fit, with the errors of all parameters.

Before the fit the parameters are uncorrelated and have their pre-fit errors (those without a
constraint, as mu, none); after it they have the covariance of the fit. Errors of yields are
propagated linearly through differences by one error of each parameter: cabinetry's.

Bins of a sample that are empty or negative in simulation are 0, as which the fit takes them
(`mcstat.FLOOR`). Their error is the statistical one of the fit, one jet of the sample (`mcstat`),
upwards only, before and after the fit; that of the sum, where all are empty, their quadratic sum.
The total has their errors as well, also where those are no Gaussian factor.

The parts of an estimate from data (`infer.transfer`) are added up, with their correlations. Its
free parameters have no error before the fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyhf
from cabinetry.fit import FitResults
from cabinetry.model_utils import prediction
from numpy.typing import NDArray

from boostflow.infer.mcstat import EMPTY, FLOOR
from boostflow.infer.minimum import minimise, open_workspace, prefit_errors
from boostflow.infer.transfer import PREFIX, whole


def tabulate(
    spec: Mapping[str, Any],
    edges: Mapping[str, list[float]],
    unfitted: Mapping[str, NDArray],
    empty: Mapping[str, Mapping[str, NDArray]] | None = None,
) -> dict[str, Any]:
    """What goes into yields.json.

    Args:
        spec: the workspace.
        edges: of the bins by region.
        unfitted: collision data that may be seen but was not fitted, by region.
        empty: by region and sample, shape (bins,), the errors of bins that are empty or negative in
            simulation, NaN for others; null for none.

    Raises:
        BoostflowError: the fit does not converge.

    Returns:
        By region `edges`, `data` (what was fitted), perhaps `unfitted`, and `prefit` and `postfit`:
        by sample and for `total`, `values` and `errors` in the bins, `sum` and `sum_error`.
    """
    model, data = open_workspace(spec)
    best = minimise(model, data)
    results = FitResults(best.values, best.errors, best.names, best.correlation, best.twice_nll)
    start = _before(model)
    stages = {
        "prefit": (start, prediction(model, fit_results=start)),
        "postfit": (results, prediction(model, fit_results=results)),
    }
    names = list(dict.fromkeys(map(whole, model.config.samples)))
    tables: dict[str, Any] = {}
    for i, region in enumerate(model.config.channels):
        entry: dict[str, Any] = {
            "edges": list(edges[region]),
            "data": data[model.config.channel_slices[region]].tolist(),
        }
        if region in unfitted:
            entry["unfitted"] = unfitted[region].tolist()
        for stage, (at, expected) in stages.items():
            values = np.array(expected.model_yields[i])
            errors = np.array(expected.total_stdev_model_bins[i])
            sums = np.array(expected.total_stdev_model_channels[i])
            extra = np.zeros(values.shape[1])
            for k, name in enumerate(model.config.samples):
                own = (empty or {}).get(region, {}).get(name, np.full(values.shape[1], np.nan))
                nothing = np.isfinite(own)
                # A scale factor of a control region has changed content and error alike.
                errors[k, nothing] = (own * _content(spec, region, name) / FLOOR)[nothing]
                values[k, nothing] = 0.0
                if nothing.all():
                    sums[k] = np.hypot.reduce(errors[k])
                alone = nothing & _carried(spec, region)
                extra = np.where(alone, np.hypot(extra, errors[k]), extra)
            errors[-1] = np.hypot(errors[-1], extra)
            sums[-1] = np.hypot.reduce([sums[-1], *extra])
            entry[stage] = {}
            for name in [*names, "total"]:
                mine = [k for k, part in enumerate(model.config.samples) if whole(part) == name]
                content = values.sum(axis=0) if name == "total" else values[mine].sum(axis=0)
                k = mine[0] if mine else -1
                own, whole_error = errors[k], sums[k]
                if len(mine) > 1:
                    own, whole_error = _errors_of(model, at, mine, region)
                entry[stage][name] = {
                    "values": content.tolist(),
                    "errors": own.tolist(),
                    "sum": float(content.sum()),
                    "sum_error": float(whole_error),
                }
        tables[region] = entry
    return tables


def _before(model: pyhf.Model) -> FitResults:
    """Start values with pre-fit errors; those of an estimate from data are free."""
    names = model.config.par_names
    free = np.array([name.startswith(PREFIX) for name in names])
    errors = np.where(free, 0.0, prefit_errors(model))
    return FitResults(
        np.array(model.config.suggested_init()), errors, names, np.eye(len(names)), 0.0
    )


def _errors_of(
    model: pyhf.Model, at: FitResults, samples: Sequence[int], region: str
) -> tuple[NDArray, float]:
    """Errors of the sum of some samples in a region, by bin and of all bins, as cabinetry's."""

    def content(pars: NDArray) -> NDArray:
        found = model.main_model.expected_data(pars, return_by_sample=True)
        return np.asarray(found)[samples, model.config.channel_slices[region]].sum(axis=0)

    changes = np.zeros((len(at.bestfit), len(content(at.bestfit))))
    for i in np.flatnonzero(at.uncertainty):
        step = np.zeros(len(at.bestfit))
        step[i] = at.uncertainty[i]
        changes[i] = (content(at.bestfit + step) - content(at.bestfit - step)) / 2
    covariance = changes.T @ at.corr_mat @ changes
    return np.sqrt(np.diag(covariance).clip(0)), float(np.sqrt(max(covariance.sum(), 0)))


def _content(spec: Mapping[str, Any], region: str, name: str) -> NDArray:
    """A sample's content in the workspace, shape (bins,); `FLOOR` if it was left out."""
    channel = next(c for c in spec["channels"] if c["name"] == region)
    found = (s["data"] for s in channel["samples"] if s["name"] == name)
    return np.asarray(next(found, FLOOR), dtype=float)


def _carried(spec: Mapping[str, Any], region: str) -> NDArray:
    """In which bins the errors of empty samples are no Gaussian factor, shape (bins,)."""
    channel = next(c for c in spec["channels"] if c["name"] == region)
    found = [
        np.asarray(m["data"]) > 0
        for s in channel["samples"]
        for m in s["modifiers"]
        if m["type"] == "shapesys" and EMPTY in m["name"]
    ]
    return np.any([np.zeros(len(channel["samples"][0]["data"]), dtype=bool), *found], axis=0)

"""Expected events in each region before and after the fit, with the errors of all parameters.

Before the fit the parameters are uncorrelated and have their pre-fit errors (those without a
constraint, as mu, none); after it they have the covariance of the fit. Errors of yields are
propagated linearly through differences by one error of each parameter: cabinetry's.

Bins of a sample that are empty or negative in simulation are 0, as which the fit takes them
(`mcstat.FLOOR`). Their error is the statistical one of the fit, one jet of the sample (`mcstat`),
upwards only, before and after the fit; that of the sum, where all are empty, their quadratic sum.
The total has their errors as well, also where those are no Gaussian factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from cabinetry.fit import FitResults
from cabinetry.model_utils import prediction
from numpy.typing import NDArray

from boostflow.infer.mcstat import EMPTY, FLOOR
from boostflow.infer.minimum import minimise, open_workspace


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
    stages = {"prefit": prediction(model), "postfit": prediction(model, fit_results=results)}
    names = [*model.config.samples, "total"]
    tables: dict[str, Any] = {}
    for i, region in enumerate(model.config.channels):
        entry: dict[str, Any] = {
            "edges": list(edges[region]),
            "data": data[model.config.channel_slices[region]].tolist(),
        }
        if region in unfitted:
            entry["unfitted"] = unfitted[region].tolist()
        for stage, expected in stages.items():
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
            values = np.vstack([values, values.sum(axis=0)])
            entry[stage] = {
                name: {
                    "values": values[k].tolist(),
                    "errors": errors[k].tolist(),
                    "sum": float(values[k].sum()),
                    "sum_error": float(sums[k]),
                }
                for k, name in enumerate(names)
            }
        tables[region] = entry
    return tables


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

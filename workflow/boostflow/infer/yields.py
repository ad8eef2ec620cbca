"""Expected events in each region before and after the fit, with the errors of all parameters.

Before the fit the parameters are uncorrelated and have their pre-fit errors (those without a
constraint, as mu, none); after it they have the covariance of the fit. Errors of yields are
propagated linearly through differences by one error of each parameter: cabinetry's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from cabinetry.fit import FitResults
from cabinetry.model_utils import prediction
from numpy.typing import NDArray

from boostflow.infer.minimum import minimise, open_workspace


def tabulate(
    spec: Mapping[str, Any], edges: Mapping[str, list[float]], unfitted: Mapping[str, NDArray]
) -> dict[str, Any]:
    """What goes into yields.json.

    Args:
        spec: the workspace.
        edges: of the bins by region.
        unfitted: collision data that may be seen but was not fitted, by region.

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
            values = np.asarray(expected.model_yields[i])
            values = np.vstack([values, values.sum(axis=0)])
            entry[stage] = {
                name: {
                    "values": values[k].tolist(),
                    "errors": np.asarray(expected.total_stdev_model_bins[i][k]).tolist(),
                    "sum": float(values[k].sum()),
                    "sum_error": float(expected.total_stdev_model_channels[i][k]),
                }
                for k, name in enumerate(names)
            }
        tables[region] = entry
    return tables

"""A smaller model with the same likelihood: parameters that are held become part of the contents.

Toys of a fit in which all constrained parameters are held need no templates of their variations.
What is left is a sample for each set of free factors, and the rest in one: of 200 parameters some
tens, and a fit takes a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pyhf
from numpy.typing import NDArray

from boostflow.infer.minimum import open_workspace

FACTORS = {"normfactor": 1.0, "shapefactor": 1.0, "normsys": 0.0}
"""Modifiers that may stay free, and the value of their parameter that changes nothing."""
REST = "rest"
"""Name of the sample of a region that nothing free acts on."""


def freeze(model: pyhf.Model, pars: NDArray, free: Collection[str]) -> pyhf.Model:
    """The model with all parameters held but some.

    Args:
        model: of a workspace.
        pars: its parameters, shape (parameters,): values of those that are held.
        free: names of the parameters that stay (`model.config.par_order`); they act by modifiers
            of `FACTORS` alone.

    Returns:
        A model of these parameters, with their bounds. Its expectation is that of `model`, its
        bins are the same and in the same order; what the held ones cost is not in its likelihood.

    Raises:
        ValueError: a free parameter acts by another modifier.
    """
    neutral = np.array(pars, dtype=float)
    config = model.config
    for channel in model.spec["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                if modifier["name"] in free:
                    if modifier["type"] not in FACTORS:
                        raise ValueError(f"{modifier['name']} acts by a {modifier['type']}")
                    neutral[config.par_slice(modifier["name"])] = FACTORS[modifier["type"]]
    contents = np.asarray(model.main_model.expected_data(neutral, return_by_sample=True))
    channels = []
    for channel in model.spec["channels"]:
        where = config.channel_slices[channel["name"]]
        found: dict[str, dict[str, Any]] = {}
        for sample in channel["samples"]:
            mine = [m for m in sample["modifiers"] if m["name"] in free]
            kept = [{key: m[key] for key in ("name", "type", "data")} for m in mine]
            content = contents[config.samples.index(sample["name"]), where]
            # Samples with the same factors are one; factors by bins are told by their data.
            entry = found.setdefault(str(kept), {"data": np.zeros(len(content)), "modifiers": kept})
            entry["data"] = entry["data"] + content
        channels.append(
            {
                "name": channel["name"],
                "samples": [
                    {"name": f"{REST}{k}", **entry, "data": entry["data"].tolist()}
                    for k, entry in enumerate(found.values())
                ],
            }
        )
    spec = {
        "channels": channels,
        "observations": [
            {"name": c["name"], "data": [0.0] * config.channel_nbins[c["name"]]} for c in channels
        ],
        "measurements": [
            {
                "name": "frozen",
                "config": {"poi": config.poi_name, "parameters": _parameters(model, pars, free)},
            }
        ],
        "version": "1.0.0",
    }
    return open_workspace(spec)[0]


def _parameters(model: pyhf.Model, pars: NDArray, free: Collection[str]) -> list[dict[str, Any]]:
    """Start values, bounds and constraints of the free parameters."""
    bounds = model.config.suggested_bounds()
    result = []
    for name in model.config.par_order:
        if name not in free:
            continue
        where, block = model.config.par_slice(name), model.config.param_set(name)
        entry = {
            "name": name,
            "inits": [float(x) for x in np.clip(pars[where], *np.transpose(bounds[where]))],
            "bounds": [list(map(float, pair)) for pair in bounds[where]],
        }
        if block.constrained:
            entry["auxdata"] = [float(x) for x in block.auxdata]
        result.append(entry)
    return result

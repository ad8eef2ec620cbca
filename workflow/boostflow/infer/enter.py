"""How scale factors of control regions enter the workspace of the fit."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from boostflow.errors import BoostflowError
from boostflow.infer.minimum import open_workspace

PREFIX = "control_"
FREE = [0.0, 10.0]
"""Bounds of a free scale factor."""


def parameter(name: str) -> str:
    """The parameter of a control region in the workspace."""
    return f"{PREFIX}{name}"


def apply(spec: Mapping[str, Any], controls: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A workspace with the scale factors in it.

    * `constrained`: templates of the samples (contents and what varies them) times the factor, and
      a normsys of its relative error in all regions.
    * `free`: a normfactor between 0 and 10 that starts at the factor. Asimov data are those of the
      start values.

    Data that were the sum of the templates (Asimov) are so afterwards; other data stay.

    Args:
        spec: HistFactory JSON.
        controls: `samples`, `value`, `error` and how it `enters` by control region, as in
            background.json.

    Raises:
        BoostflowError: a control region scales no sample of the workspace, or a free factor is
            out of bounds.
    """
    result = copy.deepcopy(dict(spec))
    asimov = {
        channel: np.allclose(observed(spec, channel), expected, rtol=1e-6)
        for channel, expected in at_start(spec).items()
    }
    measurements = result["measurements"]
    for name, control in controls.items():
        if control["enters"] == "nothing":
            continue
        value, error = control["value"], control["error"]
        if control["enters"] == "free" and not FREE[0] <= value <= FREE[1]:
            raise BoostflowError(
                f"background.control.{name}: the scale factor is {value:.3g}; a free one may be at "
                f"most {FREE[1]:g}: correct xsec of {', '.join(control['samples'])}"
            )
        found = False
        for channel in result["channels"]:
            for sample in channel["samples"]:
                if sample["name"] not in control["samples"]:
                    continue
                found = True
                modifier: dict[str, Any] = {"name": parameter(name)}
                if control["enters"] == "free":
                    modifier |= {"type": "normfactor", "data": None}
                else:
                    scale(sample, value)
                    relative = error / value
                    modifier |= {
                        "type": "normsys",
                        "data": {"hi": 1 + relative, "lo": max(1 - relative, 0.01)},
                    }
                sample["modifiers"].append(modifier)
        if not found:
            raise BoostflowError(
                f"background.control.{name}: the fit has no template of "
                f"{', '.join(control['samples'])}"
            )
        if control["enters"] == "free":
            entry = {"name": parameter(name), "bounds": [FREE], "inits": [value]}
            for measurement in measurements:
                declared = measurement["config"]["parameters"]
                measurement["config"]["parameters"] = [*declared, entry]
    expected = at_start(result)
    for data in result["observations"]:
        if asimov[data["name"]]:
            data["data"] = expected[data["name"]].tolist()
    return result


def scale(sample: dict[str, Any], value: float) -> None:
    """Multiply a sample's template and its absolute variations."""
    sample["data"] = [value * x for x in sample["data"]]
    for modifier in sample["modifiers"]:
        if modifier["type"] == "histosys":
            modifier["data"] = {
                side: [value * x for x in contents] for side, contents in modifier["data"].items()
            }
        elif modifier["type"] in ("staterror", "shapesys"):
            modifier["data"] = [value * x for x in modifier["data"]]


def at_start(spec: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Expected events by channel with all parameters at their start values."""
    model, _ = open_workspace(spec)
    expected = np.asarray(model.expected_actualdata(model.config.suggested_init()))
    return {name: expected[part] for name, part in model.config.channel_slices.items()}


def observed(spec: Mapping[str, Any], name: str) -> np.ndarray:
    """The data of a channel."""
    return np.asarray(next(o["data"] for o in spec["observations"] if o["name"] == name))

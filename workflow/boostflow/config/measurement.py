"""The measurement of a run without a configuration: what its regions are, and what is fitted.

Tops, and W and Z together, over QCD that comes from data. The scores are those that do not know the
mass: by themselves they select QCD jets that have the mass of a top or of a W, and then no smooth
function relates what passes to what fails. Whoever has samples, models or regions of their own
says what is measured with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from boostflow.config.defaults import CLASSIFIER, QCD

MODELS: dict[str, dict[str, Any]] = {
    CLASSIFIER: {"decorrelate": {"scores": {"top": ["p_top"], "v": ["p_w", "p_z"]}}}
}
"""Keys of the default models that differ from those of their families."""
TAGGED = 0.98
"""Part of the QCD jets of each mass that are below a tag. Half of the top jets in their peak are
above, and some tens of simulated QCD jets: enough to see whether the function closes."""
TEMPLATES: dict[str, Any] = {
    "bins": 24,
    "regions": {
        "top": {"score": "ddt_top", "range": [TAGGED, 1.0]},
        "v": {"score": "ddt_v", "range": [TAGGED, 1.0], "without": ["top"]},
        "fail": {"score": "ddt_top", "range": [0.0, TAGGED], "without": ["v"]},
    },
}
INFER: dict[str, Any] = {
    "signal": {"mu_top": ["top"], "mu_v": ["wjet", "zjet", "w", "z"]},
    "transfer": {"estimated": list(QCD), "fail": "fail", "pass": ["top", "v"], "order": 2},
    "minor": 0.01,
    "few_jets": 10,
}


def with_measurement(given: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with the default measurement in place of the keys that it does not give.

    Unchanged where it has samples, models or regions of its own: there the defaults of the types
    hold, which know none of these.

    Args:
        given: as read from a file.
    """
    templates, infer = given.get("templates") or {}, given.get("infer", {})
    plain = isinstance(templates, Mapping) and isinstance(infer, Mapping | None)
    if not plain or {"samples", "models"} & given.keys() or "regions" in templates:
        return dict(given)
    axis = {"bins"} if "edges" in templates else set()
    mine = {key: value for key, value in TEMPLATES.items() if key not in axis}
    result = {**given, "templates": {**mine, **templates}}
    if infer is not None:
        result["infer"] = {**INFER, **infer}
    return result

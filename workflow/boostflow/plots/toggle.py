"""A page to compare the templates of each systematic with the nominal ones, switched on and off."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.config.systematics import AnySystematic
from boostflow.effects import affects, files_of, sides
from boostflow.plots.style import Label, axis_label, colour, name_of
from boostflow.templates.files import TemplateSet
from boostflow.webpage import render


def compared(
    systematics: Mapping[str, AnySystematic],
    templates: Mapping[str, TemplateSet],
    signal: Collection[str],
) -> dict[str, Any]:
    """What the page draws.

    Args:
        systematics: all entries by name; those without templates are left out.
        templates: of nominal and of each variation, in the bins of the fit.
        signal: samples of the signal.

    Returns:
        `variable`, the title of the axis; `regions` by name, with their `edges` and by sample
        `values` and `errors` in the bins; `entries`, each with up and down contents as the fit uses
        them, where it touches a sample in a region.
    """
    nominal = templates["nominal"]
    samples = list(dict.fromkeys(s for found in nominal.values() for s in found))
    entries = []
    for name, declared in systematics.items():
        if not declared.members():
            continue
        files = files_of(name, declared)
        changed: dict[str, dict[str, list[list[float]]]] = {}
        for region, found in nominal.items():
            for sample, template in found.items():
                if affects(declared, region, sample):
                    parts = [templates[file][region][sample].values for file in files]
                    both = sides(declared, template, parts)
                    changed.setdefault(region, {})[sample] = [_short(side) for side in both]
        title = declared.title or name
        entries.append({"name": name, "title": title, "group": declared.group, "changed": changed})
    regions = {
        region: {
            "edges": next(iter(found.values())).edges.tolist(),
            "samples": {
                sample: {
                    "values": _short(template.values),
                    "errors": _short(np.sqrt(template.variances)),
                }
                for sample, template in found.items()
            },
        }
        for region, found in nominal.items()
    }
    first = next(iter(next(iter(nominal.values())).values()))
    return {
        "variable": axis_label(first.variable),
        "samples": {
            sample: {
                "title": name_of(sample),
                "colour": colour(sample, samples),
                "signal": sample in signal,
            }
            for sample in samples
        },
        "regions": regions,
        "entries": entries,
    }


def _short(values: NDArray) -> list[float]:
    """Numbers with six digits: enough for a drawing, and a third of the size."""
    return [float(f"{value:.6g}") for value in values]


def page(data: Mapping[str, Any], text: Label) -> str:
    """The page as HTML, one file without any other.

    Args:
        data: from `compared`.
        text: above plots.
    """
    return render("boostflow.plots", "toggle.html", text, data=data)

"""How plots of the fit call its data and its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from boostflow.config.statistics import MU


def fitted_data(kind: str) -> str:
    """What was fitted, for a legend.

    Args:
        kind: `infer.data`.
    """
    return {"asimov": "Asimov data", "pseudo": "Pseudo-data", "observed": "Data"}[kind]


def symbol(poi: str) -> str:
    """A parameter of interest as Matplotlib writes it: `mu_top` is a mu with the index top."""
    head, _, index = poi.partition("_")
    if head != MU:
        return poi
    return rf"$\mu_{{\mathrm{{{index.replace('_', ',')}}}}}$" if index else r"$\mu$"


def parameter(name: str, titles: Mapping[str, str], pois: Mapping[str, Any]) -> str:
    """A parameter for the reader: bins of a region count from 1.

    Args:
        name: as the workspace has it.
        titles: of nuisance parameters, by name.
        pois: the parameters of interest.
    """
    if name in pois:
        return symbol(name)
    bin_of = re.fullmatch(
        r"staterror_(\w+)(?:\.(signal|empty)(?:\.(\w+))?)?\[(\d+)\]",
        name,
    )
    if bin_of:
        region, kind, which, number = bin_of.groups()
        of = {"signal": f" of the signal{f' of {symbol(which)}' if which else ''}"}
        of["empty"] = f" of no {which}"
        return f"MC statistics{of.get(kind, '')}, {region} bin {int(number) + 1}"
    return titles.get(name, name)

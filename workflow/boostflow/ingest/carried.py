"""Branches that are kept for the weights of a sample: one number an event, or one a fat jet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.config.weights import Carried
from boostflow.errors import BadFile
from boostflow.ingest.branches import Branch, near

NOTHING: Mapping[str, Carried] = MappingProxyType({})
"""Carried branches of samples without weights: none."""


@dataclass(frozen=True)
class Kept:
    """A branch as it was found."""

    weight: bool
    """Whether its values are weights, which are not negative."""
    per_jet: bool
    """Whether it has one number a fat jet; else it has one an event."""


def find(
    wanted: Mapping[str, Carried], branches: Mapping[str, Branch], jet_depth: int
) -> tuple[dict[str, Kept], list[str]]:
    """Branches that are there, and what is wrong with them.

    Args:
        wanted: by name.
        branches: of the file.
        jet_depth: of the branches of fat jets: 2, or 1 where each is an event of its own.
    """
    kept, problems = {}, []
    for name, item in wanted.items():
        why = f"which {item.key} names" if item.key else "which the sample's `weights` name"
        if name not in branches:
            problems.append(f"no branch {name}{near(name, branches)}, {why}")
            continue
        found = branches[name]
        if found.kind not in "fiub" or found.depth not in (1, jet_depth):
            problems.append(
                f"branch {name}, {why}, is of {found}, must be of numbers, one an event or one a "
                "fat jet"
            )
            continue
        kept[name] = Kept(item.weight, per_jet=found.depth > 1)
    return kept, problems


def in_schema(kept: Mapping[str, Kept], branches: Collection[str]) -> bool:
    """Whether coffea's schema of NanoAOD has all of them where `filters.value` looks.

    A branch NAME hides all NAME_..., and counters are not there.
    """
    for name, item in kept.items():
        owner, _, rest = name.partition("_")
        hidden = bool(rest) and (owner in branches or f"n{owner}" in branches)
        if (owner != "FatJet" or not rest) if item.per_jet else (hidden or name.startswith("n")):
            return False
    return True


def refuse(
    file: str, branch: str, item: Kept, values: ak.Array, entry: NDArray[np.integer]
) -> None:
    """Raise BadFile for a value that is not finite, or for a weight that is negative.

    Args:
        file: its path, for messages.
        branch: its name, for messages.
        item: what it is.
        values: shape (events,), or (events, jets) of fat jets.
        entry: positions of the events in the file, shape (events,).
    """
    counts = ak.to_numpy(ak.num(values, axis=1)) if item.per_jet else np.ones(len(values), int)
    flat = ak.to_numpy(ak.flatten(values, axis=None)).astype(np.float64)
    bad = ~np.isfinite(flat) | (item.weight & (flat < 0))
    if not bad.any():
        return
    first = int(np.flatnonzero(bad)[0])
    event = int(np.repeat(np.arange(len(counts)), counts)[first])
    jet = f", fat jet {first - int(counts[:event].sum())}" if item.per_jet else ""
    what = "weights must be finite and not negative" if item.weight else "it must be finite"
    raise BadFile(f"{file}: entry {entry[event]}{jet}: {branch} is {flat[first]:g}: {what}")

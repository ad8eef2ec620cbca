"""Branches that are kept for the weights of a sample: one number an event, or one a fat jet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from boostflow.config.weights import Carried
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
        if name.endswith("]"):
            return False  # an entry of lists
        owner, _, rest = name.partition("_")
        hidden = bool(rest) and (owner in branches or f"n{owner}" in branches)
        if (owner != "FatJet" or not rest) if item.per_jet else (hidden or name.startswith("n")):
            return False
    return True

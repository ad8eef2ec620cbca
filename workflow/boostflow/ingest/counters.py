"""Numbers of entries: what coffea takes for those of all branches of a collection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from boostflow.errors import BadFile

if TYPE_CHECKING:
    from boostflow.ingest.features import Features


def require_counters(file: str, tree: Any, names: Iterable[str]) -> None:
    """The branches of a collection have as many entries in each event as its counter says.

    Metadata tell where they share the counter; skims may count each branch by itself.

    Args:
        file: for messages.
        tree: a TTree of uproot.
        names: branches.

    Raises:
        BadFile: entries would go to other events.
    """
    counters: dict[str, set[str]] = {}
    for name in names:
        counter = tree[name].count_branch
        collection, _, rest = name.partition("_")
        if counter is not None and rest:
            counters.setdefault(f"n{collection}", set()).add(counter.name)
    for owner, found in counters.items():
        for other in sorted(found - {owner}):
            if owner not in tree:  # each list is read by its own
                continue
            numbers = [tree[name].array(library="np") for name in (owner, other)]
            if not np.array_equal(*numbers):
                raise BadFile(
                    f"{file}: {other} is not {owner} in some events: they would get the jets of "
                    "others"
                )


def require_one_a_jet(file: str, tree: Any, features: Features) -> None:
    """Branches that are kept for weights of jets have as many entries as there are fat jets.

    Raises:
        BadFile: they belong to something else.
    """
    jet = next(tree[features.names[x]] for x in ("FatJet_pt", "FatJet_px") if x in features.names)
    for name in (name for name, item in features.carried.items() if item.per_jet):
        own, other = (branch.count_branch for branch in (jet, tree[name.partition("[")[0]]))
        if own is None or other is None or own.name == other.name:
            continue  # without counters lists of other lengths are refused as they are read
        if not np.array_equal(own.array(library="np"), other.array(library="np")):
            raise BadFile(
                f"{file}: {name} has not one entry for each fat jet ({other.name} is not "
                f"{own.name}): weights are numbers of events, or of fat jets"
            )

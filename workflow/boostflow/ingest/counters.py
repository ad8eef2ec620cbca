"""Numbers of entries: what coffea takes for those of all branches of a collection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from boostflow.errors import BadFile


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

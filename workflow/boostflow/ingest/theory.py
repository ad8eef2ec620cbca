"""Theory weights of a file: found by their titles, read event by event, summed before a skim.

What entries mean is said in `boostflow.theory`. An event may lack them, or have NaN: that is no
fault of a file whose weights nothing uses, so its columns are NaN there, and are refused where a
systematic uses them (`boostflow.scored.require_weights`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import isfinite

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.ingest.branches import Branches
from boostflow.ingest.features import Features
from boostflow.ingest.produced import Produced
from boostflow.theory import SUMS, WEIGHTS, branch_of, meaning, reference_in

FIRST = 1000
"""Events of a file that are looked at before it is read: whole baskets are read for them."""


def with_weights(
    features: Features, branches: Branches, entries: int, made: Produced | None, skim: bool
) -> Features:
    """The columns of theory weights, and sentences on what they are and are normalised to.

    Args:
        features: with the branches that are there.
        branches: of the tree.
        entries: its number of events.
        made: what the file was made from, or None if it does not tell.
        skim: whether events were left out since.
    """
    weights, notes = {}, list(features.notes)
    for branch in features.weights:
        name = features.names[branch]
        sums = () if made is None else made.members.get(branch, ())
        count = _count(branches, name, entries) if entries else len(sums)
        found = meaning(branch, count, branches.title(name))
        if found.columns:
            weights[branch] = found.columns
            normalised = _normalised(branch, count, sums, skim)
            reference = reference_in(found.columns)
            notes.append(f"{branch}: {found.text}; {reference}; normalised {normalised}")
        elif entries:
            notes.append(f"{branch} {found.text}: {WEIGHTS[branch]} off")
    return replace(features, weights=weights, notes=notes)


def _count(branches: Branches, name: str, entries: int) -> int:
    """Number of entries of a branch in most of the first events that have any."""
    (first,) = branches.read([name], 0, min(entries, FIRST)).values()
    numbers = np.bincount(ak.to_numpy(ak.num(first)), minlength=1)
    numbers[0] = 0
    return int(np.argmax(numbers))


def _normalised(branch: str, count: int, sums: tuple[float, ...], skim: bool) -> str:
    if not skim:
        return "in the events of the files"
    if len(sums) == count:
        return f"to {SUMS[branch]} of Runs, which is of all events before the skim"
    return (
        f"in the events that are left, as no {SUMS[branch]} of Runs is known for them: how they "
        "change the acceptance of the skim is lost"
    )


def sums_before(features: Features, made: Produced | None) -> dict[str, float]:
    """Sums of genWeight times each column before the skim, of branches that `Runs` has them of."""
    result: dict[str, float] = {}
    for branch, columns in features.weights.items():
        sums = () if made is None else made.members.get(branch, ())
        if len(sums) == len(columns):
            pairs = zip(columns, sums, strict=True)
            result |= {name: value for name, value in pairs if name is not None}
    return result


def relative(features: Features, events: ak.Array) -> dict[str, NDArray[np.floating]]:
    """The columns of theory weights as the file has them, each of shape (events,).

    NaN in all columns of a branch where an event has another number of entries.
    """
    result: dict[str, NDArray[np.floating]] = {}
    for branch, columns in features.weights.items():
        entries = events[branch]
        whole = ak.to_numpy(ak.num(entries)) == len(columns)
        values = np.full((len(whole), len(columns)), np.nan, dtype=np.float32)
        if whole.any():
            values[whole] = ak.to_numpy(ak.flatten(entries[whole])).reshape(-1, len(columns))
        result |= {name: values[:, i] for i, name in enumerate(columns) if name is not None}
    return result


def bad_events(features: Features, relative: Mapping[str, NDArray[np.floating]]) -> dict[str, int]:
    """Number of events in which entries of a branch are missing, or not finite, by branch."""
    result = {}
    for branch, columns in features.weights.items():
        values = np.array([relative[name] for name in columns if name is not None])
        result[branch] = int((~np.isfinite(values).all(axis=0)).sum())
    return result


def require(
    file: str, features: Features, branches: Branches, entries: int, columns: Iterable[str]
) -> None:
    """Refuse one of the first events without a finite value of a column that is used.

    Args:
        file: for messages.
        features: with its theory weights.
        branches: of the tree.
        entries: its number of events.
        columns: that are used; others may hold anything.

    Raises:
        BoostflowError: names entry and value.
    """
    used = [column for column in columns if column in features.theory()]
    owners = dict.fromkeys(branch for column in used if (branch := branch_of(column)) is not None)
    names = {branch: features.names[branch] for branch in owners}
    read = branches.read(list(names.values()), 0, min(entries, FIRST)) if used else {}
    for branch, name in names.items():
        columns_of = features.weights[branch]
        for entry, held in enumerate(read[name].to_list()):
            for number, column in enumerate(columns_of):
                if column in used and not (len(held) == len(columns_of) and isfinite(held[number])):
                    found = f"{held[number]:g}" if number < len(held) else "missing"
                    # Not the file is bad: a configuration that does not use it may read it.
                    raise BoostflowError(
                        f"{file}: entry {entry}: {branch}[{number}] of {len(held)}, which is "
                        f"{column}, is {found}: weights that a systematic uses must be finite"
                    )

"""What a file was made from: the events before a skim, by CMS' tree `Runs`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BadFile
from boostflow.theory import SUMS as MEMBERS

COUNT, SUMS = "genEventCount", ("genEventSumw", "genEventSumw2")
BEFORE_SKIM = "all (before the skim)"
"""First line of the cutflow of a skim."""
SKIM = (
    "files are skims: normalised to the sums of weights in their trees Runs, which are of all"
    " events before the skim"
)


@dataclass(frozen=True)
class Produced:
    """Number of the events that were generated, and sums of their weights."""

    events: int
    sumw: float
    members: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Sums of weights times each entry, by branch of theory weights that `Runs` has sums of."""
    declared: bool = False
    """Whether the sample says so: the number of events is that of the file."""

    def share(self, part: range, entries: int) -> Produced:
        """What a part of the file's entries stands for: of a file without any, all.

        Args:
            part: of the file's entries.
            entries: their number.
        """
        if len(part) == entries:
            return self
        first, last = (self.events * edge // entries for edge in (part.start, part.stop))
        part_of = len(part) / entries
        members = {k: tuple(x * part_of for x in v) for k, v in self.members.items()}
        return Produced(last - first, self.sumw * part_of, members, self.declared)


def produced(file: str, runs: Any) -> Produced | None:
    """Sums over the entries of `Runs`, whose names end in an underscore in some versions.

    Args:
        file: for messages.
        runs: the tree.

    Returns:
        None where the tree has no such sums.

    Raises:
        BadFile: NaN or infinite values.
    """
    sums = {}
    have = runs.keys()
    for name in (COUNT, *SUMS):
        found = next((x for x in (name, f"{name}_") if x in have), None)
        if found is None:
            continue
        values = runs[found].array(library="np")
        if not np.isfinite(values).all():
            raise BadFile(
                f"{file}: NaN or infinite values in the sums of Runs; the file is damaged"
            )
        sums[name] = values
    if not {COUNT, SUMS[0]} <= sums.keys():
        return None
    weight = sums[SUMS[0]].astype(np.float64)
    return Produced(int(sums[COUNT].sum()), float(weight.sum()), _members(runs, have, weight))


def _members(
    runs: Any, have: list[str], weight: NDArray[np.float64]
) -> dict[str, tuple[float, ...]]:
    """Sums of theory weights: each row of `Runs` has means, so it counts with its genEventSumw.

    Left out where they are not finite, or some row with events has another number of them.
    """
    result = {}
    for branch, name in MEMBERS.items():
        found = next((x for x in (name, f"{name}_") if x in have), None)
        if found is None:
            continue
        rows = [np.asarray(row, np.float64) for row in runs[found].array(library="np")]
        rows = [row for row, sumw in zip(rows, weight, strict=True) if sumw != 0]
        counts = weight[weight != 0]
        if not rows or len({row.shape for row in rows}) > 1 or rows[0].ndim != 1:
            continue
        total = counts @ np.array(rows)
        if np.isfinite(total).all():
            result[branch] = tuple(float(x) for x in total)
    return result

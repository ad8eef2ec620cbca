"""What a file was made from: the events before a skim, by CMS' tree `Runs`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from boostflow.errors import BadFile

COUNT, SUMS = "genEventCount", ("genEventSumw", "genEventSumw2")
BEFORE_SKIM = "all (before the skim)"
"""First line of the cutflow of a skim."""
SKIM = (
    "files are skims: normalised to the sums of weights in their trees Runs, which are of all"
    " events before the skim"
)


@dataclass(frozen=True)
class Produced:
    """Number and sum of weights of the events that were generated."""

    events: int
    sumw: float
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
        return Produced(last - first, self.sumw * len(part) / entries, self.declared)


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
        sums[name] = values.sum()
    if not {COUNT, SUMS[0]} <= sums.keys():
        return None
    return Produced(int(sums[COUNT]), float(sums[SUMS[0]]))

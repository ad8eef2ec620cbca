"""Which events are taken: certified luminosity blocks, triggers, flags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.lumimask import LumiMask

STEPS = {"golden_json": "golden JSON", "triggers": "trigger", "flags": "event flags"}
"""Keys of a sample, and the lines of the cutflow."""


@dataclass(frozen=True)
class Filters:
    """What events must pass, in the order of the cutflow."""

    lumi: LumiMask | None = None
    triggers: list[str] = field(default_factory=list)
    """Branches of which one must be true; none: no such step."""
    flags: list[str] = field(default_factory=list)
    """Branches that must all be true."""

    def steps(self) -> list[str]:
        """Lines of the cutflow."""
        used = (self.lumi is not None, bool(self.triggers), bool(self.flags))
        return [name for name, on in zip(STEPS.values(), used, strict=True) if on]

    def masks(self, events: ak.Array) -> Iterator[NDArray[np.bool_]]:
        """Yield for each step which events pass it, shape (events,)."""
        if self.lumi is not None:
            yield self.lumi(events.run, events.luminosityBlock)
        for names, combine in ((self.triggers, np.any), (self.flags, np.all)):
            if names:
                bits = [np.asarray(value(events, name)).astype(bool) for name in names]
                yield combine(np.reshape(bits, (len(names), len(events))), axis=0)


def value(events: ak.Array, branch: str) -> ak.Array:
    """A branch; coffea puts branches of a common first name into a collection."""
    return events[branch] if branch in events.fields else events[tuple(branch.split("_", 1))]

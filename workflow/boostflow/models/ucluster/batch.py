"""Some units of a split, packed, and how units are dealt out to ranks and steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boostflow.constituents.packing import Packed
from boostflow.select.dijet import leading_two


@dataclass(frozen=True)
class Batch:
    """Some units, packed: P particles, B units with J jets each.

    features (P, 9), momenta (P, 4), neighbours (P, k; positions inside the jet), counts (B * J,),
    and rows (B,): which units they are.
    """

    features: NDArray[np.float32]
    momenta: NDArray[np.float32]
    neighbours: NDArray[np.int32]
    counts: NDArray[np.int32]
    rows: NDArray[np.int64]


def jets_in(unit: str) -> int:
    """Jets in a unit: a jet alone, or the two leading jets of an event."""
    return {"jet": 1, "event": 2}[unit]


def leading_pairs(event_id: ArrayLike, pt: ArrayLike, mass: ArrayLike) -> NDArray[np.intp]:
    """Rows of the two leading jets of each event that has two, the heavier one first: (events, 2).

    Args:
        event_id, pt, mass: of the selected jets, event by event.
    """
    event_id, mass = np.asarray(event_id), np.asarray(mass)
    starts = np.flatnonzero(np.append(True, event_id[1:] != event_id[:-1])[: len(event_id)])
    _, rows = leading_two(np.asarray(pt), starts)
    return np.where((mass[rows[:, 0]] < mass[rows[:, 1]])[:, None], rows[:, ::-1], rows)


def views(unit: str, masses: Sequence[str]) -> list[str]:
    """Names of the views: each mass of each jet of a unit."""
    if unit == "jet":
        return list(masses)
    return [f"{mass}_{jet}" for mass in masses for jet in range(1, jets_in(unit) + 1)]


def gather(packed: Packed, rows: NDArray[np.int64], jets: int = 1) -> Batch:
    """The named units of packed jets, of which `jets` that follow each other are a unit."""
    return batch(packed.take(rows, jets), rows)


def batch(packed: Packed, rows: NDArray[np.int64]) -> Batch:
    """All of some packed units, which are the named rows."""
    return Batch(
        np.ascontiguousarray(packed.features),
        np.ascontiguousarray(packed.momenta),
        packed.neighbours.astype(np.int32),
        packed.counts,
        rows,
    )

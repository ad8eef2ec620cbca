"""The two leading jets of an event."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray


def leading_two(
    pt: NDArray, starts: NDArray[np.intp], good: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of the two jets with the highest pT of each event that has two.

    Args:
        pt: shape (jets,); jets of an event are adjacent.
        starts: index of each event's first row, shape (events,).
        good: jets that count, shape (jets,); null for all.

    Returns:
        Numbers of those events, shape (n,), and the rows of their leading and second jet, (n, 2).
    """
    counted = np.ones(len(pt), dtype=bool) if good is None else good
    event = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(pt))))
    order = np.lexsort((-pt, ~counted, event))
    enough = np.flatnonzero(np.bincount(event, counted, len(starts)) >= 2)
    return enough, order[starts[enough][:, None] + np.arange(2)]


def dijet_mass(
    rows: ak.Array, good: NDArray[np.bool_], starts: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Invariant mass of the two leading good jets (GeV), shape (events,); NaN where there is one.

    Args:
        rows: fat jets with `pt`, `eta`, `phi`, `mass`, event by event.
        good: jets that count, shape (jets,).
        starts: index of each event's first row, shape (events,).
    """
    pt, eta, phi, mass = (
        ak.to_numpy(rows[name]).astype(np.float64) for name in ("pt", "eta", "phi", "mass")
    )
    events, pair = leading_two(pt, starts, good)
    p = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])[:, pair]
    energy = np.sqrt((p**2).sum(axis=0) + mass[pair] ** 2).sum(axis=1)
    result = np.full(len(starts), np.nan, dtype=np.float32)
    result[events] = np.sqrt(np.maximum(energy**2 - (p.sum(axis=2) ** 2).sum(axis=0), 0))
    return result

"""What a graph network reads of packed jets; see `boostflow.models.family.Gives`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.constituents.packing import Packed
from boostflow.models import packed
from boostflow.models.graph.block import MOMENTA, ROWS, GraphNetwork


def shapes(block: GraphNetwork) -> packed.Shapes:
    """Features and mask, neighbours, and momenta where masses are made of them."""
    momenta = {MOMENTA: ((None, 4), "float32")} if block.mass_channels else {}
    return {**packed.shapes(block), ROWS: ((None, block.neighbours), "int32"), **momenta}


def arrays(block: GraphNetwork, jets: Packed) -> dict[str, NDArray]:
    """The arrays of `shapes` for N jets, by name.

    They are padded to at least as many constituents as a particle has neighbours. Where there is no
    constituent, its neighbours are itself.
    """
    there = jets.there
    missing = max(0, block.neighbours - there.shape[1])
    near = np.where(there[..., None], jets.spread(jets.neighbours), _places(there)[:, None])
    found = packed.arrays(block, jets) | {ROWS: near.astype(np.int32)}
    if block.mass_channels:
        found[MOMENTA] = jets.spread(jets.momenta)
    if missing:
        found = {name: _longer(values, missing) for name, values in found.items()}
        beyond = _places(found[ROWS])[-missing:]
        found[ROWS][:, -missing:] = beyond[:, None]
    size = found[ROWS].shape[1]
    found[ROWS] += (np.arange(len(jets), dtype=np.int32) * size)[:, None, None]
    return found


def _places(values: NDArray) -> NDArray[np.int32]:
    """Positions inside the padded jet, (n,)."""
    return np.arange(values.shape[1], dtype=np.int32)


def _longer(values: NDArray, missing: int) -> NDArray:
    return np.pad(values, [(0, 0), (0, missing), *[(0, 0)] * (values.ndim - 2)])

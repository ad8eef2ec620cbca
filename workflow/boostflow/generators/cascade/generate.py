"""Showers by the cascade as columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter import cascade
from boostflow.calorimeter.shapes import columns_of
from boostflow.generators.cascade.block import Cascade


def generate(block: Cascade, rows: range, rng: np.random.Generator) -> dict[str, NDArray]:
    """The columns of some rows, see `boostflow.generators.base.Generates`."""
    seed = int(rng.integers(1 << 31))
    energy = rng.uniform(block.low, block.high, len(rows))
    found, _ = cascade.simulate(block.particle, energy, seed)
    return columns_of(found.energy, found.cells)

"""Columns that are normally distributed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.generators.normal.block import Normal


def generate(block: Normal, rows: range, rng: np.random.Generator) -> dict[str, NDArray]:
    """The columns of some rows, see `boostflow.generators.base.Generates`."""
    result = {}
    for name, column in block.columns.items():
        values = rng.normal(column.mean, column.sigma, len(rows))
        values[rng.random(len(rows)) < column.missing] = np.nan
        result[name] = values
    return result

"""Showers from tables of quantiles and a matrix of correlations.

A shower is a chain of columns, each with a distribution that is given by what comes before it:

* of the energy of the particle: the response, and the parts of the first and of the last layer;
* of the energy of a layer: the parts of its groups of cells (core, halo, outer rows);
* of the energy of a group: the part of each of its cells.

In bins of what is given, a column has a table of quantiles. That all fluctuate together is said by
normally distributed numbers with one matrix of correlations, a Gaussian copula: it is an invertible
map of independent normal numbers to showers, of one linear and one monotonic layer.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter.geometry import CELLS, LAYERS, STARTS
from boostflow.errors import BoostflowError

FILE = "copula.npz"
"""The model's file."""
LAYER_OF = (0, 0, 0, 1, 1, 2)
"""Layer of each group of cells: the first of a layer are in its middle."""
GROUPS = len(LAYER_OF)
HEAD = 6
"""Columns before those of the cells: response, parts of layers 0 and 2, parts of the groups that
are not the first of their layer."""


def _groups() -> NDArray[np.int64]:
    """The group of each cell, shape (504,)."""
    first, second, third = (np.empty(layer.shape, np.int64) for layer in LAYERS)
    first[:] = 2
    first[1] = 1
    first[1, 42:54] = 0  # 30 mm to both sides
    second[:] = 4
    second[4:8, 4:8] = 3
    third[:] = 5
    return np.concatenate([first.ravel(), second.ravel(), third.ravel()])


GROUP = _groups()
BLOCKS = [
    *(np.array([column]) for column in range(HEAD)),
    *(HEAD + np.flatnonzero(group == GROUP) for group in range(GROUPS)),
]
"""Columns that are given the same: those of the head, then cells by groups."""


class Tables(NamedTuple):
    """What a training finds."""

    quantiles: NDArray[np.float32]
    """Quantiles of all columns, at (q + 1/2) / Q, shape (bins, columns, Q)."""
    given: NDArray[np.float64]
    """Mean of what is given in each bin, rising, shape (blocks, bins)."""
    factor: NDArray[np.float32]
    """Cholesky factor of the correlations, shape (columns, columns)."""

    def write(self, folder: Path) -> None:
        """Write the model's file."""
        np.savez_compressed(folder / FILE, **self._asdict())


def columns(energy: NDArray, cells: NDArray) -> tuple[NDArray[np.float64], list[NDArray]]:
    """The columns of showers (N, 510), and what is given for each block, shape (N,) each.

    Args:
        energy: of the particles (GeV), shape (N,).
        cells: energies (MeV), shape (N, 504).
    """
    cells = np.asarray(cells, np.float64)
    groups = np.stack([cells[:, group == GROUP].sum(axis=1) for group in range(GROUPS)], axis=1)
    sums = np.add.reduceat(cells, STARTS[:-1], axis=1)
    total = sums.sum(axis=1)
    head = [
        total / 1000 / energy,
        _over(sums[:, 0], total),
        _over(sums[:, 2], total),
        _over(groups[:, 1], sums[:, 0]),
        _over(groups[:, 2], sums[:, 0]),
        _over(groups[:, 4], sums[:, 1]),
    ]
    given = [energy, energy, energy, sums[:, 0], sums[:, 0], sums[:, 1], *groups.T]
    return np.concatenate([np.stack(head, axis=1), _over(cells, groups[:, GROUP])], axis=1), given


def _over(part: NDArray, whole: NDArray) -> NDArray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


class Generator:
    """Showers from the tables of a training."""

    def __init__(self, tables: Tables) -> None:
        """Of a training."""
        self.tables = tables

    def generate(self, energy: NDArray, rng: np.random.Generator) -> NDArray[np.float32]:
        """Cells (MeV) of showers, shape (N, 504); see `boostflow.models.generating.Generates`."""
        from scipy.special import ndtr

        bins, width, number = self.tables.quantiles.shape
        normal = rng.standard_normal((len(energy), width), np.float32) @ self.tables.factor.T
        place = ndtr(normal) * number - 0.5
        low = np.clip(place.astype(np.int64), 0, number - 2)
        rest = np.clip(place - low, -0.5, 1.5)

        def drawn(block: int, given: NDArray) -> NDArray:
            """Columns of a block, shape (N, ...); bins are mixed, not averaged."""
            mine = BLOCKS[block]
            where = np.interp(given, self.tables.given[block], np.arange(bins))
            k = np.minimum((where + rng.random(len(given))).astype(np.int64), bins - 1)
            left = (k[:, None] * width + mine) * number + low[:, mine]
            flat = self.tables.quantiles.reshape(-1)
            below = flat[left]
            above, part = flat[left + 1], rest[:, mine]
            # Between an empty cell and one with energy there is nothing.
            jump = np.where(part > 0.5, above, 0.0)
            return np.where(below > 0, np.maximum(below + (above - below) * part, 0.0), jump)

        response, first, last = (drawn(block, energy)[:, 0] for block in range(3))
        total = response * energy * 1000
        sums = [first * total, np.maximum(1 - first - last, 0.0) * total, last * total]
        one, two = (drawn(block, sums[0])[:, 0] for block in (3, 4))
        three = drawn(5, sums[1])[:, 0]
        energies = [
            np.maximum(1 - one - two, 0.0) * sums[0],
            *(one * sums[0], two * sums[0]),
            *(np.maximum(1 - three, 0.0) * sums[1], three * sums[1], sums[2]),
        ]
        cells = np.zeros((len(energy), CELLS), np.float32)
        for group, whole in enumerate(energies):
            parts = drawn(HEAD + group, whole)
            cells[:, group == GROUP] = parts * _over(whole, parts.sum(axis=1))[:, None]
        return cells


def load(model: Path) -> Generator:
    """The generator of a trained model.

    Raises:
        BoostflowError: its file is damaged.
    """
    path = model / FILE
    try:
        with np.load(path, allow_pickle=False) as file:
            tables = Tables(**{name: file[name] for name in Tables._fields})
        width = HEAD + CELLS
        if tables.factor.shape != (width, width) or tables.quantiles.shape[1] != width:
            raise ValueError(f"{tables.factor.shape[0]} columns, not {width}")
    except FileNotFoundError:
        raise BoostflowError(f"{path}: no such file") from None
    except Exception as error:
        raise BoostflowError(f"{path}: holds no tables of showers ({error})") from None
    return Generator(tables)

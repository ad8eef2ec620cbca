"""Which parts of the calorimeter split into which: a binary tree from all cells down to each."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter.geometry import CELLS, LAYERS, STARTS

CAP = 3.0
"""The energy that is split at first is this times that of the particle: more no shower has in its
cells. What the cells do not have is `REST`, which is passed on."""
SMALLEST = 0.1
"""Energy (MeV) below which networks do not see differences."""


class Generation(NamedTuple):
    """Parts that exist at the same time. The last one of each is the rest that no cell has."""

    width: int
    """Number of the parts."""
    parents: NDArray[np.int64]
    """Positions of those that split, shape (S,)."""
    left: NDArray[np.int64]
    """Positions in the next generation of what each splits into, shape (S,)."""
    right: NDArray[np.int64]
    """Positions of the other halves, shape (S,)."""
    kept: NDArray[np.int64]
    """Positions of those that do not split, shape (K,)."""
    moved: NDArray[np.int64]
    """Positions of these in the next generation, shape (K,)."""


class Tree(NamedTuple):
    """All generations, and how cells make parts."""

    generations: list[Generation]
    """From the whole to the parents of the last cells."""
    members: list[NDArray[np.float32]]
    """1 where a cell is in a part, shape (504, width), of each generation and of the last parts;
    the whole and the rest have none."""
    cells: NDArray[np.int64]
    """Cell of each part that is left at the end but for the rest, shape (504,)."""


def tree() -> Tree:
    """The tree: the layers, then halves of what is longer in phi or in eta.

    Three rows are the middle one and both others, as the core of a shower is in the middle.
    """
    numbers = [np.arange(first, last) for first, last in pairwise(STARTS)]
    grids = [one.reshape(layer.shape) for one, layer in zip(numbers, LAYERS, strict=True)]
    rest = np.zeros((0, 0), np.int64)
    # The whole is not yet seen, so it is no list of cells: it splits into the cells and the rest.
    parts: list[list[NDArray]] = [grids, [rest]]
    generations = [_generation([0], 1)]
    members = [np.zeros((CELLS, 1), np.float32), _members(parts)]
    while any(_halves(part) for part in parts):
        after: list[list[NDArray]] = []
        parents, kept, places = [], [], []
        for number, part in enumerate(parts):
            halves = _halves(part)
            (parents if halves else kept).append(number)
            places.append(len(after))
            after += halves or [part]
        at = np.array(places)
        generations.append(
            Generation(
                len(parts),
                np.array(parents),
                at[parents],
                at[parents] + 1,
                np.array(kept),
                at[kept],
            )
        )
        parts = after
        members.append(_members(parts))
    return Tree(generations, members, np.array([int(part[0][0, 0]) for part in parts[:-1]]))


def _generation(parents: list[int], width: int) -> Generation:
    none = np.zeros(0, np.int64)
    return Generation(width, np.array(parents), np.array([0]), np.array([1]), none, none)


def _halves(part: list[NDArray]) -> list[list[NDArray]]:
    """What a part, layers or pieces of them, splits into; nothing if it is a cell or the rest."""
    if len(part) > 1:
        # The last layer from those before it; both rows of three that are not in the middle.
        return [part[:-1], part[-1:]]
    (piece,) = part
    rows, columns = piece.shape
    if rows * columns < 2:
        return []
    layer = LAYERS[int(np.searchsorted(STARTS, piece[0, 0], "right")) - 1]
    if rows > 1 and rows * layer.shape[1] >= columns * layer.shape[0]:
        if rows == 3:
            return [[piece[1:2]], [piece[:1], piece[2:]]]
        return [[piece[: rows // 2]], [piece[rows // 2 :]]]
    return [[piece[:, : columns // 2]], [piece[:, columns // 2 :]]]


def _members(parts: list[list[NDArray]]) -> NDArray[np.float32]:
    found = np.zeros((CELLS, len(parts)), np.float32)
    for number, part in enumerate(parts):
        for piece in part:
            found[piece.ravel(), number] = 1.0
    return found


def inputs(energies: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a network sees of parts: logarithms of their energies (MeV), of the same shape."""
    return np.log1p(energies / np.float32(SMALLEST))

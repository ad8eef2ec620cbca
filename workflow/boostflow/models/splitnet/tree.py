"""Which parts of the calorimeter split into which: a binary tree from all cells down to each."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter.geometry import CELLS, HALF_WIDTH, LAYERS, STARTS

CAP = 3.0
"""The energy that is split at first is this times that of the particle: more no shower has in its
cells. What the cells do not have is the rest, which is passed on."""
SMALLEST = 0.1
"""Energy (MeV) below which networks do not see differences."""
BESIDE, ELSEWHERE = 6, 2
"""Parts of the same layer, the nearest ones, and of each other layer that a split depends on."""
TOTALS = len(LAYERS) + 1
"""Sums that all splits depend on: of each layer, and of everything."""

Part = list[NDArray[np.int64]]
"""Pieces of layers, or layers: arrays of the numbers of their cells, in phi and eta."""


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
    sums: NDArray[np.float32]
    """1 where a part is in one of the `TOTALS`, shape (width, TOTALS)."""
    context: NDArray[np.int64]
    """What each split depends on: positions among parts and then totals, shape (S, C)."""
    places: NDArray[np.float32]
    """Where each part that splits is, and how large, shape (S, P)."""


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
    grids = [
        np.arange(first, last).reshape(layer.shape)
        for (first, last), layer in zip(pairwise(STARTS), LAYERS, strict=True)
    ]
    rest: Part = [np.zeros((0, 0), np.int64)]
    parts: list[Part] = [grids, rest]
    # The whole is not yet seen, so it is no list of cells: it splits into the cells and the rest.
    generations = [_generation([rest], [[grids, rest]])]
    members = [np.zeros((CELLS, 1), np.float32)]
    while any(halves := [_halves(part) for part in parts]):
        generations.append(_generation(parts, halves))
        members.append(_members(parts))
        parts = [one for part, half in zip(parts, halves, strict=True) for one in half or [part]]
    members.append(_members(parts))
    return Tree(generations, members, np.array([int(part[0][0, 0]) for part in parts[:-1]]))


def _generation(parts: list[Part], halves: list[list[Part]]) -> Generation:
    after = np.cumsum([0, *(len(half) or 1 for half in halves)])
    splits = np.array([bool(half) for half in halves])
    parents, kept = np.flatnonzero(splits), np.flatnonzero(~splits)
    layers = np.array([_layer(part) for part in parts])
    sums = np.zeros((len(parts), TOTALS), np.float32)
    sums[:, -1] = 1.0
    for number in range(len(LAYERS)):
        sums[layers == number, number] = 1.0
    places = np.stack([_place(part) for part in parts])
    context = [_context(int(one), layers, places) for one in parents]
    return Generation(
        *(len(parts), parents, after[parents], after[parents] + 1, kept, after[kept]),
        *(sums, np.array(context), places[parents].astype(np.float32)),
    )


def _layer(part: Part) -> int:
    """The first layer of a part; -1 for the rest."""
    first = part[0]
    return int(np.searchsorted(STARTS, first[0, 0], "right")) - 1 if first.size else -1


def _halves(part: Part) -> list[Part]:
    """What a part splits into; nothing if it is a cell or the rest."""
    if len(part) > 1:
        # The last layer from those before it; both rows of three that are not in the middle.
        return [part[:-1], part[-1:]]
    (piece,) = part
    rows, columns = piece.shape
    if rows * columns < 2:
        return []
    layer = LAYERS[_layer(part)]
    if rows > 1 and rows * layer.shape[1] >= columns * layer.shape[0]:
        if rows == 3:
            return [[piece[1:2]], [piece[:1], piece[2:]]]
        return [[piece[: rows // 2]], [piece[rows // 2 :]]]
    return [[piece[:, : columns // 2]], [piece[:, columns // 2 :]]]


def _place(part: Part) -> NDArray[np.float64]:
    """Middle and size of a part in units of half of the width, and its layer; 0 for the rest.

    Middles are in phi and eta, without a sign, too; nearness to the axis comes on three scales.
    """
    number = _layer(part)
    found = np.zeros(10)
    if number < 0:
        return found
    shape = LAYERS[number].shape
    cells = np.concatenate([piece.ravel() for piece in part if _layer([piece]) == number])
    places = np.stack(np.divmod(cells - STARTS[number], shape[1]))
    cell = 2.0 / np.array(shape)[:, None]
    edges = np.stack([places * cell, (places + 1) * cell]) - 1
    middle = (edges[0].min(axis=1) + edges[1].max(axis=1)) / 2
    size = edges[1].max(axis=1) - edges[0].min(axis=1)
    distance = np.hypot(*middle) * HALF_WIDTH
    near = np.exp(-distance / np.array([10.0, 30.0, 100.0]))
    found[:] = *middle, *np.abs(middle), *size, *near, number
    return found


def _context(one: int, layers: NDArray, places: NDArray) -> list[int]:
    """Positions of the part, of those that it depends on (itself where there are fewer), totals."""
    distance = np.hypot(*(places[:, :2] - places[one, :2]).T)
    found = [one]
    for number in range(len(LAYERS)):
        mine = number == layers[one]
        others = np.flatnonzero((layers == number) & (np.arange(len(layers)) != one))
        others = others[np.argsort(distance[others], kind="stable")]
        wanted = BESIDE if mine else ELSEWHERE
        nearest = others[:wanted].tolist()
        found += nearest + [one] * (wanted - len(nearest))
    return found + [len(layers) + k for k in range(TOTALS)]


def _members(parts: list[Part]) -> NDArray[np.float32]:
    found = np.zeros((CELLS, len(parts)), np.float32)
    for number, part in enumerate(parts):
        for piece in part:
            found[piece.ravel(), number] = 1.0
    return found


def inputs(
    generation: Generation,
    energies: NDArray[np.float32],
    showers: NDArray[np.integer],
    splits: NDArray[np.integer],
) -> NDArray[np.float32]:
    """What the network of a generation sees of some splits, shape (R, C + P).

    They are logarithms of energies, and the places of the parts.

    Args:
        generation: which one.
        energies: of its parts (MeV), shape (N, width).
        showers: of which shower each split is, shape (R,).
        splits: which of the S splits it is, shape (R,).
    """
    every = np.concatenate([energies, energies @ generation.sums], axis=1)
    seen = np.log1p(np.maximum(every, 0) / np.float32(SMALLEST))
    found = np.empty((len(showers), sum(x.shape[1] for x in generation[-2:])), np.float32)
    context = generation.context.shape[1]
    found[:, :context] = seen[showers[:, None], generation.context[splits]]
    found[:, context:] = generation.places[splits]
    return found

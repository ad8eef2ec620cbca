"""The clustering trees of jets: their particles, clustered again until one is left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.compiled import njit
from boostflow.constituents.particles import Particles
from boostflow.observables import kernels

POWERS = {"kt": 1, "cambridge": 0, "antikt": -1}
"""Exponent of pT^2 in the distance of each algorithm (arXiv:0802.1189)."""
BLOCK = 256
"""Jets that are clustered at a time: distances of all pairs are in memory."""
PT_TINY = 1e-9
"""Constituents are given at least this pT (GeV): without any they have no direction."""


def merges(particles: Particles, algorithm: str) -> NDArray[np.int16]:
    """The tree of each jet, beside its n particles: (P, 2).

    In the row of a jet's particle s stand the nodes that its merging s joins, the one with the
    higher pT first; the last row is -1. Nodes below n are particles of the jet, node n + s is what
    merging s leaves, so that the last merging is the root. E scheme; all is merged, as FastJet does
    with a radius that is larger than every distance.

    Args:
        particles: P particles with finite momenta.
        algorithm: of `POWERS`.
    """
    columns = (particles.column(name) for name in ("eta", "phi", "mass"))
    momenta = kernels.momenta(np.maximum(particles.pt, PT_TINY), *columns)
    ends = np.concatenate([[0], np.cumsum(particles.counts, dtype=np.int64)])
    result = np.empty((len(particles), 2), np.int16)
    for begin in range(0, len(particles.counts), BLOCK):
        offsets = ends[begin : begin + BLOCK + 1]
        here = slice(offsets[0], offsets[-1])
        part = np.ascontiguousarray(momenta[:, here])
        result[here] = _merges(offsets - offsets[0], part, POWERS[algorithm])
    return result


def _merges(
    offsets: NDArray[np.int64], momenta: NDArray[np.float64], power: int
) -> NDArray[np.int64]:
    sizes = np.diff(offsets)
    pairs = np.concatenate([[0], np.cumsum(sizes**2)])
    distances = kernels.pair_distances(offsets, pairs, momenta[4], momenta[5])
    nodes, parents = kernels.recluster(offsets, pairs, distances, momenta, power)
    first = np.repeat(offsets[:-1], sizes)
    found = parents[:, first + np.arange(len(first)) + np.repeat(sizes, sizes)]
    pt2 = (nodes[0] ** 2 + nodes[1] ** 2)[2 * first + found]
    return np.where(pt2[0] < pt2[1], found[::-1], found).T


def leaves(particles: Particles) -> NDArray[np.int64]:
    """Rows of the particles in the order of the Cambridge/Aachen trees of their jets, (P,).

    Trees are walked depth first, of two branches the one with the higher pT first, as in
    arXiv:1711.09059 (there with anti-kT). Jets keep their order.

    Args:
        particles: P particles with finite momenta.
    """
    return _leaves(particles.starts, particles.counts, merges(particles, "cambridge"))


@njit(cache=True)
def _leaves(
    starts: NDArray[np.int64], counts: NDArray[np.int32], joined: NDArray[np.int16]
) -> NDArray[np.int64]:
    result = np.empty(len(joined), np.int64)
    for jet in range(len(counts)):
        first, n = starts[jet], counts[jet]
        at, waiting = first, 1
        stack = np.empty(n + 1, np.int64)
        stack[0] = 2 * n - 2
        while waiting:
            waiting -= 1
            node = stack[waiting]
            if node < n:
                result[at] = first + node
                at += 1
                continue
            # What was put there last is looked at first.
            stack[waiting] = joined[first + node - n, 1]
            stack[waiting + 1] = joined[first + node - n, 0]
            waiting += 2
    return result

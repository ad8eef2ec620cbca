"""The clustering tree of a jet's constituents."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.compiled import njit
from boostflow.constituents.particles import Particles
from boostflow.observables import kernels

PT_TINY = 1e-9
"""Constituents are given at least this pT (GeV): without any they have no direction."""


def leaves(particles: Particles) -> NDArray[np.int64]:
    """Rows of the particles in the order of the Cambridge/Aachen trees of their jets, (P,).

    Trees are walked depth first, of two branches the one with the higher pT first, as in
    arXiv:1711.09059 (there with anti-kT). Jets keep their order.

    Args:
        particles: P particles with finite momenta.
    """
    offsets = np.concatenate([particles.starts, [len(particles)]]).astype(np.int64)
    columns = (particles.column(name) for name in ("eta", "phi", "mass"))
    momenta = kernels.momenta(np.maximum(particles.pt, PT_TINY), *columns)
    pairs = np.concatenate([[0], np.cumsum(particles.counts.astype(np.int64) ** 2)])
    distances = kernels.pair_distances(offsets, pairs, momenta[4], momenta[5])
    nodes, parents = kernels.recluster(offsets, pairs, distances, momenta, False)
    return _leaves(offsets, nodes, parents)


@njit(cache=True)
def _leaves(
    offsets: NDArray[np.int64], nodes: NDArray[np.float64], parents: NDArray[np.int64]
) -> NDArray[np.int64]:
    result = np.empty(offsets[-1], np.int64)
    for jet in range(len(offsets) - 1):
        first, n = offsets[jet], offsets[jet + 1] - offsets[jet]
        base, at, waiting = 2 * first, first, 1
        stack = np.empty(n + 1, np.int64)
        stack[0] = 2 * n - 2
        while waiting:
            waiting -= 1
            node = stack[waiting]
            one, two = parents[0, base + node], parents[1, base + node]
            if one < 0:
                result[at] = first + node
                at += 1
                continue
            pt_one = nodes[0, base + one] ** 2 + nodes[1, base + one] ** 2
            pt_two = nodes[0, base + two] ** 2 + nodes[1, base + two] ** 2
            if pt_one < pt_two:
                one, two = two, one
            # What was put there last is looked at first.
            stack[waiting], stack[waiting + 1] = two, one
            waiting += 2
    return result

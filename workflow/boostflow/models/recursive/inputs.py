"""What a recursive network reads of packed jets; see `boostflow.models.family.Gives`.

States of nodes are rows of a table: first those of the particles of all jets, padded, then those of
each level. A level holds mergings whose subjets are in levels before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.compiled import njit
from boostflow.constituents.packing import Packed
from boostflow.models import packed
from boostflow.models.recursive.block import ROOT, SUBJETS, RecursiveNetwork, level

READ = (
    *("log_pt_rel", "eta_rel", "phi_rel", "log_mass", "log_e_rel"),
    *("log_distance", "log_kt", "share"),
)
"""What is read of a subjet: the first five of its momentum (relative to the sum of the jet's
constituents, the mass in 100 GeV), the others of the two that merged: their distance in (eta, phi),
the smaller pT times it in 100 GeV, and the smaller one's part of both pT."""
CENTRE = np.array([-2.5, 0, 0, -2.5, -2.5, -2, -4, 0.2])
SPREAD = np.array([2.0, 0.2, 0.2, 2, 2, 1, 2, 0.15])
"""They are brought to about a mean of 0 and a spread of 1 by these."""
SMALLEST = 1e-6
"""Logarithms and parts are of at least this."""
LEAST_MASS = 0.01
"""The same of a mass: 1 GeV."""


class Tree(NamedTuple):
    """The mergings of N jets, one beside each of P particles; a jet's last one is none.

    Nodes are numbered over all jets: 2 n of a jet with n particles, first these, then its mergings.
    """

    node: NDArray[np.int64]
    """Number of each merging, (P,)."""
    children: NDArray[np.int64]
    """Nodes that it joins, (P, 2)."""
    level: NDArray[np.int64]
    """Mergings on the longest way down to a particle, itself included, (P,); 0 for what is none, or
    too far below its jet."""
    cut: NDArray[np.bool_]
    """Where it counts as one particle, (P,)."""
    momenta: NDArray[np.float64]
    """Light-cone momenta of all nodes in 100 GeV, (2 P, 4)."""
    root: NDArray[np.int64]
    """The node that is the jet of each merging, (P,)."""


def shapes(block: RecursiveNetwork) -> packed.Shapes:
    """Features and mask, subjets, levels (rows of two states and of a subjet), and the root."""
    levels = {level(i): ((None, 3), "int32") for i in range(1, block.depth() + 1)}
    subjets = {SUBJETS: ((None, len(READ)), "float32")}
    return {**packed.shapes(block), **subjets, **levels, ROOT: ((1,), "int32")}


def arrays(block: RecursiveNetwork, jets: Packed) -> dict[str, NDArray]:
    """The arrays of `shapes` for N jets, by name.

    Particles are padded to one more than the longest jet has. The state of a place without a
    particle is 0: what a merging lacks is the last one of the first jet.
    """
    tree = climbed(jets, block.depth())
    features, mask = (np.pad(x, [(0, 0), (0, 1), *[(0, 0)] * (x.ndim - 2)]) for x in jets.padded())
    found: dict[str, NDArray] = {packed.PARTICLES: features, packed.MASK: mask}
    size = mask.shape[1]
    slots = max(size - 2, 1)
    found[SUBJETS] = np.zeros((len(jets), slots, len(READ)), np.float32)
    first = np.repeat(np.cumsum(jets.counts, dtype=np.int64) - jets.counts, jets.counts)
    jet = np.repeat(np.arange(len(jets)), jets.counts)
    place = np.arange(len(jet)) - first
    merged = np.flatnonzero(tree.level > 0)
    found[SUBJETS][jet[merged], place[merged]] = subjets(tree, merged)
    rows = np.full(2 * len(jet), size - 1)
    """Of all nodes: a jet's n particles, then its mergings."""
    rows[2 * first + place] = jet * size + place
    after = len(jets) * size
    for number in range(1, block.depth() + 1):
        here = np.flatnonzero(tree.level == number)
        many = np.bincount(jet[here], minlength=len(jets))
        width = max(int(many.max()), 1)
        at = np.arange(len(here)) - (np.cumsum(many) - many)[jet[here]]
        mergings = np.zeros((len(jets), width, 3), np.int32)
        mergings[..., :2] = size - 1
        children = rows[tree.children[here]]
        children[tree.cut[here]] = size - 1
        mergings[jet[here], at, :2] = children
        mergings[jet[here], at, 2] = jet[here] * slots + place[here]
        rows[tree.node[here]] = after + jet[here] * width + at
        found[level(number)] = mergings
        after += len(jets) * width
    last = np.cumsum(jets.counts, dtype=np.int64)
    root = np.full(len(jets), size - 1)
    some = jets.counts > 0
    root[some] = rows[2 * last[some] - 2]
    found[ROOT] = root[:, None].astype(np.int32)
    return found


def climbed(jets: Packed, levels: int) -> Tree:
    """The trees of some jets, with momenta added up from their particles.

    Args:
        jets: packed with a tree and with momenta.
        levels: most of a tree.
    """
    counts = jets.counts.astype(np.int64)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    sizes = np.repeat(counts, counts)
    children = jets.merges.astype(np.int64) + 2 * first[:, None]
    momenta = np.zeros((2 * len(first), 4))
    momenta[np.arange(len(first)) + first] = jets.momenta
    level, cut = _climb(counts, children, momenta, levels)
    node = np.arange(len(first)) + first + sizes
    return Tree(node, children, level, cut, momenta, 2 * (first + sizes) - 2)


@njit(cache=True)
def _climb(
    counts: NDArray[np.int64],
    children: NDArray[np.int64],
    momenta: NDArray[np.float64],
    levels: int,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Levels and cuts of mergings (P,); momenta of mergings are filled in."""
    level, cut = np.zeros(len(children), np.int64), np.zeros(len(children), np.bool_)
    height, below = np.zeros(2 * len(children), np.int64), np.zeros(2 * len(children), np.int64)
    first = 0
    for n in counts:
        # From the jet down: how far below it each node is.
        for s in range(n - 2, -1, -1):
            for child in children[first + s]:
                below[child] = below[2 * first + n + s] + 1
        for s in range(n - 1):
            node = 2 * first + n + s
            one, two = children[first + s, 0], children[first + s, 1]
            momenta[node] = momenta[one] + momenta[two]
            highest = max(height[one], height[two])
            cut[first + s] = below[node] == levels - 1 and highest > 0
            height[node] = 1 if cut[first + s] else highest + 1
            if below[node] < levels:
                level[first + s] = height[node]
        first += n
    return level, cut


def subjets(tree: Tree, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """What is read of some mergings, shape (chosen, `READ`).

    Args:
        tree: of the jets.
        chosen: numbers of the mergings, below P.
    """
    mine, whole = (_kinematics(tree.momenta[at[chosen]]) for at in (tree.node, tree.root))
    pairs = [_kinematics(tree.momenta[tree.children[chosen, i]]) for i in range(2)]
    (pt, eta, phi, energy, mass), (jet_pt, jet_eta, jet_phi, jet_energy, _) = mine, whole
    distance = np.hypot(pairs[0][1] - pairs[1][1], _wrapped(pairs[0][2] - pairs[1][2]))
    softer = np.minimum(pairs[0][0], pairs[1][0])
    values = (
        np.log(np.maximum(pt / jet_pt, SMALLEST)),
        eta - jet_eta,
        _wrapped(phi - jet_phi),
        np.log(np.maximum(mass, LEAST_MASS)),
        np.log(np.maximum(energy / jet_energy, SMALLEST)),
        np.log(np.maximum(distance, SMALLEST)),
        np.log(np.maximum(distance * softer, SMALLEST)),
        softer / np.maximum(pairs[0][0] + pairs[1][0], SMALLEST),
    )
    return (np.stack(values, axis=1) - CENTRE) / SPREAD


def _kinematics(momenta: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """pT, pseudorapidity, azimuth (both relative to the jet axis), energy and mass, in 100 GeV."""
    plus, minus, across, beam = momenta.T
    along = (plus - minus) / 2
    pt = np.maximum(np.hypot(along, across), SMALLEST)
    square = plus * minus - across**2 - beam**2
    mass = np.sqrt(np.maximum(square, 0))
    return pt, np.arcsinh(beam / pt), np.arctan2(across, along), (plus + minus) / 2, mass


def _wrapped(phi: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.mod(phi + np.pi, 2 * np.pi) - np.pi

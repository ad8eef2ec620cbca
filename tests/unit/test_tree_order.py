"""The order of a jet's constituents in its clustering tree, as FastJet clusters it."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from boostflow.constituents.packing import Layout
from boostflow.constituents.particles import Particles
from boostflow.constituents.trees import leaves
from boostflow.errors import BoostflowError
from support import ucluster_jets


def by_fastjet(particles: Particles) -> np.ndarray:
    """Rows of the leaves of FastJet's Cambridge/Aachen trees, the harder branch first."""
    import fastjet

    # A radius beyond every distance: nothing is left outside of the tree.
    definition = fastjet.JetDefinition(fastjet.cambridge_algorithm, 100.0)
    result = []
    for start, count in zip(particles.starts, particles.counts, strict=True):
        given = []
        for row in range(start, start + count):
            pt, eta, phi, mass = (particles.column(n)[row] for n in ("pt", "eta", "phi", "mass"))
            px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
            one = fastjet.PseudoJet(px, py, pz, np.hypot(pt * np.cosh(eta), mass))
            one.set_user_index(int(row))
            given.append(one)
        sequence = fastjet.ClusterSequence(given, definition)
        (whole,) = sequence.exclusive_jets(1)
        waiting = [whole]
        while waiting:
            node = waiting.pop()
            one, two = fastjet.PseudoJet(), fastjet.PseudoJet()
            if node.has_parents(one, two):
                waiting += sorted([one, two], key=lambda branch: branch.perp())
            else:
                result.append(node.user_index())
    return np.array(result)


def test_the_order_is_that_of_fastjet() -> None:
    rows = ak.concatenate([ucluster_jets.jets(name, 20, 3, (2, 40)) for name in ("w", "top")])
    particles = Particles.of(rows, 64, "toy")
    found = leaves(particles)
    np.testing.assert_array_equal(found, by_fastjet(particles))
    assert (found != np.arange(len(found))).mean() > 0.5


def test_branches_follow_each_other() -> None:
    """Two prongs: the harder with all it has, then the other."""
    rows = ak.Array(
        {
            "pf_pt": [[50.0, 49.0, 30.0, 2.0], [5.0]],
            "pf_eta": [[0.0, 0.5, 0.51, 0.01], [0.0]],
            "pf_phi": [[0.0, 0.0, 0.0, 0.0], [1.0]],
            "pf_mass": [[0.0, 0.0, 0.0, 0.0], [0.0]],
            **{name: [1.0, 1.0] for name in ("pt", "eta", "phi", "mass")},
        }
    )
    packed = Layout(("pt",), 10, order="tree").pack(rows, "toy")
    assert packed.features[:, 0].tolist() == [49, 30, 50, 2, 5]
    assert Layout(("pt",), 10).pack(rows, "toy").features[:, 0].tolist() == [50, 49, 30, 2, 5]
    with_neighbours = Layout(("pt",), 10, neighbours=2, order="tree").pack(rows, "toy")
    assert with_neighbours.neighbours.tolist() == [[0, 1], [1, 0], [2, 3], [3, 2], [0, 0]]


def test_constituents_without_momentum_have_a_place_and_nan_none() -> None:
    rows = ucluster_jets.jets("w", 3, 1)
    rows["pf_pt"] = ak.where(ak.local_index(rows.pf_pt) < 2, rows.pf_pt, 0.0)
    particles = Particles.of(rows, 64, "toy")
    assert np.array_equal(np.sort(leaves(particles)), np.arange(len(particles)))
    rows["pf_pt"] = rows.pf_pt * np.nan
    with pytest.raises(BoostflowError, match="3 jets have constituents with a NaN"):
        Layout(("pt",), 10, order="tree").pack(rows, "toy")

"""Jets that are turned at random in a training: what changes and what stays."""

from __future__ import annotations

import numpy as np
import pytest

from boostflow.constituents.catalogue import DIRECTION, FEATURES
from boostflow.constituents.packing import Layout, Packed
from boostflow.constituents.turning import Turns

NAMES = ("log_pt", "phi_rel", "eta_rel")


def jets(number: int = 200) -> Packed:
    rng = np.random.default_rng(5)
    counts = rng.integers(1, 9, number).astype(np.int32)
    particles = np.zeros(counts.sum(), Layout(NAMES, 9, neighbours=2).dtype)
    particles["features"] = rng.normal(size=(len(particles), 3))
    particles["neighbours"] = rng.integers(0, 5, (len(particles), 2))
    return Packed(particles, counts)


def test_shapes_stay_and_directions_do_not() -> None:
    """Distances between all pairs of constituents are those of before, in both senses."""
    before = jets()
    after = Turns.drawn(len(before), 1, 0).applied(before, NAMES)
    np.testing.assert_array_equal(after.counts, before.counts)
    np.testing.assert_array_equal(after.neighbours, before.neighbours)
    np.testing.assert_array_equal(after.features[:, 0], before.features[:, 0])
    for one, other in zip(
        *(np.split(x.features[:, 1:], np.cumsum(x.counts)[:-1]) for x in (before, after)),
        strict=True,
    ):
        assert not np.allclose(one, other, atol=1e-3)
        pairs = [np.linalg.norm(x[:, None] - x, axis=-1) for x in (one, other)]
        np.testing.assert_allclose(*pairs, atol=1e-5)
        np.testing.assert_allclose(*(np.hypot(*x.T) for x in (one, other)), rtol=1e-5, atol=1e-6)


def test_angles_are_even_and_half_are_mirrored() -> None:
    """The triangle of the axis and two constituents changes its sense in half of the jets."""
    one = Packed(np.zeros(40_000, Layout(NAMES, 2).dtype), np.full(20_000, 2, np.int32))
    one.features[0::2, 2], one.features[1::2, 1] = 1, 1
    turned = Turns.drawn(len(one), 3, 7).applied(one, NAMES).features[:, [2, 1]]
    areas = np.cross(turned[0::2], turned[1::2])
    np.testing.assert_allclose(np.abs(areas), 1, rtol=1e-5)
    assert abs(np.mean(areas > 0) - 0.5) < 4 * 0.5 / np.sqrt(20_000)
    angles = np.arctan2(turned[0::2, 1], turned[0::2, 0])
    found, _ = np.histogram(angles, 20, (-np.pi, np.pi))
    # 19 degrees of freedom: p = 1e-4.
    assert np.sum((found - 1000.0) ** 2 / 1000) < 49.6


def test_turns_follow_from_seed_epoch_and_number() -> None:
    first = Turns.drawn(50, 1, 0)
    rows = np.array([7, 3])
    np.testing.assert_array_equal(first[rows].angle, Turns.drawn(50, 1, 0).angle[rows])
    for seed, epoch in ((1, 1), (2, 0)):
        assert not np.isclose(first.angle, Turns.drawn(50, seed, epoch).angle).any()


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_a_feature_says_whether_it_turns(name: str) -> None:
    """Checked by turning the constituents of a jet themselves about its axis."""
    import awkward as ak

    from boostflow.constituents.particles import Particles

    feature = FEATURES[name]
    rng = np.random.default_rng(2)
    number = 12
    d_eta, d_phi = rng.normal(0, 0.3, (2, number))
    angle = 0.7
    turned = (
        np.cos(angle) * d_eta - np.sin(angle) * d_phi,
        (np.sin(angle) * d_eta + np.cos(angle) * d_phi),
    )
    found = []
    for eta, phi in ((d_eta, d_phi), turned):
        rows = {
            "pf_pt": rng_pt(number),
            "pf_eta": eta,
            "pf_phi": phi,
            "pf_mass": np.full(number, 0.14),
            "pf_charge": np.ones(number),
            "pf_pdgId": np.full(number, 211),
        }
        jet = ak.Array(
            {key: [value] for key, value in rows.items()}
            | {"pt": [500.0], "eta": [0.0], "phi": [0.0], "mass": [80.0]}
        )
        found.append(feature.formula(Particles.of(jet, number, "toy", feature.needs)))
    if name in DIRECTION:
        assert feature.directed and not np.allclose(*found)
    elif not feature.directed and "log_e" not in name:
        # Energies are those of a frame, which turns with neither eta nor phi.
        np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-5)
    else:
        assert not np.allclose(*found)


def rng_pt(number: int) -> np.ndarray:
    """Falling momenta that are the same in every jet."""
    return np.sort(np.random.default_rng(3).uniform(5, 100, number))[::-1].copy()

"""Constituents for networks: the catalogue of features, packing, padding."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from boostflow.constituents.catalogue import COLUMNS, FEATURES
from boostflow.constituents.collections import COLLECTIONS, needed
from boostflow.constituents.packing import Layout
from boostflow.errors import BoostflowError

ALL = tuple(FEATURES)


def jets() -> ak.Array:
    """Two jets, of three particles and of one."""
    return ak.zip(
        {
            "pf_pt": [[50.0, 200.0, 100.0], [10.0]],
            "pf_eta": [[0.4, 0.5, 0.7], [1.0]],
            "pf_phi": [[3.0, 3.1, -3.1], [0.0]],
            "pf_mass": [[0.0, 0.0, 0.14], [0.0]],
            "pf_charge": [[0, -1, 1], [0]],
            "pf_pdgId": [[22, 11, 211], [130]],
            "pt": [340.0, 10.0],
            "eta": [0.5, 1.0],
            "phi": [3.1, 0.0],
            "mass": [50.0, 0.0],
        },
        depth_limit=1,
    )


def named(layout: Layout, rows: ak.Array) -> dict[str, np.ndarray]:
    return dict(zip(layout.features, layout.pack(rows, "toy").features.T, strict=True))


def test_each_feature_is_its_formula() -> None:
    found = named(Layout(ALL, 10), jets())
    pt, eta, phi = np.array([200.0, 100.0, 50.0]), np.array([0.5, 0.7, 0.4]), [3.1, -3.1, 3.0]
    mass = np.array([0, 0.14, 0])
    d_phi = np.angle(np.exp(1j * (np.array(phi) - 3.1)))
    energy = np.hypot(pt * np.cosh(eta), mass)
    jet_energy = np.hypot(340 * np.cosh(0.5), 50)
    theta = 2 * np.arctan(np.exp(-eta))
    wanted = {
        "eta_rel": eta - 0.5,
        "phi_rel": d_phi,
        "log_pt_rel": np.log(pt / 340),
        "delta_r": np.hypot(eta - 0.5, d_phi),
        "log_e": np.log(energy),
        "log_e_rel": np.log(energy / jet_energy),
        "log_pt": np.log(pt),
        "cos_theta_rel": np.cos(theta - theta[0]),
        # The second lies 0.216 from the first and 0.37 from the third.
        "log_local_pt": np.log(np.array([250, 100, 250]) / 340),
        "pt": pt,
        "pt_share": pt / 350,
        "charge": [-1, 1, 0],
        "is_electron": [1, 0, 0],
        "is_muon": [0, 0, 0],
        "is_photon": [0, 0, 1],
        "is_charged_hadron": [0, 1, 0],
        "is_neutral_hadron": [0, 0, 0],
    }
    assert wanted.keys() == FEATURES.keys()
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name][:3], values, atol=1e-6, err_msg=name)
    assert found["is_neutral_hadron"][3] == 1 and found["pt_share"][3] == 1


def test_every_feature_has_a_title_and_says_what_it_needs() -> None:
    rows = jets()
    for name, feature in FEATURES.items():
        assert feature.name == name and feature.title
        for column in feature.needs:
            with pytest.raises(BoostflowError, match=rf"toy: no column {column}"):
                Layout((name,), 10).pack(ak.without_field(rows, column), "toy")
    assert needed("constituents", ["charge", "is_muon"]) == [*COLUMNS, "pf_charge", "pf_pdgId"]
    bare = ak.without_field(ak.without_field(rows, "pf_charge"), "pf_pdgId")
    free = tuple(name for name, feature in FEATURES.items() if not feature.needs)
    assert named(Layout(free, 10), bare).keys() == set(free)


def test_shares_are_those_of_the_constituents_that_are_kept() -> None:
    packed = Layout(("pt_share",), 2).pack(jets(), "toy")
    np.testing.assert_allclose(packed.features[:, 0], [2 / 3, 1 / 3, 1], rtol=1e-6)


def test_what_is_not_asked_for_is_not_kept() -> None:
    assert Layout(("log_pt",), 10).dtype.names == ("features",)
    whole = Layout(("log_pt",), 10, neighbours=2, momenta=True)
    assert whole.dtype.names == ("features", "momenta", "neighbours")
    assert whole.pack(jets(), "toy").neighbours.tolist() == [[0, 2], [1, 0], [2, 0], [0, 0]]


def test_padding_is_behind_the_particles() -> None:
    packed = Layout(("log_pt", "charge"), 10).pack(jets(), "toy")
    features, mask = packed.padded()
    assert features.shape == (2, 3, 2) and mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    np.testing.assert_allclose(np.exp(features[0, :, 0]), [200, 100, 50], rtol=1e-6)
    assert not features[1, 1:].any()
    features, mask = packed.take(np.array([1])).padded()
    assert features.shape == (1, 1, 2) and mask.tolist() == [[1]]


@pytest.mark.parametrize("column", ["pf_mass", "pf_eta", "mass"])
def test_a_momentum_that_is_not_finite_is_named_whatever_is_read(column: str) -> None:
    rows = jets()
    rows[column] = rows[column] * np.nan
    with pytest.raises(BoostflowError, match=r"toy: 2 jets have constituents with a NaN or inf"):
        Layout(("log_pt",), 10).pack(rows, "toy")


# --- tracks and vertices --------------------------------------------------------------------------


def displaced() -> ak.Array:
    """Two jets along x: with three tracks of four constituents and two vertices; with neither."""
    columns = {
        "pf_pt": [[40.0, 30.0, 20.0, 10.0], [50.0]],
        "pf_eta": [[0.0] * 4, [0.0]],
        "pf_phi": [[0.0, 0.1, -0.1, 0.2], [0.0]],
        "pf_mass": [[0.0] * 4, [0.0]],
        "pf_charge": [[0, 1, -1, 1], [0]],
        "pf_d0": [[0.0, 0.01, 0.06, -0.03], [0.0]],
        "pf_d0Err": [[-1.0, 0.01, 0.02, 0.01], [-1.0]],
        "pf_dz": [[0.0, 0.02, -0.04, 0.0], [0.0]],
        "pf_dzErr": [[-1.0, 0.02, 0.02, 0.02], [-1.0]],
        "sv_pt": [[8.0, 25.0], []],
        "sv_eta": [[0.1, 0.0], []],
        "sv_phi": [[0.0, 0.1], []],
        "sv_mass": [[0.7, 2.0], []],
        "sv_dlen": [[0.1, 0.3], []],
        "sv_dlenSig": [[4.0, 20.0], []],
        "sv_dxySig": [[3.0, 15.0], []],
        "sv_ntracks": [[2, 4], []],
        "sv_pAngle": [[0.3, 0.01], []],
        "sv_chi2": [[1.0, 0.0], []],
    }
    jet = {"pt": [100.0, 50.0], "eta": [0.0, 0.0], "phi": [0.0, 0.0], "mass": [10.0, 5.0]}
    return ak.zip(
        {name: ak.Array(values) for name, values in (jet | columns).items()}, depth_limit=1
    )


def test_tracks_come_by_significance() -> None:
    names = ("sip", "siz", "log_d0_error", "log_dz_error", "charge", "log_pt")
    packed = Layout(names, 2, collection="tracks").pack(displaced(), "toy")
    assert packed.counts.tolist() == [2, 0]
    sip, siz, error, _, charge, pt = packed.features.T
    # Two of three are kept; d0 sin(phi_jet - phi) gives the sign, ties stay in order.
    np.testing.assert_allclose(np.sinh(sip), [3, 3], rtol=1e-5)
    np.testing.assert_allclose(np.sinh(siz), [-2, 0], atol=1e-6)
    np.testing.assert_allclose(np.exp(error), [0.02, 0.01], rtol=1e-5)
    np.testing.assert_allclose(np.exp(pt), [20, 10], rtol=1e-5)
    assert charge.tolist() == [-1, 1]
    features, mask = packed.padded()
    assert features.shape == (2, 2, 6) and mask.tolist() == [[1, 1], [0, 0]]


def test_vertices_come_by_significance() -> None:
    wanted = {
        "vertex_mass": [2.0, 0.7],
        "log_dlen": np.log([0.3, 0.1]),
        "log_dlen_sig": np.log([20.0, 4.0]),
        "log_dxy_sig": np.log([15.0, 3.0]),
        "vertex_tracks": [4, 2],
        "pointing_angle": [0.01, 0.3],
        "log_chi2": np.log([1.0, 2.0]),
        "log_pt_rel": np.log([0.25, 0.08]),
        "delta_r": [0.1, 0.1],
    }
    packed = Layout(tuple(wanted), 5, collection="vertices").pack(displaced(), "toy")
    assert packed.counts.tolist() == [2, 0]
    for name, values in zip(wanted, packed.features.T, strict=True):
        np.testing.assert_allclose(values, wanted[name], atol=1e-6, err_msg=name)
    none = Layout(tuple(wanted), 5, collection="vertices").pack(displaced()[1:], "toy")
    features, mask = none.padded()
    assert features.shape == (1, 1, 9) and mask.tolist() == [[0]]


@pytest.mark.parametrize("collection", ["tracks", "vertices"])
def test_all_of_a_collection_can_be_packed(collection: str) -> None:
    features = COLLECTIONS[collection].features
    rows = ak.with_field(displaced(), ak.ones_like(displaced().pf_charge), "pf_pdgId")
    packed = Layout(tuple(features), 9, collection=collection).pack(rows, "toy")
    assert packed.features.shape == (packed.counts.sum(), len(features))
    for name, feature in features.items():
        assert feature.name == name and feature.title
    column = COLLECTIONS[collection].columns[-1]
    with pytest.raises(BoostflowError, match=rf"no column {column}; .* tracks and vertices"):
        Layout(("log_pt",), 9, collection=collection).pack(ak.without_field(rows, column), "toy")

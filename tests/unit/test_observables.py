"""Observables: against FastJet, against the formulas written plainly, invariances, special jets."""

import awkward as ak
import numpy as np
import pytest

from boostflow.errors import BoostflowError
from boostflow.observables import OBSERVABLES, compute
from boostflow.observables.definitions import OBSERVABLES as DEFINED

NEUTRAL = [name for name in OBSERVABLES if name != "charge"]


def toy_jets(seed: int = 1, jets: int = 60) -> ak.Array:
    """Jets of 1 to 80 constituents around (0.3, 3.1), across the seam in phi, with pion masses."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 80, jets)
    n = counts.sum()
    phi = 3.1 + rng.normal(0, 0.2, n)
    return ak.unflatten(
        ak.zip(
            {
                "pt": rng.exponential(12, n) + 0.5,
                "eta": rng.normal(0.3, 0.2, n),
                "phi": (phi + np.pi) % (2 * np.pi) - np.pi,
                "mass": rng.choice([0.0, 0.13957], n),
                "charge": rng.choice([-1, 0, 1], n),
            }
        ),
        counts,
    )


def observe(jets: ak.Array, **options) -> dict[str, np.ndarray]:
    """All observables of a record array of constituents."""
    return compute(*(jets[k] for k in ("pt", "eta", "phi", "mass", "charge")), **options)


def jet(*particles: tuple[float, float, float]) -> ak.Array:
    """One jet of massless neutral (pt, eta, phi)."""
    rows = [
        dict(zip(("pt", "eta", "phi", "mass", "charge"), (*p, 0.0, 0), strict=True))
        for p in particles
    ]
    return ak.Array([rows])


def four_momenta(jets: ak.Array) -> ak.Array:
    """px, py, pz, E in double precision, packed."""
    pz = jets.pt * np.sinh(jets.eta)
    return ak.to_packed(
        ak.zip(
            {
                "px": jets.pt * np.cos(jets.phi),
                "py": jets.pt * np.sin(jets.phi),
                "pz": pz,
                "E": np.sqrt(jets.pt**2 + pz**2 + jets.mass**2),
            },
            with_name="Momentum4D",
        )
    )


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> ak.Array:
    """Constituents of a few simulated top and gluon jets."""
    import uproot

    from boostflow.config.models import Simulation
    from boostflow.simulate import simulate

    folder, found = tmp_path_factory.mktemp("jets"), []
    for process in ("top", "gluon"):
        path = folder / f"{process}.root"
        simulate(
            path,
            sample=process,
            process=process,
            part=0,
            events=25,
            seed=1,
            config=Simulation(mpi=False),
        )
        rows = uproot.open(path)["Events"].arrays()
        for event in rows:
            stops = np.cumsum(event.FatJet_nConstituents)
            index = np.split(np.asarray(event.FatJetPFCands_pFCandsIdx), stops)[:-1]
            found += [
                ak.zip(
                    {k: event[f"PFCands_{k}"][i] for k in ("pt", "eta", "phi", "mass", "charge")}
                )
                for i in index
            ]
    return ak.values_astype(ak.Array(found), np.float64)


@pytest.fixture(scope="module", params=["toy", "simulated"])
def jets(request) -> ak.Array:
    return toy_jets() if request.param == "toy" else request.getfixturevalue("simulated")


# --- against FastJet -----------------------------------------------------------------------------


def cluster(jets: ak.Array, algorithm: str):
    import fastjet

    # A radius beyond every distance: all constituents end in one jet, d_ij are divided by R^2.
    definition = fastjet.JetDefinition(getattr(fastjet, f"{algorithm}_algorithm"), 10.0)
    return fastjet.ClusterSequence(four_momenta(jets), definition)


@pytest.mark.parametrize("zcut", [0.1, 0.2])
def test_soft_drop_mass_is_fastjets(jets, zcut):
    groomed = cluster(jets, "cambridge").exclusive_jets_softdrop_grooming(
        njets=1, beta=0.0, symmetry_cut=zcut, R0=0.8
    )
    ours = observe(jets, names=["msoftdrop"], zcut=zcut)["msoftdrop"]
    # A single massless particle has a rounding error of sqrt(1e-16) E for a mass.
    np.testing.assert_allclose(ours, ak.to_numpy(groomed.msoftdrop), rtol=1e-6, atol=1e-4)


def test_trimmed_mass_is_fastjets(jets):
    import fastjet

    definition = fastjet.JetDefinition(fastjet.cambridge_algorithm, 0.2)
    subjets = fastjet.ClusterSequence(four_momenta(jets), definition).inclusive_jets()
    whole = ak.sum(jets.pt * np.exp(1j * jets.phi), axis=1)
    kept = subjets[np.hypot(subjets.px, subjets.py) > 0.03 * np.abs(whole)]
    e, px, py, pz = (ak.to_numpy(ak.sum(kept[k], axis=1)) for k in ("E", "px", "py", "pz"))
    mass = np.sqrt(np.maximum((e + pz) * (e - pz) - px**2 - py**2, 0))
    assert ak.any(ak.num(kept) < ak.num(subjets))
    np.testing.assert_allclose(observe(jets)["mtrimmed"], mass, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("radius", [0.8, 1.0])
def test_nsubjettiness_is_fastjets(jets, radius):
    theirs = cluster(jets, "kt").njettiness(
        measure_definition="NormalizedMeasure",
        axes_definition="KT_Axes",
        njets=[1, 2, 3, 4],
        beta=1.0,
        R0=radius,
    )
    ours = observe(jets, radius=radius)
    for n in range(4):
        theirs_n = ak.to_numpy(theirs)[:, n]
        np.testing.assert_allclose(ours[f"tau{n + 1}"], theirs_n, rtol=1e-6, atol=1e-12)


def test_energy_correlators_are_fastjets(jets):
    jets = jets[ak.num(jets) >= 3]
    sequence, ours = cluster(jets, "cambridge"), observe(jets)
    for name in ("c2", "d2"):
        theirs = sequence.exclusive_jets_energy_correlator(njets=1, beta=1.0, func=name)
        np.testing.assert_allclose(ours[name], ak.to_numpy(theirs), rtol=1e-6)
    theirs = sequence.exclusive_jets_energy_correlator(njets=1, beta=1.0, npoint=3, func="generic")
    np.testing.assert_allclose(ours["e3"], ak.to_numpy(theirs), rtol=1e-6)


def test_splitting_scales_are_fastjets(jets):
    jets = jets[ak.num(jets) >= 3]
    sequence, ours = cluster(jets, "kt"), observe(jets)
    for n, name in ((1, "sqrt_d12"), (2, "sqrt_d23")):
        theirs = 10.0 * np.sqrt(ak.to_numpy(sequence.exclusive_dmerge(n)))
        np.testing.assert_allclose(ours[name], theirs, rtol=1e-6)
    two = sequence.exclusive_jets(2)
    rapidity = 0.5 * np.log((two.E + two.pz) / (two.E - two.pz))
    phi = np.arctan2(two.py, two.px)
    dphi = (phi[:, 0] - phi[:, 1] + np.pi) % (2 * np.pi) - np.pi
    distance = np.hypot(rapidity[:, 0] - rapidity[:, 1], dphi)
    np.testing.assert_allclose(ours["kt_dr"], ak.to_numpy(distance), rtol=1e-6)
    three = sequence.exclusive_jets(3)
    pairs = [
        np.sqrt(
            (three.E[:, a] + three.E[:, b]) ** 2
            - sum((three[c][:, a] + three[c][:, b]) ** 2 for c in ("px", "py", "pz"))
        )
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    np.testing.assert_allclose(ours["qw"], np.min(pairs, axis=0), rtol=1e-6)


# --- against the formulas, written plainly -------------------------------------------------------


def test_shapes_are_their_formulas(jets):
    ours = observe(jets)
    for i, p in enumerate(four_momenta(jets)):
        p = np.stack([ak.to_numpy(p[k]) for k in ("px", "py", "pz", "E")], axis=1)
        total = p.sum(axis=0)
        mass = np.sqrt(max(total[3] ** 2 - np.sum(total[:3] ** 2), 0))
        assert ours["mass"][i] == pytest.approx(mass, rel=1e-5, abs=1e-4)
        if len(p) < 3:
            continue
        beta, gamma = total[:3] / total[3], total[3] / mass
        along = p[:, :3] @ beta
        factor = (gamma - 1) * along / (beta @ beta) - gamma * p[:, 3]
        rest = p[:, :3] + factor[:, None] * beta
        size = np.linalg.norm(rest, axis=1)
        cosine = rest @ rest.T / np.outer(size, size)
        h = np.outer(size, size)
        r2 = np.sum(h * (1.5 * cosine**2 - 0.5)) / np.sum(h)
        assert ours["r2"][i] == pytest.approx(r2, rel=1e-6, abs=1e-7)
        eigen = np.linalg.eigvalsh(rest.T @ rest)
        assert ours["aplanarity"][i] == pytest.approx(1.5 * eigen[0] / eigen.sum(), abs=1e-7)
        axis = total[:3] / np.linalg.norm(total[:3])
        across = p[:, :3] - np.outer(p[:, :3] @ axis, axis)
        inertia = np.linalg.eigvalsh((across / p[:, 3:]).T @ across)[1:]
        flow = 4 * inertia.prod() / inertia.sum() ** 2
        assert ours["planar_flow"][i] == pytest.approx(flow, rel=1e-6, abs=1e-7)


def test_counting_is_its_formula(jets):
    ours = observe(jets)
    pt = jets.pt
    np.testing.assert_array_equal(ours["multiplicity"], ak.num(jets))
    np.testing.assert_allclose(
        ours["pt_d"], np.sqrt(ak.sum(pt**2, axis=1)) / ak.sum(pt, axis=1), rtol=1e-6
    )
    charge = ak.sum(jets.charge * np.sqrt(pt), axis=1) / np.sqrt(ours["pt"])
    np.testing.assert_allclose(ours["charge"], ak.to_numpy(charge), rtol=1e-5, atol=1e-6)


def test_beta_of_correlators():
    values = observe(jet((100, 0, 0), (100, 0, 0.3), (100, 0.4, 0)), beta=2.0)
    assert values["e3"][0] == pytest.approx((0.3 * 0.4 * 0.5) ** 2 / 27, rel=1e-5)


# --- analytic ------------------------------------------------------------------------------------


def test_two_equal_particles():
    values = {k: v[0] for k, v in observe(jet((100, 0, -0.2), (100, 0, 0.2))).items()}
    mass = 200 * np.sin(0.2)
    expected = {
        "pt": 200 * np.cos(0.2),
        "mass": mass,
        "msoftdrop": mass,
        "mtrimmed": mass,
        "tau1": 0.2 / 0.8,
        "tau2": 0,
        "tau21": 0,
        "e3": 0,
        "c2": 0,
        "d2": 0,
        "sqrt_d12": 40,
        "sqrt_d23": 0,
        "kt_dr": 0.4,
        "zcut": 1600 / (1600 + mass**2),
        "qw": 0,
        "r2": 1,
        "aplanarity": 0,
        "planar_flow": 0,
        "multiplicity": 2,
        "pt_d": np.sqrt(0.5),
    }
    t = np.pi * 0.2 / 1.6
    expected["a3"] = 200 * (1 - np.cos(t)) ** 3 / np.sin(t) ** 2 / mass
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, rel=1e-5, abs=1e-7), name


def test_soft_drop_removes_a_soft_particle():
    hard = jet((100, 0, -0.2), (11.2, 0, 0.2))
    soft = jet((100, 0, -0.2), (11.0, 0, 0.2))
    assert observe(hard)["msoftdrop"][0] == pytest.approx(observe(hard)["mass"][0])
    assert observe(soft)["msoftdrop"][0] == pytest.approx(0, abs=1e-4)


def from_rest(directions: np.ndarray) -> ak.Array:
    """Particles of 40 GeV at rest together, boosted to about 1 TeV."""
    p = 40.0 * np.asarray(directions, dtype=float)
    mass = 40.0 * len(p)
    gamma = 1000.0 / mass
    e = gamma * (40.0 + np.sqrt(1 - gamma**-2) * p[:, 0])
    p[:, 0] = gamma * (p[:, 0] + np.sqrt(1 - gamma**-2) * 40.0)
    pt = np.hypot(p[:, 0], p[:, 1])
    assert np.allclose(e**2, (p**2).sum(axis=1))
    return jet(*zip(pt, np.arcsinh(p[:, 2] / pt), np.arctan2(p[:, 1], p[:, 0]), strict=True))


def test_three_particles_at_120_degrees():
    angles = np.radians([10, 130, 250])
    star = np.stack([0 * angles, np.cos(angles), np.sin(angles)], axis=1)
    values = observe(from_rest(star))
    assert values["mass"][0] == pytest.approx(120, rel=1e-5)
    assert values["r2"][0] == pytest.approx(0.25, rel=1e-5)
    assert values["aplanarity"][0] == pytest.approx(0, abs=1e-6)
    assert values["planar_flow"][0] == pytest.approx(1, rel=1e-5)
    assert values["tau3"][0] == 0
    # Every pair of three massless particles with m = 120 GeV at 120 degrees has m / sqrt(3).
    assert values["qw"][0] == pytest.approx(120 / np.sqrt(3), rel=1e-5)


def test_six_particles_along_the_axes_are_a_sphere():
    turned = np.concatenate([np.eye(3), -np.eye(3)]) @ np.linalg.qr(np.ones((3, 3)) + np.eye(3))[0]
    values = observe(from_rest(turned))
    assert values["r2"][0] == pytest.approx(0, abs=1e-6)
    assert values["aplanarity"][0] == pytest.approx(0.5, rel=1e-5)


# --- invariances ---------------------------------------------------------------------------------


def same(
    one: dict[str, np.ndarray], other: dict[str, np.ndarray], but: tuple[str, ...] = ()
) -> None:
    for name in set(one) - set(but):
        np.testing.assert_allclose(one[name], other[name], rtol=2e-5, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("angle", [0.7, np.pi, 5.0])
def test_rotation_around_the_beam(angle):
    jets = toy_jets()
    turned = ak.with_field(jets, (jets.phi + angle + np.pi) % (2 * np.pi) - np.pi, "phi")
    same(observe(jets), observe(turned))


def test_boost_along_the_beam():
    jets = toy_jets()
    massless = ak.with_field(jets, 0.0 * jets.mass, "mass")
    boosted = ak.with_field(massless, massless.eta + 0.8, "eta")
    # Planar flow is weighted with energies: the one that is not invariant.
    same(observe(massless), observe(boosted), but=("planar_flow",))


def test_permutation():
    jets = toy_jets()
    order = ak.argsort(
        ak.unflatten(np.random.default_rng(2).random(ak.sum(ak.num(jets))), ak.num(jets))
    )
    same(observe(jets), observe(jets[order]))


def test_particles_without_momentum_change_nothing():
    jets = toy_jets()
    ghost = ak.Array([[{"pt": 0.0, "eta": 9.0, "phi": 1.0, "mass": 0.0, "charge": 1}]] * len(jets))
    one, other = observe(jets), observe(ak.concatenate([ghost, jets], axis=1))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_the_size_of_blocks_changes_nothing(monkeypatch):
    import sys

    jets = toy_jets()
    one = observe(jets)
    monkeypatch.setattr(sys.modules["boostflow.observables.compute"], "PAIRS", 100)
    other = observe(jets)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


# --- special jets and bad input ------------------------------------------------------------------


def test_jets_of_few_particles_are_finite():
    one = [(500.0, 0.1, 0.2, 0.0, 1)]
    cases = [[], one, [*one, (50.0, 0.3, 0.2, 0.14, -1)], one * 2, one * 5]
    keys = ("pt", "eta", "phi", "mass", "charge")
    jets = ak.Array([[dict(zip(keys, p, strict=True)) for p in case] for case in cases[1:]])
    jets = ak.concatenate([jets[:1][:, :0], jets])
    values = observe(jets)
    for name, column in values.items():
        assert np.isfinite(column).all(), name
        assert column[0] == 0, name
    assert values["multiplicity"].tolist() == [0, 1, 2, 2, 5]
    for name in ("tau1", "tau2", "tau21", "c2", "d2", "sqrt_d12", "kt_dr", "r2", "planar_flow"):
        assert values[name][1] == 0, name
    np.testing.assert_allclose(values["mass"][[1, 3, 4]], 0, atol=1e-3)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pt", np.nan),
        ("eta", np.nan),
        ("phi", np.inf),
        ("mass", -np.inf),
        ("pt", -1.0),
        ("eta", 800.0),
        ("pt", 1e200),
    ],
)
def test_broken_jets_are_nan_and_the_others_unharmed(key, value):
    jets = toy_jets(jets=5)
    counts = ak.num(jets)
    column = ak.to_numpy(ak.flatten(jets[key])).copy()
    column[int(ak.sum(counts[:2]))] = value
    values = observe(ak.with_field(jets, ak.unflatten(column, counts), key))
    expected = observe(jets)
    for name, got in values.items():
        assert np.isnan(got[2]), name
        np.testing.assert_array_equal(np.delete(got, 2), np.delete(expected[name], 2))


def test_no_jets_at_all():
    empty = toy_jets()[:0]
    assert all(len(column) == 0 for column in observe(empty).values())


def test_names():
    jets = toy_jets(jets=3)
    four = [jets[k] for k in ("pt", "eta", "phi", "mass")]
    assert list(compute(*four)) == NEUTRAL
    assert list(compute(*four, names=["d2", "mass"])) == ["d2", "mass"]
    assert compute(*four, names=["d2"])["d2"].dtype == np.float32
    with pytest.raises(BoostflowError, match="unknown observable tau5: known are pt, mass"):
        compute(*four, names=["tau5"])
    with pytest.raises(BoostflowError, match="needs the charges"):
        compute(*four, names=["charge"])


def test_every_observable_is_documented():
    assert len(DEFINED) == 25
    assert all(function.__doc__ for function in DEFINED.values())

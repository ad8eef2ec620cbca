"""Observables: as FastJet, EnergyFlow and plain formulas have them, exact values, invariances."""

import awkward as ak
import numpy as np
import pytest

from boostflow.errors import BoostflowError
from boostflow.observables.compute import compute
from boostflow.observables.definitions import OBSERVABLES

PLAIN = [name for name, one in OBSERVABLES.items() if not (one.tracks or one.vertices)]
"""Those that need four-momenta and charges alone; others are tested in test_tracks.py."""
NEUTRAL = [name for name in PLAIN if name != "charge"]


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

    from support.stages import simulate

    folder, found = tmp_path_factory.mktemp("jets"), []
    for process in ("top", "gluon"):
        path = folder / f"{process}.root"
        simulate(path, process, events=25, simulation={"mpi": False})
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


# FastJet warns of exclusive jets whatever the algorithm; here it is kt, for which they are defined.
@pytest.mark.filterwarnings("ignore:dcut and exclusive jets:UserWarning")
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
    d12 = 100.0 * ak.to_numpy(sequence.exclusive_dmerge(1))
    whole = sequence.exclusive_jets(1)[:, 0]
    m2 = ak.to_numpy(whole.E**2 - whole.px**2 - whole.py**2 - whole.pz**2)
    np.testing.assert_allclose(ours["zcut"], d12 / (d12 + m2), rtol=1e-6)
    three = sequence.exclusive_jets(3)
    pairs = [
        np.sqrt(
            (three.E[:, a] + three.E[:, b]) ** 2
            - sum((three[c][:, a] + three[c][:, b]) ** 2 for c in ("px", "py", "pz"))
        )
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    np.testing.assert_allclose(ours["qw"], np.min(pairs, axis=0), rtol=1e-6)


# --- against EnergyFlow ---------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_correlators_are_energyflows(jets, beta):
    import energyflow

    jets = jets[ak.num(jets) >= 3]
    ours = observe(jets, beta=beta)
    measure = {"measure": "hadr", "beta": beta, "coords": "epxpypz"}
    triangle = energyflow.EFP([(0, 1), (1, 2), (0, 2)], **measure)
    ratios = {
        "c2": energyflow.C2(**measure),
        "d2": energyflow.D2(**measure),
    }
    for i, p in enumerate(four_momenta(jets)):
        p = np.stack([ak.to_numpy(p[k]) for k in ("E", "px", "py", "pz")], axis=1)
        # Its polynomial sums over all i, j, k instead of i < j < k.
        assert ours["e3"][i] == pytest.approx(triangle.compute(p) / 6, rel=1e-6)
        # And so are its ratios made: (EFP / 6) / (EFP / 2)^n.
        for name, power in (("c2", 2), ("d2", 3)):
            theirs = ratios[name].compute(p) * 2**power / 6
            assert ours[name][i] == pytest.approx(theirs, rel=1e-6), name


def test_kinematics_are_energyflows(jets):
    import energyflow

    ours = observe(jets)
    for i, p in enumerate(four_momenta(jets)):
        p = np.stack([ak.to_numpy(p[k]) for k in ("E", "px", "py", "pz")], axis=1)
        total = p.sum(axis=0, keepdims=True)
        assert ours["pt"][i] == pytest.approx(energyflow.pts_from_p4s(total)[0], rel=1e-6)
        # A single massless particle has a rounding error of sqrt(1e-16) E for a mass.
        mass = energyflow.ms_from_p4s(total)[0]
        assert ours["mass"][i] == pytest.approx(mass, rel=1e-6, abs=1e-4)


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
        r = np.minimum(from_axis(p, total), 0.8)
        t = np.pi * r / 1.6
        pt = np.hypot(p[:, 0], p[:, 1])
        a3 = np.sum(pt * (1 - np.cos(t)) ** 3 / np.sin(t) ** 2) / mass
        assert ours["a3"][i] == pytest.approx(a3, rel=1e-6)
        assert ours["planar_flow"][i] == pytest.approx(flow, rel=1e-6, abs=1e-7)


def from_axis(p: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Distances in rapidity and azimuth of momenta (n, 4) px, py, pz, E to another one."""

    def rapidity_phi(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.arctanh(q[..., 2] / q[..., 3]), np.arctan2(q[..., 1], q[..., 0])

    (y, phi), (y0, phi0) = rapidity_phi(p), rapidity_phi(axis)
    return np.hypot(y - y0, (phi - phi0 + np.pi) % (2 * np.pi) - np.pi)


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


def test_one_particle():
    """Only what one particle has: its momentum, itself, its charge."""
    values = observe(
        ak.Array([[{"pt": 250.0, "eta": 0.4, "phi": -1.0, "mass": 5.0, "charge": -1}]])
    )
    expected = dict.fromkeys(values, 0.0) | {
        **dict.fromkeys(("pt", "constituent_pt1"), 250.0),
        **dict.fromkeys(("mass", "msoftdrop", "mtrimmed"), 5.0),
        "multiplicity": 1,
        "pt_d": 1,
        "charge": -1,
    }
    for name, value in expected.items():
        assert values[name][0] == pytest.approx(value, rel=1e-6, abs=1e-7), name


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


def spread(y: np.ndarray, phi: np.ndarray, pt: float) -> ak.Array:
    """One jet of massless particles of the same pT at these places."""
    return jet(*((pt, *place) for place in np.stack([y, phi], axis=1).tolist()))


def test_a_ring():
    """Particles at one distance from the axis: every measure of that distance is that of one."""
    n, r, pt = 12, 0.2, 10.0
    angle = 2 * np.pi * (np.arange(n) + 0.5) / n
    y, phi = r * np.cos(angle), r * np.sin(angle)
    values = {k: v[0] for k, v in observe(spread(y, phi, pt)).items()}
    mass = pt * np.sqrt(np.sum(np.cosh(y)) ** 2 - np.sum(np.cos(phi)) ** 2)
    t = np.pi * r / 1.6
    pairs = 2 * r * np.abs(np.sin((angle[:, None] - angle) / 2))
    e2 = pairs.sum() / 2 / n**2
    e3 = np.einsum("ij,jk,ik", pairs, pairs, pairs) / 6 / n**3
    expected = {
        "pt": pt * np.sum(np.cos(phi)),
        "mass": mass,
        "tau1": r / 0.8,
        "e3": e3,
        "c2": e3 / e2**2,
        "d2": e3 / e2**3,
        "a3": n * pt * (1 - np.cos(t)) ** 3 / np.sin(t) ** 2 / mass,
        "multiplicity": n,
        "pt_d": n**-0.5,
    }
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, rel=1e-5), name
    # Across the jet it is round but for the curvature of the cylinder.
    assert values["planar_flow"] == pytest.approx(1, abs=1e-3)


def test_a_uniform_disc():
    n, radius = 2000, 0.1
    # Equal areas by the sunflower's spiral.
    r = radius * np.sqrt((np.arange(n) + 0.5) / n)
    angle = np.arange(n) * np.pi * (3 - 5**0.5)
    values = observe(spread(r * np.cos(angle), r * np.sin(angle), 1.0))
    assert values["planar_flow"][0] == pytest.approx(1, abs=1e-3)
    # The mean distance to the centre is 2/3 of the radius, its mean square 1/2: m^2 = pT^2 <r^2>.
    assert values["tau1"][0] == pytest.approx(2 / 3 * radius / 0.8, rel=1e-3)
    assert values["mass"][0] == pytest.approx(n * radius / 2**0.5, rel=1e-3)
    # sin^-2 (1 - cos)^3 = t^4 / 8 for small angles, <r^4> = radius^4 / 3.
    a3 = n * (np.pi * radius / 1.6) ** 4 / 24 / values["mass"][0]
    assert values["a3"][0] == pytest.approx(a3, rel=1e-2)


def test_a_line():
    y = np.linspace(-0.3, 0.3, 7)
    values = observe(spread(y, 0 * y, 20.0))
    for name in ("planar_flow", "aplanarity"):
        assert values[name][0] == pytest.approx(0, abs=1e-7), name


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


def moved(jets: ak.Array, rapidity: float) -> ak.Array:
    """Jets, with mass, in a frame that moves along the beam."""
    mt = np.sqrt(jets.pt**2 + jets.mass**2)
    y = np.arcsinh(jets.pt * np.sinh(jets.eta) / mt)
    eta = np.arcsinh(mt * np.sinh(y + rapidity) / jets.pt)
    return ak.with_field(jets, eta, "eta")


@pytest.mark.parametrize("rapidity", [0.8, -1.7])
def test_boost_along_the_beam(rapidity):
    jets = toy_jets()
    one, other = observe(jets), observe(moved(jets, rapidity))
    same(one, other, but=("planar_flow",))
    # By definition: it is weighted with energies, and has the plane across the jet in space.
    changed = np.abs(one["planar_flow"] - other["planar_flow"])
    assert np.median(changed[ak.to_numpy(ak.num(jets)) > 2]) > 1e-3


def test_what_belongs_to_the_rest_frame_has_no_direction():
    """Mass, R2 and aplanarity stay the same under any boost: here along x, across most jets."""
    jets = toy_jets(2)
    p = four_momenta(jets)
    gamma, beta = 1.25, 0.6
    px, e = gamma * (p.px - beta * p.E), gamma * (p.E - beta * p.px)
    pt = np.hypot(px, p.py)
    boosted = ak.zip(
        {
            "pt": pt,
            "eta": np.arcsinh(p.pz / pt),
            "phi": np.arctan2(p.py, px),
            "mass": jets.mass,
            "charge": jets.charge,
        }
    )
    assert ak.max(abs(e - np.sqrt(pt**2 + p.pz**2 + jets.mass**2))) < 1e-9
    one, other = observe(jets), observe(boosted)
    for name in ("mass", "r2", "aplanarity"):
        np.testing.assert_allclose(one[name], other[name], rtol=2e-5, atol=1e-4, err_msg=name)


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
    with pytest.raises(BoostflowError, match="needs jet constituents with charges"):
        compute(*four, names=["charge"])


@pytest.mark.parametrize("name", OBSERVABLES)
def test_every_observable_has_formula_reference_and_title(name):
    text = OBSERVABLES[name].formula.__doc__
    if name not in ("pt", "mass", "multiplicity"):
        assert any(where in text for where in ("arXiv:", "hep-ph/", "Phys.", "CMS-PAS")), name
    assert OBSERVABLES[name].title != name


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_every_observable_scales_as_its_unit_says(jets, scale):
    """All momenta times a number: what has the unit of an energy follows, what has none stays."""
    jets = jets[ak.num(jets) >= 4]
    before = observe(jets)
    larger = {name: jets[name] * scale for name in ("pt", "mass")}
    after = observe(ak.zip({k: larger.get(k, jets[k]) for k in jets.fields}))
    for name in PLAIN:
        one = OBSERVABLES[name]
        expected = before[name] * (scale if one.scales else 1)
        np.testing.assert_allclose(after[name], expected, rtol=2e-5, atol=1e-6, err_msg=name)


def test_the_issue_s_observables_are_all_there():
    asked = (
        *("mass", "pt", "e3", "c2", "d2", "tau1", "tau2", "tau3", "tau21", "tau32", "r2"),
        *("planar_flow", "a3", "aplanarity", "zcut", "sqrt_d12", "sqrt_d23", "kt_dr", "qw"),
        *("msoftdrop", "multiplicity", "pt_d", "charge"),
    )
    background = {"girth", *(f"constituent_pt{number}" for number in range(1, 9))}
    assert set(asked) | {"tau4", "mtrimmed"} | background == set(PLAIN)

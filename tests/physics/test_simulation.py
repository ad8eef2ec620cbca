"""Simulated jets against what is known of W, Z, top, quark and gluon jets of 1 TeV.

Small statistics: every comparison carries its error. Expected values were measured beforehand with
an independent prototype on 4,000 jets a class (multi-parton interactions on).
"""

from functools import cache

import awkward as ak
import numpy as np
import pytest
import uproot

from boostflow.config.chain import Simulation
from boostflow.ingest.truth import matched
from boostflow.processes import X, Y
from support.stages import simulate

EVENTS = 150
DEFAULT = ("top", "wjet", "zjet", "quark", "gluon", "qg")
"""Processes of the default analysis, which share a range of pT."""


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Simulate a process with the default settings once; gives events and the row of `Runs`."""
    folder = tmp_path_factory.mktemp("samples")

    @cache
    def make(process: str) -> tuple[ak.Array, dict[str, float]]:
        path = folder / f"{process}.root"
        simulate(path, process, events=EVENTS, seed=11)
        file = uproot.open(path)
        return file["Events"].arrays(), file["Runs"].arrays()[0].to_list()

    return make


def leading(events: ak.Array, column: str) -> np.ndarray:
    """A column of the two hardest jets of all events."""
    return ak.to_numpy(ak.flatten(events[f"FatJet_{column}"][:, :2]))


def peak(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """Median of what lies in the window and its statistical error."""
    inside = values[(values > low) & (values < high)]
    width = np.subtract(*np.percentile(inside, [84, 16])) / 2
    return float(np.median(inside)), float(1.25 * width / np.sqrt(len(inside)))


@pytest.mark.parametrize(
    ("process", "column", "window", "expected", "tolerance"),
    [
        ("w", "msoftdrop", (65, 95), 79.8, 1.0),
        ("z", "msoftdrop", (75, 105), 90.1, 1.0),
        ("w", "mass", (70, 105), 84.0, 2.5),
        ("z", "mass", (80, 115), 94.0, 2.5),
        ("top", "msoftdrop", (140, 200), 172.0, 4.0),
    ],
)
def test_mass_peaks(sample, process, column, window, expected, tolerance):
    value, error = peak(leading(sample(process)[0], column), *window)
    assert error < 1.5
    assert abs(value - expected) < tolerance + 3 * error, f"{value:.2f} ± {error:.2f} GeV"


def test_w_and_z_are_apart(sample):
    w, w_error = peak(leading(sample("w")[0], "msoftdrop"), 60, 110)
    z, z_error = peak(leading(sample("z")[0], "msoftdrop"), 60, 110)
    assert z - w == pytest.approx(10.8, abs=1.0 + 3 * np.hypot(w_error, z_error))


def test_most_heavy_jets_keep_their_mass(sample):
    # A quarter of transverse W have a decay quark below zcut = 0.1: groomed away.
    for process, low, high in (("w", 65, 95), ("z", 75, 105)):
        mass = leading(sample(process)[0], "msoftdrop")
        part = np.mean((mass > low) & (mass < high))
        assert part > 0.5, process


def test_w_and_z_are_near_their_mass_shells(sample):
    for process, pdg_id, low, high in (("w", 24, 50, 120), ("z", 23, 60, 120)):
        events = sample(process)[0]
        mass = events.GenPart_mass[np.abs(events.GenPart_pdgId) == pdg_id]
        assert ak.min(mass) > low
        assert ak.max(mass) < high


def test_jets_have_the_momentum_that_was_asked_for(sample):
    for process in DEFAULT:
        pt = leading(sample(process)[0], "pt")
        assert 800 < np.median(pt) < 1100, process


def test_gluon_jets_have_more_constituents_than_quark_jets(sample):
    quark, gluon = (leading(sample(p)[0], "nConstituents") for p in ("quark", "gluon"))
    error = np.hypot(quark.std(), gluon.std()) / np.sqrt(len(quark))
    assert gluon.mean() - quark.mean() > 5 * error


def test_prongs(sample):
    """tau21 tells W from quark jets, tau32 tells top from gluon jets."""
    for two, other, up, down in (("w", "quark", "tau2", "tau1"), ("top", "gluon", "tau3", "tau2")):
        signal, background = (
            leading(sample(p)[0], up) / np.maximum(leading(sample(p)[0], down), 1e-6)
            for p in (two, other)
        )
        assert np.median(signal) < np.median(background) - 0.1


@pytest.mark.parametrize(
    ("process", "inclusive", "branching"),
    [
        # Pythia 8.3 without showers and decays, 8,000 events each (pb); the window of the bosons'
        # masses is in them. Branching fractions to hadrons: PDG 2024, W 67.4 %, Z 69.9 %.
        ("top", 0.0206, 0.674**2),
        ("wjet", 0.0442, 0.674),
        ("zjet", 0.0186, 0.699),
        ("quark", 2.83, 1),
        ("gluon", 1.40, 1),
        ("qg", 4.79, 1),
    ],
)
def test_cross_sections(sample, process, inclusive, branching):
    row = sample(process)[1]
    assert 0 < row["xsecError"] < 0.1 * row["xsec"]
    assert abs(row["xsec"] - inclusive * branching) < 0.02 * row["xsec"] + 4 * row["xsecError"]


@pytest.mark.parametrize(("process", "low", "high"), [("wjet", 65, 95), ("zjet", 75, 105)])
def test_one_jet_of_v_plus_jet_is_the_boson(sample, process, low, high):
    """The other has neither its mass nor its label."""
    events = sample(process)[0]
    fat, part = (
        ak.zip({k.removeprefix(name): events[k] for k in events.fields if k.startswith(name)})
        for name in ("FatJet_", "GenPart_")
    )
    label = ak.flatten(matched(fat, part, process, 0.8)[:, :2])
    mass = ak.flatten(fat.msoftdrop[:, :2])
    assert 0.4 < ak.mean(label) <= 0.5
    inside = (mass > low) & (mass < high)
    assert ak.mean(inside[label]) > 0.5
    assert ak.mean(inside[~label]) < 0.1


def test_initial_state_weights_are_of_use(sample):
    for process in ("w", "gluon"):
        events = sample(process)[0]
        nominal, shower = ak.to_numpy(events.genWeight), ak.to_numpy(events.PSWeight)
        for column in (0, 2):
            weight = nominal * shower[:, column]
            assert weight.sum() ** 2 / (weight**2).sum() > 0.8 * len(weight)
            error = weight.std() / np.sqrt(len(weight))
            assert abs(weight.mean() / nominal.mean() - 1) < 4 * error
        assert not np.allclose(shower[:, 0], shower[:, 2])


def test_reconstructed_jets_follow_generated_ones(sample):
    events = sample("quark")[0]
    index = events.FatJet_genJetAK8Idx[:, :1]
    matched = ak.flatten(index >= 0)
    assert ak.mean(matched) > 0.99
    response = ak.flatten(events.FatJet_pt[:, :1] / events.GenJetAK8_pt[index])[matched]
    assert abs(np.mean(response) - 1) < 0.02
    assert 0.003 < np.std(response) < 0.05


# --- the resonance of the anomaly detection ------------------------------------------------------


@pytest.fixture(scope="module")
def resonance(tmp_path_factory) -> ak.Array:
    """W' -> X Y in fat jets with R = 1; as in config/anomaly.yaml but for the number of events."""
    path = tmp_path_factory.mktemp("resonance") / "0.root"
    config = Simulation(mpi=False, jet_radius=1.0, pthat=[1100, 6500])
    simulate(path, "resonance", sample="r", events=400, seed=3, simulation=config)
    events = uproot.open(path)["Events"].arrays()
    return events[ak.num(events.FatJet_pt) >= 2]


def test_the_resonance_peaks_at_its_three_masses(resonance):
    mass = np.sort(ak.to_numpy(resonance.FatJet_msoftdrop[:, :2], allow_missing=False), axis=1)
    for values, expected in ((mass[:, 1], 500), (mass[:, 0], 100)):
        low, high = 0.85 * expected, 1.15 * expected
        value, error = peak(values, low, high)
        assert abs(value - expected) < 0.02 * expected + 3 * error, f"{value:.1f} ± {error:.1f} GeV"
        # A decay quark below zcut, or outside of the jet, loses the mass of the others.
        assert np.mean((values > low) & (values < high)) > 0.5
    four = (resonance[f"FatJet_{name}"][:, :2] for name in ("pt", "eta", "phi", "mass"))
    value, error = peak(dijet_mass(*four), 3000, 4000)
    assert abs(value - 3500) < 50 + 3 * error, f"{value:.0f} ± {error:.0f} GeV"


def dijet_mass(pt: ak.Array, eta: ak.Array, phi: ak.Array, mass: ak.Array) -> np.ndarray:
    """Mass of the sum of an event's jets."""
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)
    parts = (pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta))
    square = ak.sum(energy, axis=1) ** 2 - sum(ak.sum(part, axis=1) ** 2 for part in parts)
    return np.sqrt(ak.to_numpy(square))


def test_the_resonance_decays_isotropically_to_x_and_y(resonance):
    """In the rest frame of the W' cos(theta) is flat: its square has a mean of 1/3."""
    boson = ak.zip({k: resonance[f"GenPart_{k}"] for k in ("pt", "eta", "phi", "mass", "pdgId")})
    ids = abs(boson.pdgId)
    x, y = (boson[ids == particle][:, -1] for particle in (X, Y))

    def momentum(p: ak.Array) -> np.ndarray:
        pz = p.pt * np.sinh(p.eta)
        energy = np.sqrt((p.pt * np.cosh(p.eta)) ** 2 + p.mass**2)
        return np.stack([energy, p.pt * np.cos(p.phi), p.pt * np.sin(p.phi), pz])

    first, total = momentum(x), momentum(x) + momentum(y)
    # Along the beam alone: the pT of the W' is small against its mass.
    beta = total[3] / total[0]
    pz = (first[3] - beta * first[0]) / np.sqrt(1 - beta**2)
    cosine = pz / np.sqrt(first[1] ** 2 + first[2] ** 2 + pz**2)
    error = np.sqrt(4 / 45 / len(cosine))
    assert abs(np.mean(cosine**2) - 1 / 3) < 4 * error

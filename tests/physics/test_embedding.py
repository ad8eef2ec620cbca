"""Jets on a background: areas, densities, matches and fluctuations, beside FastJet and formulas."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import fastjet
import numpy as np
import pytest
import uproot
from pydantic import ValidationError

from boostflow.config.chain import Simulation
from boostflow.config.embedding import Centrality, Embedding, Pileup, Thermal
from boostflow.jobs.chain import Simulate
from boostflow.simulate import background, jets, production
from boostflow.simulate.densities import Embedded
from boostflow.simulate.detector import Particles

ETA = 0.9
AREA = 4 * np.pi * ETA
THERMAL = Thermal(classes={"central": Centrality(number=4000, spread=0)})


def particles(rows: list[tuple[int, float, float, float]]) -> Particles:
    """Massless particles: event, pT, eta, phi."""
    event, pt, eta, phi = np.array(rows, dtype=float).reshape(-1, 4).T
    none = np.zeros(len(pt))
    kinds = np.ones(len(pt), np.int8), np.full(len(pt), 211, np.int32)
    return Particles(event.astype(np.int64), pt, eta, phi, none, *kinds)


def thermal(events: int, seed: int = 1, config: Thermal = THERMAL) -> Particles:
    """Some events of thermal background alone."""
    simulation = Simulation(charged=True, jet_radius=0.4, background=config, detector=DETECTOR)
    made = background.source(simulation, seed)
    assert made is not None
    return made(events)


DETECTOR: Any = {
    "abs_eta_max": ETA,
    "track_pt_min": 0.15,
    "track_efficiency": 1.0,
    "track_resolution": 0.0,
}


def test_the_area_of_a_hard_jet_is_fastjets() -> None:
    """An isolated anti-kT jet is a circle (arXiv:0802.1189); FastJet measures it with ghosts."""
    lone = particles([(0, 50.0, 0.1, 1.0)])
    batch = Embedded(lone, lone, 1, ETA, seed=2)
    (jet,) = batch.jets(0.4, 10.0)[0]
    # As many ghosts as lie in a circle: their number has an error of a few.
    assert jet.area == pytest.approx(np.pi * 0.4**2, rel=0.04)
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, 0.4)
    area = fastjet.AreaDefinition(fastjet.active_area, fastjet.GhostedAreaSpec(2.0, 1, 0.001))
    inputs = [fastjet.PseudoJet(*(float(x) for x in momentum(lone)[0, 0]))]
    sequence = fastjet.ClusterSequenceArea(inputs, definition, area)
    (theirs,) = sequence.inclusive_jets(10.0)
    assert jet.area == pytest.approx(theirs.area(), rel=0.04)
    assert jet.pt == pytest.approx(50.0, rel=1e-12) and list(jet.constituents) == [0]


def momentum(some: Particles) -> np.ndarray:
    """px, py, pz, E of events of as many particles each, (events, particles, 4)."""
    rows = jets.momenta(some, int(some.event.max()) + 1)
    return np.stack([ak.to_numpy(rows[x]) for x in ("px", "py", "pz", "E")], axis=-1)


def test_rho_is_the_density_of_the_background_and_fastjets() -> None:
    """rho is N <pT> / area, and what FastJet's estimator finds in the same events."""
    config = Thermal(classes={"central": Centrality(number=4000, spread=0)}, rho_excluded=0)
    some = thermal(12, config=config)
    batch = Embedded(some, particles([]), 12, ETA, seed=3)
    rho, each = batch.density(config, ETA)
    expected = np.bincount(some.event, some.pt) / AREA
    assert np.mean(rho / expected) == pytest.approx(1.0, abs=0.02)
    # The median of what is skewed lies some percent below the mean.
    assert np.mean(each) == pytest.approx(0.97 * THERMAL.shape * THERMAL.scale, rel=0.03)
    definition = fastjet.JetDefinition(fastjet.kt_algorithm, 0.2)
    area = fastjet.AreaDefinition(fastjet.active_area_explicit_ghosts, fastjet.GhostedAreaSpec(ETA))
    estimator = fastjet.JetMedianBackgroundEstimator(
        fastjet.SelectorAbsEtaMax(ETA - 0.2), definition, area
    )
    theirs = []
    for event in range(4):
        mine = some[some.event == event]
        mine = Particles(**vars(mine) | {"event": np.zeros(len(mine.pt), np.int64)})
        estimator.set_particles([fastjet.PseudoJet(*map(float, p)) for p in momentum(mine)[0]])
        theirs.append(estimator.rho())
    # Other ghosts, other areas: the medians agree within some percent, their mean closer.
    assert np.mean(rho[:4] / theirs) == pytest.approx(1.0, abs=0.03)


def test_an_event_without_particles_has_no_density() -> None:
    batch = Embedded(particles([]), particles([]), 2, ETA, seed=1)
    rho, each = batch.density(Embedding(), ETA)
    assert rho.max() < 1e-50 and each.tolist() == [0, 0]
    assert ak.num(batch.jets(0.4, 5.0)).tolist() == [0, 0]


def test_fluctuations_in_random_cones_follow_the_formula() -> None:
    """sigma = sqrt(N_A (sigma_pT^2 + <pT>^2)) (arXiv:1201.2423), N_A particles in a cone."""
    some, radius = thermal(300), 0.4
    random = np.random.default_rng(4)
    centres = random.uniform([-ETA + radius, -np.pi], [ETA - radius, np.pi], (300, 2))
    eta, phi = centres[some.event].T
    dphi = np.mod(some.phi - phi + np.pi, 2 * np.pi) - np.pi
    inside = np.hypot(some.eta - eta, dphi) < radius
    found = np.bincount(some.event[inside], some.pt[inside], 300)
    number = 4000 * np.pi * radius**2 / AREA
    mean, variance = THERMAL.shape * THERMAL.scale, THERMAL.shape * THERMAL.scale**2
    sigma = np.sqrt(number * (variance + mean**2))
    assert found.mean() == pytest.approx(number * mean, abs=4 * sigma / np.sqrt(300))
    # The relative error of a standard deviation of n values is 1 / sqrt(2 n).
    assert found.std() == pytest.approx(sigma, rel=4 / np.sqrt(600))


def test_numbers_of_particles_follow_the_classes() -> None:
    classes = {
        "central": Centrality(number=900, spread=30),
        "peripheral": Centrality(number=100, spread=10),
    }
    some = thermal(200, config=Thermal(classes=classes))
    number = np.bincount(some.event)
    central = number > 500
    assert 70 < central.sum() < 130
    assert number[central].mean() == pytest.approx(900, abs=12)
    assert number[central].std() == pytest.approx(30, rel=0.35)
    assert number[~central].mean() == pytest.approx(100, abs=4)
    assert (np.abs(some.eta) < ETA).all() and set(some.charge) == {-1, 1}


def test_a_jet_is_matched_to_what_it_holds_half_of() -> None:
    """Not to the nearest one: the soft true jet of the second event lies outside of all jets."""
    signal = [(0, 20.0, 0.0, 0.0), (0, 15.0, 0.1, 0.1), (0, 12.0, -0.4, 2.0), (1, 6.0, 0.3, 1.0)]
    thick = [(0, 40.0, 0.1, -2.0), (1, 30.0, -0.2, 1.6)]
    seen = particles(sorted([*signal[:3], *thick]))
    truth_of = particles(signal)
    batch = Embedded(seen, truth_of, 2, ETA, seed=1)
    found = batch.jets(0.4, 5.0)
    truth = jets.cluster(truth_of, 2, 0.4, 5.0, constituents=True)
    match = batch.matched(found, truth)
    by_jet = [
        [None if k < 0 else round(float(truth.pt[i][k])) for k in row]
        for i, row in enumerate(match.tolist())
    ]
    assert [[round(float(x)) for x in row] for row in found.pt] == [[40, 35, 12], [30]]
    assert by_jet == [[None, 35, 12], [None]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A few events of two batch sizes."""
    folder = tmp_path_factory.mktemp("embedded")
    simulation = Simulation(
        ecm=5020.0,
        pthat=[40.0, 100.0],
        mpi=False,
        jet_radius=0.4,
        jet_pt_min=10.0,
        charged=True,
        constituents=False,
        background=Thermal(classes={"central": Centrality(number=1500, spread=100)}),
        detector=DETECTOR,
    )
    for name, batch in (("one", 30), ("other", 7)):
        files = Simulate.Files(sample=folder / f"{name}.root")
        job = Simulate(sample="x", process="dijet", events=30, simulation=simulation)
        production.run(job, files, batch)
    return {path.stem: path for path in folder.iterdir()}


def test_embedded_events_do_not_depend_on_batches(made: dict[str, Path]) -> None:
    one, other = (uproot.open(made[x])["Events"].arrays() for x in ("one", "other"))
    for name in ("FatJet_pt", "FatJet_area", "Rho_median", "Event_candidates", "GenJetAK8_pt"):
        assert ak.almost_equal(one[name], other[name], rtol=1e-6), name


def test_files_of_embedded_events(made: dict[str, Path]) -> None:
    """Columns that the rest needs; jets lie in the acceptance, and gain rho A on average."""
    events = uproot.open(made["one"])["Events"].arrays()
    assert "PFCands_pt" not in events.fields and "FatJet_msoftdrop" not in events.fields
    assert ak.all(abs(events.FatJet_eta) < 0.5) and ak.all(abs(events.GenJetAK8_eta) < 0.5)
    leading = ak.fill_none(ak.max(events.GenJetAK8_pt, axis=1), 0)
    assert np.allclose(events.Event_leadingGenJetPt, leading)
    index = events.FatJet_genJetAK8Idx
    matched = index >= 0
    truth = events.GenJetAK8_pt[index[matched]]
    gained = ak.flatten(events.FatJet_pt[matched] - truth)
    expected = ak.flatten((events.Rho_median * events.FatJet_area)[matched])
    assert len(gained) > 10
    sigma = np.sqrt(1500 * 0.5 / AREA * 1.5)
    assert np.mean(gained - expected) == pytest.approx(0, abs=5 * sigma / np.sqrt(len(gained)))
    parts = [events[f"FatJet_constituentPt{k}"] for k in range(1, 9)]
    assert all(ak.all(a >= b) for a, b in pairwise(parts))


def test_pile_up_is_as_many_collisions_as_mu_says() -> None:
    """Particles of mu collisions, each turned as a whole."""
    numbers = {}
    for mu in (5.0, 20.0):
        config = Pileup(mu=[mu - 0.01, mu], pool=60)
        made = background.source(Simulation(background=config), 1)
        assert made is not None
        some = made(60)
        assert (np.abs(some.eta) < 4.0).all() and (np.abs(some.phi) <= np.pi).all()
        numbers[mu] = np.sum((some.charge != 0) & (np.abs(some.eta) < 1)) / 60
    assert numbers[20.0] / numbers[5.0] == pytest.approx(4, rel=0.25)
    # About 6 charged particles a unit of eta (CMS, arXiv:1507.05915), in two units.
    assert 9 < numbers[5.0] / 5 < 18


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"background": {"kind": "thermal"}, "detector": {"tracking": {}}},
            "tracking needs constituents, and no `background`",
        ),
        ({"constituents": False, "detector": {"tracking": {}}}, "tracking needs constituents"),
        (
            {"charged": True, "jet_radius": 0.9, "detector": DETECTOR},
            "charged jets of radius 0.9 do not fit into detector.abs_eta_max: 0.9",
        ),
        ({"background": {"kind": "thermal", "scale": -1}}, "greater than 0"),
    ],
)
def test_what_does_not_fit_together(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Simulation.model_validate(keys)

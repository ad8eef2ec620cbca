"""Simulation: layout of the file, determinism, detector, truth, matching, bad input, kills."""

import json
import signal
import subprocess
import time
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from boostflow.cli import read
from boostflow.config.chain import Detector, Simulation
from boostflow.errors import BoostflowError
from boostflow.fastsim import by_model
from boostflow.jobs.chain import Simulate
from boostflow.processes import PROCESSES, X, Y
from boostflow.simulate import jets, rootfile, truth
from boostflow.simulate.detector import Particles, Response
from boostflow.simulate.generator import Generator, settings
from boostflow.simulate.record import Record
from support.stages import TOP, boostflow, ingest, simulate

EVENTS = 30
FAST = Simulation(mpi=False)


def make(path: Path, process: str = "top", part: int = 0, **options) -> ak.Array:
    """Simulate a few events and read them back with plain uproot."""
    simulate(path, process, part=part, **{"events": EVENTS, "simulation": FAST} | options)
    return uproot.open(path)["Events"].arrays()


@pytest.fixture(scope="module")
def top(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("top") / "0.root"
    make(path)
    return path


@pytest.fixture
def environment(repository, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(repository / "workflow"))


# --- the file ------------------------------------------------------------------------------------


def test_plain_uproot_reads_the_file(top):
    with uproot.open(top) as file:
        assert dict(file.classnames(cycle=False).items()) == {
            "Events": "TTree",
            "Runs": "TTree",
        }
        events, runs = file["Events"].arrays(), file["Runs"].arrays()
        types = file["Events"].typenames()
    assert types["event"] == "uint64_t"
    assert types["run"] == types["luminosityBlock"] == "uint32_t"
    assert len(events) == EVENTS
    assert set(events.run.tolist()) == {1}
    assert set(events.luminosityBlock.tolist()) == {1}
    assert len(set(events.event.tolist())) == EVENTS
    for name in types:
        if "_" in name and not name.startswith("MET"):
            assert np.isfinite(ak.to_numpy(ak.flatten(events[name], axis=None))).all(), name
    weights = {name: set(events[f"n{name}"].tolist()) for name in rootfile.WEIGHTS}
    assert weights == {"PSWeight": {4}, "LHEScaleWeight": {9}, "LHEPdfWeight": {5}}
    (row,) = runs.tolist()
    assert row["genEventCount"] == EVENTS
    assert row["genEventSumw"] == pytest.approx(ak.sum(events.genWeight), rel=1e-6)
    assert row["genEventSumw2"] == pytest.approx(ak.sum(events.genWeight**2), rel=1e-6)
    assert row["xsec"] > 0
    assert 0 < row["xsecError"] < row["xsec"]


@pytest.mark.filterwarnings("ignore:Missing cross-reference index")
def test_jets_are_ordered_and_made_of_their_constituents(top):
    from coffea.nanoevents import NanoEventsFactory, PFNanoAODSchema

    events = NanoEventsFactory.from_root(
        {str(top): "Events"}, mode="eager", schemaclass=PFNanoAODSchema
    ).events()
    fat = events.FatJet
    assert ak.all(fat.pt[:, :-1] >= fat.pt[:, 1:])
    assert ak.all(fat.pt >= FAST.jet_pt_min * (1 - 1e-6))
    inside = ak.drop_none(fat.constituents.pf)
    assert ak.all(ak.num(inside, axis=2) == fat.nConstituents)
    px = ak.sum(inside.pt * np.cos(inside.phi), axis=2)
    py = ak.sum(inside.pt * np.sin(inside.phi), axis=2)
    np.testing.assert_allclose(ak.flatten(np.hypot(px, py)), ak.flatten(fat.pt), rtol=1e-4)
    dphi = (inside.phi - fat.phi + np.pi) % (2 * np.pi) - np.pi
    assert ak.max(np.hypot(inside.eta - fat.eta, dphi)) < 1.2
    # Candidates by falling pT, so constituents too.
    assert ak.all(events.PFCands.pt[:, :-1] >= events.PFCands.pt[:, 1:])
    assert ak.all(inside.pt[:, :, :-1] >= inside.pt[:, :, 1:])


def test_columns_of_the_jets_follow_from_the_constituents(top):
    from boostflow.observables.compute import compute

    events = uproot.open(top)["Events"].arrays()
    index = ak.unflatten(
        events.FatJetPFCands_pFCandsIdx, ak.flatten(events.FatJet_nConstituents), axis=1
    )
    candidates = ak.zip({k: events[f"PFCands_{k}"] for k in ("pt", "eta", "phi", "mass")})
    inside = jets.constituents(candidates, index)
    names = ("msoftdrop", "tau1", "tau2", "tau3", "tau4")
    again = compute(*(inside[k] for k in ("pt", "eta", "phi", "mass")), names=names)
    for name in names:
        written = ak.to_numpy(ak.flatten(events[f"FatJet_{name}"]))
        np.testing.assert_allclose(again[name], written, rtol=1e-4, atol=1e-3)


def test_ingest_finds_the_weights_that_configurations_may_name(top, tmp_path):
    from boostflow.config.checks.systematics import SIMULATED_WEIGHTS
    from boostflow.io import read_json, read_parquet
    from boostflow.theory import NOMINAL_SCALE

    table, meta = tmp_path / "j.parquet", tmp_path / "j.json"
    ingest(top, table, meta, **TOP)
    columns = [name for name in read_parquet(table).fields if name.startswith("weight_")]
    assert sorted(columns) == sorted(read_json(meta)["sumw_weights"])
    assert sorted(columns) == sorted([*SIMULATED_WEIGHTS, NOMINAL_SCALE])


def test_missing_momentum_balances_the_candidates(top):
    events = uproot.open(top)["Events"].arrays()
    px = ak.sum(events.PFCands_pt * np.cos(events.PFCands_phi), axis=1)
    py = ak.sum(events.PFCands_pt * np.sin(events.PFCands_phi), axis=1)
    np.testing.assert_allclose(px + events.MET_pt * np.cos(events.MET_phi), 0, atol=0.01)
    np.testing.assert_allclose(py + events.MET_pt * np.sin(events.MET_phi), 0, atol=0.01)


def test_generator_jets_match(top):
    events = uproot.open(top)["Events"].arrays()
    leading = events[:, "FatJet_genJetAK8Idx"][:, 0]
    assert ak.all(leading >= 0)
    assert ak.all(events.FatJet_genJetAK8Idx < events.nGenJetAK8)
    partner = events.GenJetAK8_pt[ak.singletons(leading)][:, 0]
    assert abs(np.mean(events.FatJet_pt[:, 0] / partner) - 1) < 0.02


@pytest.mark.parametrize(
    ("process", "heavy", "quarks"),
    [
        *[("top", 6, 3), ("w", 24, 2), ("z", 23, 2), ("quark", 0, 0), ("gluon", 0, 0)],
        ("dijet", 0, 0),
    ],
)
def test_truth_has_what_matching_needs(tmp_path, process, heavy, quarks):
    events = make(tmp_path / "x.root", process, events=8)
    part = ak.zip(
        {k: events[f"GenPart_{k}"] for k in ("pt", "pdgId", "statusFlags", "genPartIdxMother")}
    )
    hard = (part.statusFlags & truth.IS_HARD_PROCESS) > 0
    if not heavy:
        flavours = np.abs(ak.flatten(part.pdgId[hard]))
        assert ak.all(ak.num(part[hard]) == 2)
        partons = {"gluon": [21], "quark": [1, 2, 3], "dijet": [1, 2, 3, 4, 5, 21]}[process]
        assert np.isin(ak.to_numpy(flavours), partons).all()
        return
    last = (part.statusFlags & truth.IS_LAST_COPY) > 0
    decaying = part[last & (np.abs(part.pdgId) == heavy)]
    assert ak.all(ak.num(decaying) == 2)
    for event, is_last in zip(part, last, strict=True):
        ids = np.abs(event.pdgId).tolist()
        mothers = event.genPartIdxMother.tolist()
        reached = []
        for i in range(len(ids)):
            if 1 <= ids[i] <= 5:
                assert is_last[mothers[i]], "a quark's mother is the copy that decays"
                j = mothers[i]
                while mothers[j] >= 0:
                    j = mothers[j]
                assert ids[j] == heavy
                reached.append(i)
        assert len(reached) == 2 * quarks


def test_truth_of_the_resonance(tmp_path):
    """W' -> X Y, each with two quarks whose mother it is; a sample's settings move the masses."""
    changed = ["34:m0 = 2500.", "9000001:m0 = 300.", "9000002:m0 = 200."]
    for name, lines, masses in (
        ("a", [], {34: 3500, X: 500, Y: 100}),
        ("b", changed, {34: 2500, X: 300, Y: 200}),
    ):
        events = make(tmp_path / f"{name}.root", "resonance", events=8, settings=lines)
        ids = np.abs(events.GenPart_pdgId)
        assert np.isfinite(ak.to_numpy(ak.flatten(events.GenPart_eta))).all()
        mothers = ids[events.GenPart_genPartIdxMother]
        quarks = (events.GenPart_genPartIdxMother >= 0) & (ids <= 5)
        for particle in (X, Y):
            assert ak.all(ak.sum(quarks & (mothers == particle), axis=1) == 2)
        for particle, mass in masses.items():
            found = ak.flatten(events.GenPart_mass[ids == particle])
            assert abs(np.median(ak.to_numpy(found)) - mass) < 0.01 * mass


# --- determinism ---------------------------------------------------------------------------------


def equal(one: ak.Array, other: ak.Array, names: list[str] | None = None) -> bool:
    return all(ak.array_equal(one[n], other[n]) for n in names or one.fields)


def test_same_seed_same_events_whatever_the_batch(tmp_path, top):
    first = uproot.open(top)["Events"].arrays()
    assert equal(first, make(tmp_path / "a.root"))
    assert equal(first, make(tmp_path / "b.root", batch=7))


def test_parts_in_either_order(tmp_path, top):
    zero = uproot.open(top)["Events"].arrays()
    other = make(tmp_path / "1.root", part=1)
    assert equal(zero, make(tmp_path / "0.root", part=0))
    assert not set(zero.event.tolist()) & set(other.event.tolist())
    assert set(other.luminosityBlock.tolist()) == {2}
    assert not set(zero.MET_pt.tolist()) & set(other.MET_pt.tolist())


@pytest.mark.parametrize("change", [{"seed": 2}, {"variation": "fsr_up"}, {"sample": "another"}])
def test_other_names_other_events(tmp_path, top, change):
    other = make(tmp_path / "x.root", **change)
    zero = uproot.open(top)["Events"].arrays()
    assert not set(zero.MET_pt.tolist()) & set(other.MET_pt.tolist())


def test_settings_of_a_variation_act_and_cannot_touch_the_seed(tmp_path):
    plain = make(tmp_path / "a.root")
    seeded = make(tmp_path / "b.root", settings=["Random:seed = 7"])
    varied = make(tmp_path / "c.root", settings=["TimeShower:renormMultFac = 4"])
    assert equal(plain, seeded)
    assert not equal(plain, varied, ["GenJetAK8_pt"])


# --- weights -------------------------------------------------------------------------------------


def test_shower_weights_are_found_by_name():
    generator = Generator(settings(PROCESSES["w"], FAST, [], 1))
    batch = next(generator.batches(40, 40))
    nominal, shower = generator.shower_weights(batch)
    names = generator._pythia.infoPython().weightNameVector()
    values = np.asarray(batch.info.weights)
    for column, name in enumerate(
        ("isr.murfac=0.5", "fsr.murfac=0.5", "isr.murfac=2.0", "fsr.murfac=2.0")
    ):
        expected = values[:, names.index(name)] / nominal
        np.testing.assert_allclose(shower[:, column], expected)
    assert abs(shower[:, 0].mean() - 1) < 0.15
    assert shower[:, 0].std() > 0.01


def test_without_shower_weights_the_file_has_none(tmp_path):
    path, table = tmp_path / "x.root", tmp_path / "x.parquet"
    events = make(path, events=8, shower_weights=False)
    assert "PSWeight" not in " ".join(events.fields)
    assert ak.all(events.nLHEScaleWeight == 9)
    ingest(path, table, tmp_path / "x.json", **TOP)
    columns = ak.from_parquet(table).fields
    assert not {"weight_isr_up", "weight_fsr_down"} & set(columns)
    assert {"weight_mur05", "weight_pdf_4"} <= set(columns)
    # Events have the generator's settings, too: no line of variations is left.
    lines = settings(PROCESSES["top"], FAST, [], 1, shower_weights=False)
    assert not [line for line in lines if line.startswith("UncertaintyBands")]


def test_a_shower_without_variations_has_unit_weights(tmp_path):
    events = make(tmp_path / "x.root", settings=["UncertaintyBands:doVariations = off"], events=3)
    assert ak.all(events.PSWeight == 1)
    assert ak.all(events.nPSWeight == 4)


# --- detector ------------------------------------------------------------------------------------


def particles(n: int = 4000, seed: int = 3) -> Particles:
    """Pions, photons and neutral kaons in 20 events, everywhere in the acceptance."""
    rng = np.random.default_rng(seed)
    pdg_id = rng.choice(np.array([211, -211, 22, 130], dtype=np.int32), n)
    charge = np.where(np.abs(pdg_id) == 211, np.sign(pdg_id), 0).astype(np.int8)
    return Particles(
        np.sort(rng.integers(0, 20, n)),
        rng.exponential(20, n) + 1,
        rng.uniform(-3.9, 3.9, n),
        rng.uniform(-np.pi, np.pi, n),
        np.where(charge != 0, 0.13957, 0.0),
        charge,
        pdg_id,
    )


def test_detector_off_returns_the_particles_by_pt():
    given = particles()
    seen = Response(Detector(enabled=False), 1)(given)
    assert sorted(seen.pt.tolist()) == sorted(given.pt.tolist())
    assert (np.diff(seen.event) >= 0).all()
    assert (np.diff(seen.pt)[np.diff(seen.event) == 0] <= 0).all()


def test_detector_off_makes_jets_those_of_the_generator(tmp_path):
    config = Simulation(mpi=False, detector=Detector(enabled=False))
    events = make(tmp_path / "x.root", simulation=config)
    n = ak.num(events.FatJet_pt)
    for column in ("pt", "mass"):
        theirs = ak.to_regular(events[f"GenJetAK8_{column}"][:, :2])
        np.testing.assert_allclose(events[f"FatJet_{column}"][:, :2], theirs, rtol=1e-4, atol=1e-2)
    assert ak.all(n >= 2)


def test_tracking_efficiency_resolution_and_threshold():
    given = particles(40_000)
    config = Detector(track_efficiency=0.8, track_pt_min=2.0, track_resolution=0.05)
    seen = Response(config, 1)(given)
    charged = given[(given.charge != 0) & (given.pt > 2.0)]
    tracks = seen[seen.charge != 0]
    expected, error = 0.8 * len(charged.pt), np.sqrt(0.16 * len(charged.pt))
    assert abs(len(tracks.pt) - expected) < 4 * error
    by_eta = dict(zip(charged.eta.tolist(), charged.pt.tolist(), strict=True))
    true = np.array([by_eta[eta] for eta in tracks.eta.tolist()])
    near = (true > 8) & (true < 12)
    spread = np.std(tracks.pt[near] / true[near])
    assert spread == pytest.approx(0.05, rel=0.1)
    hard = true > 60
    assert np.std(tracks.pt[hard] / true[hard]) > 1.1 * spread
    assert set(tracks.pdg_id.tolist()) == {211, -211}


def test_calorimeter_conserves_energy_and_smears_it():
    given = particles(20_000)
    neutral = given[given.charge == 0]
    exact = Response(Detector(ecal_resolution=0, hcal_resolution=0, neutral_pt_min=0), 1)(neutral)
    assert len(exact.pt) < len(neutral.pt)
    energy = np.sum(neutral.pt * np.cosh(neutral.eta))
    # Constant terms of 0.5 % and 3 % are left.
    assert np.sum(exact.pt * np.cosh(exact.eta)) == pytest.approx(energy, rel=0.003)
    photon = neutral[neutral.pdg_id == 22]
    seen = Response(Detector(tower_size=0.02, ecal_resolution=0.3), 1)(photon)
    assert set(seen.pdg_id.tolist()) == {22}
    assert (seen.pt > 0.5).all()
    single = photon[np.unique(photon.event, return_index=True)[1]]
    for eta, phi, event in zip(single.eta, single.phi, single.event, strict=True):
        near = np.abs(seen.eta[seen.event == event] - eta) < 0.02
        dphi = (seen.phi[seen.event == event] - phi + np.pi) % (2 * np.pi) - np.pi
        assert np.any(near & (np.abs(dphi) < 0.02))


def test_lost_tracks_leave_their_energy_and_lost_muons_nothing():
    given = particles()
    charged = given[given.charge != 0]
    config = Detector(track_efficiency=1e-9, hcal_resolution=0, neutral_pt_min=0)
    seen = Response(config, 1)(charged)
    assert (seen.charge == 0).all()
    lost = np.sum(charged.pt * np.cosh(charged.eta))
    assert np.sum(seen.pt * np.cosh(seen.eta)) == pytest.approx(lost, rel=0.01)
    muons = Particles(**(vars(charged) | {"pdg_id": 13 * np.sign(charged.pdg_id)}))
    assert len(Response(config, 1)(muons).pt) == 0


def test_the_detector_does_not_depend_on_batches():
    given = particles()
    whole = Response(Detector(), 5)(given)
    response = Response(Detector(), 5)
    halves = [response(given[given.event < 9]), response(given[given.event >= 9])]
    for name, column in vars(whole).items():
        if column is None:
            continue
        joined = np.concatenate([getattr(half, name) for half in halves])
        np.testing.assert_array_equal(column, joined)


def photons(*energies: float, eta: float = 0.5) -> Particles:
    """Photons of these energies (GeV), each in an event of its own."""
    n = len(energies)
    pt = np.array(energies) / np.cosh(eta)
    none, kinds = np.zeros(n), np.full(n, 22, np.int32)
    return Particles(np.arange(n), pt, np.full(n, eta), none, none, np.zeros(n, np.int8), kinds)


def test_showers_take_the_place_of_the_smearing():
    given = photons(*[5.0] * 60, *[40.0] * 20)
    config = Detector(calorimeter="cascade", tower_size=0.02)
    seen = Response(config, 1)(given)
    energy = seen.pt * np.cosh(seen.eta)
    np.testing.assert_allclose(seen.layers.sum(axis=1), energy)
    for low, high, true in ((0, 60, 5.0), (60, 80, 40.0)):
        mine = (seen.event >= low) & (seen.event < high)
        relative = energy[mine] / true
        error = relative.std() / np.sqrt(mine.sum())
        assert relative.mean() == pytest.approx(1, abs=0.01 + 4 * error)
        # 7 %/sqrt(E) of the argon's part.
        assert relative.std() == pytest.approx(0.07 / np.sqrt(true), rel=0.5)
    early = seen.layers[:, 0] / energy
    assert early[seen.event < 60].mean() > 1.3 * early[seen.event >= 60].mean()
    # Tracks and hadrons leave nothing in it, nor does what is outside of it.
    others = Response(config, 1)(particles(400))
    assert others.layers[others.charge != 0].max() == 0
    assert others.layers[others.pdg_id == 130].max() == 0
    assert others.layers[np.abs(others.eta) > 2.52].max() == 0
    assert Response(Detector(), 1)(given).layers is None


def test_energies_out_of_the_range_of_showers_are_split_or_scaled(caplog):
    response = Response(Detector(calorimeter="cascade", neutral_pt_min=0.1), 1)
    seen = response(photons(0.5, 250.0))
    energy = seen.pt * np.cosh(seen.eta)
    assert energy[1] == pytest.approx(250, rel=0.05) and 0.3 < energy[0] < 0.7
    with caplog.at_level("INFO"):
        response.report()
    assert "1 cells above 100 GeV made several showers, 1 below 1 GeV a scaled" in caplog.text


def test_showers_do_not_depend_on_batches():
    given, config = photons(*[3.0] * 6), Detector(calorimeter="cascade")
    response = Response(config, 5)
    halves = [response(given[given.event < 4]), response(given[given.event >= 4])]
    both = np.concatenate([half.layers for half in halves])
    np.testing.assert_array_equal(Response(config, 5)(given).layers, both)


def test_jets_have_the_energies_of_layers(tmp_path):
    from boostflow.io import read_json, read_parquet

    detector = Detector(calorimeter="cascade")
    config = Simulation(mpi=False, detector=detector, pthat=[450, 500])
    path = tmp_path / "0.root"
    events = make(path, events=10, simulation=config)
    assert ak.all(events.FatJet_emLayer1 >= 0) and ak.any(events.FatJet_emLayer1 > 50)
    is_photon = events.PFCands_pdgId == 22
    total = sum(ak.sum(events[f"FatJet_emLayer{k}"]) for k in range(3))
    energy = events.PFCands_pt * np.cosh(events.PFCands_eta)
    inside = ak.sum((energy * is_photon)[events.FatJetPFCands_pFCandsIdx])
    assert 0.8 * inside < total < 1.001 * inside  # some are beyond |eta| = 2.5
    table, meta = tmp_path / "j.parquet", tmp_path / "j.json"
    ingest(path, table, meta, **TOP)
    rows = read_parquet(table)
    assert read_json(meta)["features"]["em_layer_0"]
    assert set(np.round(rows.em_layer_1, 3)) <= set(
        np.round(ak.to_numpy(ak.flatten(events.FatJet_emLayer1)), 3)
    )


def test_a_calorimeter_that_is_no_model_is_told(tmp_path):
    (tmp_path / "manifest.json").write_text('{"kind": "bdt"}')
    with pytest.raises(BoostflowError, match="name none, cascade or the folder of a trained"):
        by_model(tmp_path)
    with pytest.raises(ValueError, match="calorimeter needs `enabled: true`"):
        Detector(calorimeter="cascade", enabled=False)


# --- pieces --------------------------------------------------------------------------------------


def test_last_copies_and_mothers():
    # t -> t t(g) ... : 0 system, 1 t (hard), 2 t copy, 3 t last, 4 W, 5 b, 6 W last, 7 q, 8 q, 9 pi
    pdg_id = np.array([90, 6, 6, 6, 24, 5, 24, 2, -1, 211], dtype=np.int32)
    status = np.array([-11, -22, -44, -62, -22, -23, -52, -23, -23, 83], dtype=np.int32)
    mother = np.array([0, 0, 1, 2, 3, 3, 4, 6, 6, 7], dtype=np.int32)
    daughter1 = np.array([0, 2, 3, 4, 6, 9, 7, 9, 9, 0], dtype=np.int32)
    daughter2 = np.array([0, 2, 3, 5, 6, 9, 8, 9, 9, 0], dtype=np.int32)
    twice = [np.concatenate([a, a]) for a in (pdg_id, status, mother, daughter1, daughter2)]
    zero = np.zeros(20)
    record = Record(np.array([0, 10, 20]), *twice, zero, zero, zero, zero)
    kept = truth.select(record, (6, 24))
    assert kept["counts"].tolist() == [7, 7]
    assert kept["index"][:7].tolist() == [1, 3, 4, 5, 6, 7, 8]
    assert kept["genPartIdxMother"].tolist() == [-1, 0, 1, 1, 2, 4, 4] * 2
    last = (kept["statusFlags"][:7] & truth.IS_LAST_COPY) > 0
    assert last.tolist() == [False, True, False, False, True, False, False]
    hard = (kept["statusFlags"][:7] & truth.IS_HARD_PROCESS) > 0
    assert hard.tolist() == [True, False, True, True, False, True, True]


def test_match_takes_the_nearest_within_reach():
    here = ak.Array(
        [[{"eta": 0.0, "phi": 3.1}, {"eta": 2.0, "phi": 0.0}], [], [{"eta": 0.0, "phi": 0.0}]]
    )
    there = ak.Array([[{"eta": 0.0, "phi": 2.8}, {"eta": 0.1, "phi": -3.1}], [], []])
    there = ak.values_astype(there, np.float64)
    assert jets.match(here, there, 0.4).tolist() == [[1, -1], [], [-1]]


def test_an_event_without_particles_has_no_jets():
    none = particles(4)[np.array([], dtype=int)]
    found = jets.cluster(none, 3, 0.8, 20.0, constituents=True)
    assert ak.num(found).tolist() == [0, 0, 0]


@pytest.mark.parametrize("process", PROCESSES)
def test_pythia_accepts_every_process(process):
    Generator(settings(PROCESSES[process], FAST, [], 1))


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["Tune:pq = 14", "Tune:pp = 999"])
def test_an_impossible_setting_is_named(tmp_path, line):
    with pytest.raises(BoostflowError) as error:
        make(tmp_path / "x.root", settings=[line])
    assert str(error.value).startswith("sample ") and repr(line) in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["# Tune:pp = 14", ""])
def test_a_line_that_sets_nothing_is_named(line):
    with pytest.raises(BoostflowError, match="Pythia does not accept the setting"):
        Generator([*settings(PROCESSES["w"], FAST, [], 1), line])
    with pytest.raises(BoostflowError) as error:
        job(settings=[line])
    assert f"settings.0: {line!r} is not a setting" in str(error.value)


def test_impossible_pthat(tmp_path):
    with pytest.raises(ValueError, match=r"pthat: \[950, 7000\] is not between 0 and half of ecm"):
        Simulation(pthat=[950, 7000])
    with pytest.raises(BoostflowError, match="Pythia cannot start"):
        make(
            tmp_path / "x.root", settings=["PhaseSpace:pTHatMin = 6600", "PhaseSpace:pTHatMax = -1"]
        )
    assert list(tmp_path.iterdir()) == []


def job(**options) -> Simulate:
    """A job as the command reads it."""
    return read(Simulate, json.dumps({"sample": "w", "process": "w", "events": 5} | options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"process": "higgs"}, "process: input should be 'top', 'w', .*, not 'higgs'"),
        ({"part": -1}, "part: input should be greater than or equal to 0, not -1"),
        ({"events": 0}, "events: input should be greater than or equal to 1, not 0"),
        ({"events": 1_000_001}, "events: input should be less than or equal to 1000000, not"),
    ],
)
def test_numbers_out_of_range(options, message):
    with pytest.raises(BoostflowError, match=message):
        job(**options)


def test_the_command(tmp_path, environment):
    command = [*boostflow("simulate", {}), "--help"]
    help_ = subprocess.run(command, capture_output=True, text=True)
    assert help_.returncode == 0
    for key in ("sample", "variation", "part", "seed", "events", "process", "settings"):
        assert f"\n  {key}: " in help_.stdout
    assert "--sample FILE" in help_.stdout
    path = tmp_path / "sub" / "3.root"
    said = {
        **{"sample": "w", "process": "w", "variation": "fsr_up", "part": 3, "seed": 5},
        **{"events": 12, "simulation": {"mpi": False}},
        "settings": ["TimeShower:renormMultFac = 0.25", "Tune:pp = 21"],
    }
    command = boostflow("simulate", said, sample=path)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "12/12 events (100 %)" in done.stderr
    expected = make(tmp_path / "x.root", **said)
    assert equal(expected, uproot.open(path)["Events"].arrays())


def test_the_command_refuses_in_one_line(tmp_path, environment):
    base = {"sample": "w", "process": "w", "events": 5}
    for extra, message in (
        (
            {"settings": ["Foo:bar = 1"]},
            "sample w (nominal): Pythia does not accept the setting",
        ),
        ({"simulation": {"pthat": [950, 9000]}}, "half of ecm"),
        ({"simulation": {"pthatt": [950, 1100]}}, "pthatt"),
    ):
        command = boostflow("simulate", base | extra, sample=tmp_path / "x.root")
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 1
        assert "boostflow: error: " in done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


# --- what is left after a failure ----------------------------------------------------------------


def test_a_failure_while_writing_leaves_nothing(tmp_path, monkeypatch):
    extend = rootfile.RootFile.extend

    def fail(self, events):
        extend(self, events)
        raise OSError("disk full")

    monkeypatch.setattr(rootfile.RootFile, "extend", fail)
    with pytest.raises(OSError, match="disk full"):
        make(tmp_path / "x.root", batch=5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.integration
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_job_leaves_no_file(tmp_path, environment, kill):
    path = tmp_path / "x.root"
    job = {"sample": "w", "process": "w", "events": 100_000, "simulation": {"mpi": False}}
    command = boostflow("simulate", job, sample=path)
    with subprocess.Popen(
        command,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # A shell's background jobs ignore it, and so would this one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as job:
        limit = time.monotonic() + 60
        while not any(p.stat().st_size > 100_000 for p in tmp_path.glob(".x.root.*/x.root")):
            assert job.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.1)
        job.send_signal(kill)
    assert job.returncode != 0
    assert not path.exists()
    if kill == signal.SIGINT:
        assert list(tmp_path.iterdir()) == []

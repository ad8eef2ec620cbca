"""Impact parameters, secondary vertices and flavours of simulated jets, and how they are read."""

from functools import cache
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from pydantic import ValidationError

from boostflow.config.chain import Detector, Simulation, Tracking
from boostflow.config.chain import Ingest as IngestBlock
from boostflow.ingest.truth import matched
from boostflow.ingest.vertices import in_jets
from boostflow.io import read_json, read_parquet
from boostflow.processes import BOTTOM, CHARM, PROCESSES, has_quark
from boostflow.simulate import tracks, vertices
from boostflow.simulate.detector import Made, Response
from boostflow.simulate.generator import Generator, settings
from boostflow.simulate.record import Record
from support.stages import ingest, simulate

EVENTS = 60
TRACKS = Simulation(
    mpi=False,
    pthat=[40.0, 120.0],
    jet_radius=0.4,
    jet_pt_min=20.0,
    detector=Detector(tracking=Tracking()),
)
READ = IngestBlock(tracks=True, fatjet_pt_min=20.0, fatjet_abs_eta_max=6.0)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A process with tracking, simulated once."""
    folder = tmp_path_factory.mktemp("tracks")

    @cache
    def make(process: str) -> Path:
        path = folder / f"{process}.root"
        simulate(path, process, events=EVENTS, simulation=TRACKS, shower_weights=False)
        return path

    return make


def rows(path: Path, folder: Path, process: str, config=READ, **more) -> ak.Array:
    """The ingested jets of a file."""
    label = {"label": process, "match": process, "radius": TRACKS.jet_radius}
    ingest(path, folder / "j.parquet", folder / "j.json", config, **label, **more)
    return read_parquet(folder / "j.parquet")


# --- impact parameters ---------------------------------------------------------------------------


def test_impact_parameters_of_known_lines():
    rng = np.random.default_rng(1)
    d0, dz, eta, way = rng.normal(0, 3, (4, 500))
    phi = rng.uniform(-np.pi, np.pi, 500)
    nearest = np.stack([-d0 * np.sin(phi), d0 * np.cos(phi), dz], axis=1)
    direction = np.stack([np.cos(phi), np.sin(phi), np.sinh(eta)], axis=1)
    found = tracks.exact(nearest + way[:, None] * direction, eta, phi)
    np.testing.assert_allclose(found, [d0, dz], atol=1e-9)
    # Along y from (1, 0): it passes the origin on its right, which CMS counts as negative.
    one = tracks.exact(np.array([[1.0, 0, 2.0]]), np.zeros(1), np.array([np.pi / 2]))
    np.testing.assert_allclose(np.ravel(one), [-1, 2], atol=1e-12)


def pions(n: int, pt: float, eta: float) -> Made:
    """Pions of one event that are made at (1, 2, 3) mm."""
    full = np.full(n, 1.0)
    phi = np.random.default_rng(2).uniform(-np.pi, np.pi, n)
    charge, kind = np.ones(n, dtype=np.int8), np.full(n, 211, dtype=np.int32)
    origin = np.tile([1.0, 2.0, 3.0], (n, 1))
    event = np.zeros(n, dtype=np.int64)
    return Made(event, pt * full, eta * full, phi, 0.14 * full, charge, kind, origin)


@pytest.mark.parametrize(("pt", "eta"), [(1.0, 0.0), (1.0, 2.0), (50.0, 1.0)])
def test_measured_resolution_is_the_configured_one(pt, eta):
    config = Tracking(d0_resolution=12, d0_scattering=80, z0_resolution=30, z0_scattering=200)
    given = pions(20_000, pt, eta)
    seen = Response(Detector(track_efficiency=1, track_resolution=0, tracking=config), 1)(given)
    d0, d0_error, dz, dz_error = seen.impact.T
    sine = np.sqrt(np.sin(2 * np.arctan(np.exp(-eta))))
    for error, a, b in ((d0_error, 12, 80), (dz_error, 30, 200)):
        np.testing.assert_allclose(error, np.sqrt(a**2 + (b / (pt * sine)) ** 2) * 1e-4)
    true = tracks.exact(np.tile([0.1, 0.2, 0.3], (len(d0), 1)), seen.eta, seen.phi)
    for measured, exact, error in ((d0, true[0], d0_error), (dz, true[1], dz_error)):
        pull = (measured - exact) / error
        assert abs(pull.mean()) < 4 / np.sqrt(len(pull))
        assert abs(pull.std() - 1) < 4 / np.sqrt(2 * len(pull))


def test_only_tracks_have_impact_parameters():
    given = pions(2000, 20.0, 0.5)
    far = Made(**(vars(given) | {"origin": given.origin * 100}))
    seen = Response(Detector(track_efficiency=0.8, tracking=Tracking()), 1)(given)
    track = seen.charge != 0
    assert 0 < track.sum() < len(track)
    assert (seen.impact[track][:, [1, 3]] > 0).all()
    assert (seen.impact[~track] == tracks.NO_TRACK).all()
    # Made behind the tracker, they are seen by the calorimeter alone.
    assert (Response(Detector(tracking=Tracking()), 1)(far).charge == 0).all()


def test_tracking_needs_a_detector():
    with pytest.raises(ValidationError, match="tracking needs `enabled: true`"):
        Detector(enabled=False, tracking=Tracking())


# --- lifetimes -----------------------------------------------------------------------------------


def test_lifetime_of_b_mesons():
    """c tau of the B+ is 0.491 mm (PDG 2024: 1.638 ps)."""
    generator = Generator(settings(PROCESSES["bottom"], TRACKS, [], 3, shower_weights=False))
    times = []
    for batch in generator.batches(400, 200):
        record = Record.read(batch, origins=True)
        first = np.repeat(record.offsets[:-1], np.diff(record.offsets))
        mine = np.flatnonzero(np.abs(record.pdg_id) == 521)
        products = (first + record.daughter1)[mine]
        flight = np.linalg.norm(record.origin[products] - record.origin[mine], axis=1)
        momentum = np.linalg.norm([x[mine] for x in (record.px, record.py, record.pz)], axis=0)
        times += (flight * record.mass[mine] / momentum).tolist()
    assert len(times) > 200
    assert abs(np.mean(times) - 0.491) < 4 * 0.491 / np.sqrt(len(times))


def test_hadrons_by_their_heaviest_quark():
    bottom = (511, -521, 531, 541, 5122, -5232, 513, 10511)
    charm = (411, -421, 431, 4122, 4232, 413, 10421)
    neither = (211, 443, 553, 5, 21, 5101, 5503, 310, 3122, 2212, 9000001, 1000000020)
    for codes, found in ((bottom, (1, 0)), (charm, (0, 1)), (neither, (0, 0))):
        for code in codes:
            there = tuple(int(has_quark(np.array(code), quark)) for quark in (BOTTOM, CHARM))
            assert there == found, code


def test_flavours_of_jets(sample):
    """Nearly all jets of a pair of b quarks have a b hadron, those of gluons rarely."""
    found = {}
    for process in ("bottom", "charm", "light"):
        events = uproot.open(sample(process))["Events"].arrays()
        jets, particles = (
            ak.zip({x: events[f"{name}_{x}"] for x in fields})
            for name, fields in (("FatJet", ("eta", "phi")), ("GenPart", ("eta", "phi", "pdgId")))
        )
        flavours = [matched(jets, particles, x, 0.4) for x in ("bottom", "charm", "light")]
        assert ak.all(sum(ak.values_astype(x, int) for x in flavours) == 1)
        found[process] = [float(np.mean(ak.flatten(x))) for x in flavours]
    assert found["bottom"][0] > 0.75
    assert found["charm"][1] > 0.7
    assert found["light"][2] > 0.85


def test_tracks_of_b_jets_come_from_where_the_jet_flies(sample, tmp_path):
    share = {}
    for process in ("bottom", "light"):
        jets = rows(sample(process), tmp_path, process)
        jets = jets[jets.label == process]
        share[process] = float(np.mean(jets.sip2 > 3)), float(np.mean(jets.n_vertices > 0))
    assert share["bottom"][0] > 0.4 > 0.15 > share["light"][0]
    assert share["bottom"][1] > 0.4 > 0.15 > share["light"][1]


# --- vertices ------------------------------------------------------------------------------------


def toy(number: int, seed: int) -> tuple[ak.Array, ak.Array, np.ndarray]:
    """Jets of 4 tracks from a vertex 0.3 cm away along the jet, and 6 from the primary one."""
    rng = np.random.default_rng(seed)
    eta, phi = rng.uniform(-1, 1, number), rng.uniform(-3, 3, number)
    axis = ak.zip({"eta": eta, "phi": phi})
    direction = np.stack([np.cos(phi), np.sin(phi), np.sinh(eta)], axis=1)
    place = 0.3 * direction / np.linalg.norm(direction, axis=1)[:, None]
    far = np.tile(np.arange(10) < 4, number)
    eta, phi = np.repeat(eta, 10), np.repeat(phi, 10)
    eta, phi = eta + rng.normal(0, 0.1, 10 * number), phi + rng.normal(0, 0.1, 10 * number)
    d0, dz = tracks.exact(np.repeat(place, 10, axis=0) * far[:, None], eta, phi)
    sigma = 0.002
    columns = {
        "pt": np.full(10 * number, 5.0),
        "eta": eta,
        "phi": phi,
        "mass": np.full(10 * number, 0.1396),
        "charge": np.tile([1, 1, 1, -1] + [1] * 6, number),
        "d0": d0 + rng.normal(0, sigma, 10 * number),
        "d0Err": np.full(10 * number, sigma),
        "dz": dz + rng.normal(0, 2 * sigma, 10 * number),
        "dzErr": np.full(10 * number, 2 * sigma),
    }
    return ak.unflatten(ak.zip(columns), [10] * number), axis, place


def test_vertices_are_found_where_they_are():
    jets, axes, place = toy(400, 4)
    found = vertices.find(jets, axes, Tracking())
    assert np.mean(ak.num(found) >= 1) > 0.95
    first = ak.firsts(found)
    there = ~ak.to_numpy(ak.is_none(first))
    first, place = ak.drop_none(first), place[there]
    # Tracks along the flight are not displaced.
    displaced = jets[:, :4][abs(jets[:, :4].d0) > 2 * jets[:, :4].d0Err]
    assert np.mean(first.ntracks) == pytest.approx(np.mean(ak.num(displaced)[there]), rel=0.07)
    # Distance over its error: of right size, as the fit says it.
    pull = ak.to_numpy((first.dlen - 0.3) * first.dlenSig / first.dlen)
    assert abs(np.median(pull)) < 0.3
    assert np.subtract(*np.percentile(pull, [84, 16])) / 2 == pytest.approx(1, abs=0.2)
    position = np.stack([first[x] for x in "xyz"], axis=1)
    assert np.median(np.linalg.norm(position - place, axis=1)) < 0.03
    assert np.median(first.chi2) == pytest.approx(1, abs=0.4)
    assert np.median(first.pAngle) < 0.1
    np.testing.assert_allclose(np.hypot(first.x, first.y), first.dxy)
    # By falling significance, and none of tracks from the primary vertex.
    assert ak.all(found.dlenSig[:, :-1] >= found.dlenSig[:, 1:])
    prompt = jets[:, 4:]
    assert np.mean(ak.num(vertices.find(prompt, axes, Tracking())) > 0) < 0.03


def test_a_vertex_of_two_exact_tracks():
    """Tracks that meet at (0.1, 0.02, 0.05) cm give this point, and the mass of two pions."""
    point = np.array([[0.1, 0.02, 0.05]] * 2)
    eta, phi = np.array([0.3, 0.6]), np.array([0.5, -0.4])
    d0, dz = tracks.exact(point, eta, phi)
    columns = {"pt": [4.0, 6.0], "eta": eta, "phi": phi, "mass": [0.13957] * 2, "charge": [1, 1]}
    columns |= {"d0": d0, "d0Err": [0.001] * 2, "dz": dz, "dzErr": [0.002] * 2}
    jet = ak.unflatten(ak.zip({k: np.asarray(v, dtype=float) for k, v in columns.items()}), [2])
    axis = ak.zip({"eta": np.array([0.4]), "phi": np.array([0.1])})
    (row,) = vertices.find(jet, axis, Tracking())[0].to_list()
    assert [row[x] for x in "xyz"] == pytest.approx([0.1, 0.02, 0.05], abs=1e-9)
    assert (row["ntracks"], row["ndof"], row["charge"]) == (2, 1, 2)
    assert row["dlen"] == pytest.approx(np.sqrt(0.1**2 + 0.02**2 + 0.05**2))
    massless = 2 * 4 * 6 * (np.cosh(0.3) - np.cos(0.9))
    assert row["mass"] == pytest.approx(np.sqrt(massless), rel=0.01)
    # Two pions of a neutral kaon's mass are none; jets without tracks have none either.
    near = 2 * np.arcsin(np.sqrt((0.4976**2 - 4 * 0.13957**2) / 4 / 24))
    kaon = ak.with_field(ak.with_field(jet, [[0.3, 0.3]], "eta"), [[0.0, near]], "phi")
    d0, dz = tracks.exact(point, np.array([0.3, 0.3]), np.array([0.0, near]))
    kaon = ak.with_field(ak.with_field(kaon, d0[None], "d0"), dz[None], "dz")
    like = ak.with_field(kaon, [[1.0, 1.0]], "charge")
    kaon = ak.with_field(kaon, [[1.0, -1.0]], "charge")
    numbers = [len(vertices.find(x, axis, Tracking())[0]) for x in (like, kaon, jet[:, :0])]
    assert numbers == [1, 0, 0]


def test_vertices_belong_to_the_nearest_jet():
    axes = [[{"eta": 0.0, "phi": 3.1}, {"eta": 0.5, "phi": 3.1}], [], [{"eta": 0.0, "phi": 0.0}]]
    places = [[(0.1, -3.1), (0.3, 3.1), (2.0, 0.0)], [(0.0, 0.0)], []]
    given = ak.Array([[{"eta": e, "phi": p} for e, p in event] for event in places])
    given = ak.values_astype(ak.with_field(given, ak.local_index(given.eta), "number"), "float64")
    found = in_jets(ak.Array(axes), given, 0.4)
    assert found.number.to_list() == [[[0], [1]], [], [[]]]


# --- files ---------------------------------------------------------------------------------------


def test_without_tracking_files_have_no_columns_of_it(sample, tmp_path):
    path = tmp_path / "x.root"
    off = TRACKS.model_copy(update={"detector": Detector()})
    simulate(path, "bottom", events=10, simulation=off, shower_weights=False)
    plain = uproot.open(path)["Events"].arrays()
    assert not [x for x in plain.fields if x.startswith(("SV", "nSV", "PFCands_d"))]
    jets = rows(path, tmp_path, "bottom")
    assert not [x for x in jets.fields if x.startswith(("sv_", "pf_d", "sip", "n_"))]
    notes = " ".join(read_json(tmp_path / "j.json")["notes"])
    assert "no impact parameters (PFCands_d0 is missing)" in notes
    assert "no secondary vertices (SV_pt is missing)" in notes


def test_tracking_changes_nothing_else(tmp_path):
    """But for tracks that begin behind the tracker, of which there are none here."""
    both = []
    for tracking in (None, Tracking(radius_max=1e6)):
        path = tmp_path / f"{tracking is None}.root"
        config = TRACKS.model_copy(update={"detector": Detector(tracking=tracking)})
        simulate(path, "bottom", events=8, simulation=config, shower_weights=False)
        both.append(uproot.open(path)["Events"].arrays())
    for name in both[0].fields:
        assert ak.array_equal(both[0][name], both[1][name]), name


def test_the_batch_changes_no_track(sample, tmp_path):
    path = tmp_path / "x.root"
    simulate(path, "bottom", 7, events=EVENTS, simulation=TRACKS, shower_weights=False)
    one, other = (uproot.open(x)["Events"].arrays() for x in (path, sample("bottom")))
    for name in one.fields:
        assert ak.array_equal(one[name], other[name]), name


def test_tracks_are_read_where_they_are_asked_for(sample, tmp_path):
    jets = rows(sample("bottom"), tmp_path, "bottom")
    assert read_json(tmp_path / "j.json")["features"]["vertices"]
    track = jets.pf_d0Err > 0
    assert ak.all(track == (jets.pf_charge != 0))
    assert ak.all(ak.sum(track & (abs(jets.pf_d0) < 0.2), axis=1) == jets.n_tracks)
    assert ak.all(ak.num(jets.sv_mass) == jets.n_vertices)
    assert ak.all(ak.fill_none(ak.max(jets.sv_dlenSig, axis=1), 0) == jets.vertex_significance)
    # Each vertex of a file is in one jet.
    events = uproot.open(sample("bottom"))["Events"].arrays(["nSV", "SV_pt"])
    assert 0.95 * ak.sum(events.nSV) < ak.sum(jets.n_vertices) <= ak.sum(events.nSV)
    plain = rows(sample("bottom"), tmp_path, "bottom", READ.model_copy(update={"tracks": False}))
    assert not [x for x in plain.fields if x.startswith(("sv_", "pf_d", "sip", "n_"))]


def test_trees_with_other_names_bring_their_tracks(sample, tmp_path):
    """The reader of trees that are no NanoAOD gives the same as coffea's schema."""
    jets = rows(sample("bottom"), tmp_path, "bottom")
    other = rows(
        sample("bottom"), tmp_path, "bottom", content={"branches": {"PFCands_d0": "PFCands_d0"}}
    )
    for name in jets.fields:
        assert ak.array_equal(jets[name], other[name], equal_nan=True), name


# --- observables ---------------------------------------------------------------------------------


def test_observables_of_tracks_and_vertices():
    """Three tracks of a jet along x, with hand-made significances 5, 3 and -1; two vertices."""
    from boostflow.observables.compute import compute

    phi = [0.01, -0.01, 0.01, 0.0]
    columns = {"pt": [30.0, 20.0, 10.0, 40.0], "eta": [0.0] * 4, "phi": phi, "mass": [0.0] * 4}
    # d0 sin(phi_jet - phi) is positive for a lifetime.
    impact = {"d0": [-0.05, 0.03, 0.01, 0.0], "d0Err": [0.01, 0.01, 0.01, -1.0]}
    impact |= {"dz": [0.0] * 4, "dzErr": [0.01, 0.01, 0.01, -1.0]}
    secondary = {"pt": [25.0, 3.0], "mass": [2.1, 0.7], "dlenSig": [12.0, 4.0]}
    secondary |= {"ntracks": [3, 2], "pAngle": [0.02, 0.5]}
    none = [[]]
    found = compute(
        *(ak.Array([columns[x], [1.0]]) for x in ("pt", "eta", "phi", "mass")),
        ak.Array([[1, -1, 1, 0], [0]]),
        impact={x: ak.Array([y, [-1.0]]) for x, y in impact.items()},
        vertices={x: ak.Array([y, *none]) for x, y in secondary.items()},
    )
    expected = {
        "n_tracks": (3, 0),
        "n_displaced": (2, 0),
        "displaced_share": (50 / 60, 0),
        "sip1": (5, -10),
        "sip2": (3, -10),
        "sip3": (-1, -10),
        "n_vertices": (2, 0),
        "vertex_mass": (2.1, 0),
        "vertex_significance": (12, 0),
        "vertex_tracks": (3, 0),
        "vertex_share": (25 / found["pt"][0], 0),
        "vertex_angle": (0.02, 0),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, err_msg=name)
    # Two tracks of 5 and 3 standard deviations, each 0.5 % at least: Pi (1 - ln Pi).
    product = 0.005**2
    expected = -np.log(product * (1 - np.log(product)))
    assert found["jet_probability"][0] == pytest.approx(expected, rel=1e-3)
    assert found["jet_probability"][1] == 0

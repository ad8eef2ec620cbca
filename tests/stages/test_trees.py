"""ROOT files other than PFNano's TTrees: names, types, RNTuples, flat trees, Delphes."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from boostflow.config.chain import Ingest
from boostflow.config.samples import RootContent
from boostflow.errors import BoostflowError
from boostflow.ingest import delphes
from boostflow.ingest.branches import Branch, Branches
from boostflow.ingest.candidates import linked
from boostflow.ingest.features import examine
from boostflow.ingest.run import inspect
from boostflow.ingest.trees import charge, four_vector
from boostflow.io import read_json, read_parquet
from support.rootfiles import (
    as_version,
    columns_of,
    write_jets,
    write_nano,
    write_rntuple,
    write_tree,
)
from support.stages import TOP, ingest

W = {"label": "w"}
JETCLASS = {
    "tree": "tree",
    "branches": {
        "FatJet": "jet",
        "FatJet_msoftdrop": "jet_sdmass",
        "FatJet_nConstituents": "jet_nparticles",
        "PFCands": "part",
    },
    "unweighted": True,
}


def run(file: Path, folder: Path, label: dict = TOP, **options) -> tuple[ak.Array, dict]:
    folder.mkdir(exist_ok=True)
    ingest(file, folder / "j.parquet", folder / "j.json", **label, **options)
    return read_parquet(folder / "j.parquet"), read_json(folder / "j.json")


def same(one: ak.Array, other: ak.Array) -> bool:
    """To the last bit; what the file says about a branch does not count."""
    return ak.array_equal(one, other, equal_nan=True, check_parameters=False)


def write_whole(path: Path, events: int = 120) -> Path:
    """Everything that is read of NanoAOD."""
    return write_nano(
        path, events, constituents=True, generator_jets=True, theory={"LHEScaleWeight": 9}
    )


@pytest.mark.parametrize("flat", [True, False], ids=["branches", "collections"])
def test_an_rntuple_is_read_as_the_ttree(tmp_path: Path, flat: bool) -> None:
    tree = write_whole(tmp_path / "a.root")
    ntuple = write_rntuple(tmp_path / "b.root", columns_of(tree), flat=flat)
    assert "RNTuple" in uproot.open(ntuple).classname_of("Events")
    (one, meta), (other, again) = run(tree, tmp_path / "a"), run(ntuple, tmp_path / "b")
    assert len(one) > 100
    assert same(one, other)
    assert meta | {"file": ""} == again | {"file": ""}


def test_other_names_are_read_as_those_of_nanoaod(tmp_path: Path) -> None:
    tree = write_whole(tmp_path / "a.root")
    columns = columns_of(tree)
    names = {"FatJet": "AK8", "PFCands": "cand", "GenPart": "truth", "genWeight": "mcWeight"}
    for ours, theirs in {**names, "event": "evt", "MET_pt": "met", "MET_phi": "metPhi"}.items():
        columns[theirs] = columns.pop(ours)
    link = columns.pop("FatJetPFCands")
    columns["link"] = ak.zip({"jet": link.jetIdx, "cand": link.pFCandsIdx})
    write_tree(tmp_path / "b.root", columns, ["analysis", "events"][1])
    branches = {
        **names, "event": "evt", "MET_pt": "met", "MET_phi": "metPhi",
        "FatJetPFCands_jetIdx": "link_jet", "FatJetPFCands_pFCandsIdx": "link_cand",
    }  # fmt: skip
    content = {"tree": "events", "branches": branches}
    one, meta = run(tree, tmp_path / "a")
    other, again = run(tmp_path / "b.root", tmp_path / "b", content=content)
    assert same(one, other)
    assert meta | {"file": "", "met": "met"} == again | {"file": ""}


def test_lists_of_lists_are_constituents_by_jet(tmp_path: Path) -> None:
    """As RNTuples and vectors of vectors have them."""
    tree = write_whole(tmp_path / "a.root")
    columns = columns_of(tree)
    columns.pop("FatJetPFCands")
    number = ak.num(columns["FatJet"].pt)
    inside = columns.pop("PFCands")
    for name in inside.fields:
        by_jet = ak.unflatten(ak.flatten(inside[name]), np.full(ak.sum(number), 3))
        columns[f"PFCands_{name}"] = ak.unflatten(by_jet, number)
    nested = write_rntuple(tmp_path / "b.root", columns, flat=True)
    (one, _), (other, meta) = run(tree, tmp_path / "a"), run(nested, tmp_path / "b")
    assert meta["features"]["constituents"]
    assert same(one, other)


@pytest.mark.parametrize("version", ["v9", "v12", "v15"])
def test_versions_of_nanoaod(tmp_path: Path, version: str) -> None:
    """The same jets, whatever the version calls them and whatever integers it takes."""
    tree = write_whole(tmp_path / "a.root")
    plain, _ = run(tree, tmp_path / "a")
    file = write_tree(tmp_path / "b.root", as_version(columns_of(tree), version))
    rows, meta = run(file, tmp_path / "b")
    assert ak.all(rows.rho == rows.event)
    assert same(plain, rows[[name for name in rows.fields if name != "rho"]])
    assert meta["features"]["constituents"]
    assert meta["features"]["LHEScaleWeight"] == 9
    assert meta["features"]["truth"]
    derived = "constituents have no charge: it is that of their pdgId"
    assert (derived in meta["notes"]) == (version == "v15")


def test_a_flat_tree_has_a_jet_an_entry(tmp_path: Path) -> None:
    file = write_jets(tmp_path / "a.root")
    rows, meta = run(file, tmp_path / "a", W, content=JETCLASS, number=2)
    raw = uproot.open(file)["tree"].arrays()
    assert len(rows) == meta["events"] == meta["sumw"] == 40
    assert np.allclose(rows.pt, raw.jet_pt)
    mass = np.sqrt(raw.jet_energy.to_numpy().astype("f8") ** 2
                   - (raw.jet_pt.to_numpy().astype("f8") * np.cosh(raw.jet_eta)) ** 2)  # fmt: skip
    assert np.allclose(rows.mass, mass, rtol=1e-3)
    assert np.allclose(rows.msoftdrop, raw.jet_sdmass)
    assert ak.num(rows.pf_pt).to_list() == raw.jet_nparticles.to_list()
    total = ak.sum(rows.pf_pt * np.cos(rows.pf_phi), axis=1)
    assert np.allclose(total, raw.jet_pt * np.cos(raw.jet_phi), rtol=1e-4)
    assert np.allclose(rows.charge * 0, 0) and "pf_pdgId" not in rows.fields
    # Numbered by file and row, as HDF5 events are.
    assert set(rows.run.to_list()) == {1} and set(rows.luminosityBlock.to_list()) == {3}
    assert rows.event.to_list() == list(range(40))
    assert "no run, luminosityBlock, event: numbered by file and row" in meta["notes"]
    assert "events have no weights: each counts 1 (`unweighted`)" in meta["notes"]


@pytest.mark.parametrize("executor", ["iterative", "futures", "dask"])
def test_chunks_pieces_and_executors_do_not_matter(tmp_path: Path, executor: str) -> None:
    file = write_jets(tmp_path / "a.root", 350)
    whole, meta = run(file, tmp_path / "a", W, content=JETCLASS)
    config = Ingest(executor=executor, chunksize=100, dask={"cluster": "local"})
    again, other = run(file, tmp_path / "b", W, content=JETCLASS, config=config)
    assert same(whole, again)
    assert meta == other
    pieces = [run(file, tmp_path / "c", W, content=JETCLASS, piece=(k, 3))[0] for k in range(3)]
    assert same(whole, ak.concatenate(pieces))


@pytest.mark.parametrize("executor", ["iterative", "futures"])
def test_executors_name_a_bad_tree(tmp_path: Path, executor: str) -> None:
    columns = columns_of(write_nano(tmp_path / "a.root", constituents=True))
    link = columns["FatJetPFCands"]
    columns["FatJetPFCands"] = ak.with_field(link, link.pFCandsIdx + 1, "pFCandsIdx")
    file = write_rntuple(tmp_path / "b.root", columns, flat=True)
    with pytest.raises(BoostflowError, match=r"b\.root: FatJetPFCands name PFCands that are"):
        run(file, tmp_path / "b", config=Ingest(executor=executor))
    assert not any((tmp_path / "b").iterdir())


def test_broken_bytes_are_named(tmp_path: Path) -> None:
    """Of an RNTuple, whose pages have checksums."""
    columns = columns_of(write_nano(tmp_path / "a.root", 3000))
    file = write_rntuple(tmp_path / "b.root", columns, flat=True)
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(40)
    file.write_bytes(bytes(content))
    with pytest.raises(BoostflowError, match=r"b\.root: cannot be read to its end \("):
        run(file, tmp_path / "b")


def test_a_collection_of_unequal_branches_is_refused(tmp_path: Path) -> None:
    columns = columns_of(write_nano(tmp_path / "a.root"))
    jets = columns.pop("FatJet")
    parts = {f"FatJet_{name}": jets[name] for name in jets.fields}
    parts["FatJet_eta"] = parts["FatJet_eta"][:, :1]
    file = write_rntuple(tmp_path / "b.root", columns | parts, flat=True)
    with pytest.raises(BoostflowError, match=r"b\.root: branches do not fit together in events 0"):
        run(file, tmp_path / "b")


# --- names and types ------------------------------------------------------------------------------

NUMBER, LIST, INTEGERS = Branch(1, "f"), Branch(2, "f"), Branch(2, "i")
NANO = {
    **dict.fromkeys(("run", "luminosityBlock", "event"), Branch(1, "u")),
    **dict.fromkeys((f"FatJet_{x}" for x in ("pt", "eta", "phi", "mass")), LIST),
    "genWeight": NUMBER,
}


def problems(tree: dict[str, Branch], **content) -> list[str]:
    _, problems, contradictions = examine(tree, RootContent(**content), data=False, match=None)
    return problems + contradictions


def test_a_good_tree_has_no_problems() -> None:
    assert problems(NANO) == []


def test_all_problems_at_once() -> None:
    broken = {**NANO, "FatJet_eta": NUMBER, "FatJet_phi": Branch(2, "O"), "Flag_a": NUMBER}
    del broken["run"], broken["genWeight"]
    found = "\n".join(problems(broken, flags=["Flag_a", "Flag_b"], triggers=["HLT_x"]))
    for text in (
        "no branch run;",
        "has no genWeight; set `data: true`",
        "branch FatJet_eta is of numbers, must be of lists of numbers",
        "branch FatJet_phi is of lists of objects, must be of lists of numbers",
        "branch Flag_a is of numbers, must be of booleans",
        "no flag Flag_b (the file has Flag_a)",
        "none of the triggers HLT_x",
    ):
        assert text in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"branches": {"FatJet_pt": "jet_pt"}},
            "no branch jet_pt (the file has jet_pT, Fat",
        ),
        ({"branches": {"FatJet": "AK8"}}, "no branch of a collection AK8 for FatJet_..."),
        ({"branches": {"PFCands": "x"}}, "no branch of a collection x for PFCands_..."),
        ({"format": "delphes"}, "no branch FatJet.PT, FatJet.Eta, FatJet.Phi, FatJet.Mass for"),
        ({"unweighted": True}, "has genWeight, but its sample is declared `unweighted: true`"),
        ({"branches": {"GenPart_pdgId": "genWeight"}}, "genWeight is of numbers, must be of lists"),
        ({"branches": {"event": "genWeight"}}, "genWeight is of numbers, must be of integers"),
    ],
)
def test_what_is_declared_must_be_there(content: dict, message: str) -> None:
    assert message in "\n".join(problems({**NANO, "jet_pT": LIST}, **content))


def test_delphes_has_constituents_if_jets_refer_to_some() -> None:
    tree = {f"FatJet.{x}": LIST for x in ("PT", "Eta", "Phi", "Mass")} | {"Event.Weight": LIST}
    tree["FatJet.Constituents"] = Branch(2, "O")
    content = RootContent(format="delphes")
    for more, found in (({}, False), ({"Tower.fUniqueID": Branch(2, "u")}, True)):
        features, wrong, _ = examine({**tree, **more}, content, data=False, match=None)
        assert (wrong, features.constituents) == ([], found)
        assert ("c2" in features.observables()) == found


def test_observables_that_delphes_brings_along() -> None:
    tree = {f"FatJet.{x}": LIST for x in ("PT", "Eta", "Phi", "Mass")} | {"Event.Weight": LIST}
    tree |= {"FatJet.Tau[5]": Branch(3, "f"), "FatJet.SoftDroppedJet": Branch(2, "O")}
    features, wrong, _ = examine(tree, RootContent(format="delphes"), data=False, match=None)
    assert wrong == []
    assert features.observables() == {"msoftdrop", "tau1", "tau2", "tau3", "tau21", "tau32"}


def test_a_mapped_tree_needs_no_numbers_of_events() -> None:
    bare = {name.replace("FatJet", "jet"): x for name, x in NANO.items() if "FatJet" in name}
    assert problems(bare, branches={"FatJet": "jet"}, unweighted=True) == []
    assert "has no genWeight" in problems(bare, branches={"FatJet": "jet"})[0]


def test_types_of_branches(tmp_path: Path) -> None:
    columns = columns_of(write_nano(tmp_path / "a.root", bits={"HLT_x": 0.5}))
    write_rntuple(tmp_path / "flat.root", columns, flat=True)
    write_rntuple(tmp_path / "deep.root", columns, flat=False)
    for name in ("a", "flat", "deep"):
        with uproot.open(tmp_path / f"{name}.root") as file:
            branches = Branches(file["Events"])
            assert branches["run"] == Branch(1, "u")
            assert branches["FatJet_pt"] == branches["PSWeight"] == Branch(2, "f")
            assert branches["GenPart_pdgId"] == Branch(2, "i")
            assert branches["HLT_x"] == Branch(1, "b")
            assert "FatJet_nothing" not in branches


def test_a_vector_of_strings_is_no_number(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("Events", {"name": "string"}).extend({"name": ["a", "b"]})
    with uproot.open(tmp_path / "a.root") as file:
        assert Branches(file["Events"])["name"].kind == "O"


def test_inspection_reads_metadata(tmp_path: Path) -> None:
    file = write_jets(tmp_path / "a.root")
    content = RootContent(**JETCLASS)
    features, entries, xsec, made = inspect(str(file), Ingest(), content, data=False, match=None)
    assert entries == 40 and xsec is None and made is None
    assert features.constituents and features.charges and not features.nanoaod
    assert features.names["FatJet_energy"] == "jet_energy"
    with pytest.raises(BoostflowError, match="no tree 'Delphes'; the file has tree"):
        inspect(str(file), Ingest(), RootContent(format="delphes"), data=False, match=None)


# --- pieces ---------------------------------------------------------------------------------------


def test_four_momenta() -> None:
    """The same particle from all forms; a photon has no mass, despite float32."""
    p = {"px": 30.0, "py": -40.0, "pz": 120.0, "energy": 131.0}
    photon = {"px": 3e3, "py": 4e3, "pz": 1.2e4, "energy": 1.3e4}
    fields = {x: ak.Array(np.array([p[x], photon[x]], "f4")) for x in p}
    one = four_vector(fields)
    assert np.allclose(one["pt"], [50, 5000])
    assert np.allclose(one["eta"], np.arcsinh(2.4))
    assert np.allclose(one["phi"], [np.arctan2(-4, 3), np.arctan2(4, 3)])
    assert np.allclose(one["mass"], [np.sqrt(131**2 - 130**2), 0], rtol=1e-3)
    other = four_vector({**{x: one[x] for x in ("pt", "eta", "phi")}, "energy": fields["energy"]})
    assert np.allclose(other["mass"], one["mass"], rtol=1e-3)
    assert four_vector({x: one[x] for x in ("pt", "eta", "phi")})["mass"].to_list() == [0, 0]


def test_charges_of_particles() -> None:
    codes = ak.Array([[11, -11, 13, -13, 211, -211], [22, 130, 1, 2, 321, -2212]])
    assert charge(codes).to_list() == [[-1, 1, -1, 1, 1, -1], [0, 0, 0, 0, 1, -1]]


def test_links_in_any_order() -> None:
    """Jet 1 before jet 0, a constituent in two jets, one of no jet, a jet that is not kept."""
    candidates = ak.zip({"pt": [[1.0, 2.0, 3.0], [], [4.0]]})
    jet = ak.Array([[1, 0, 1, -1], [], [0]])
    index = ak.Array([[2, 0, 0, 1], [], [0]])
    found = linked(np.array([2, 0, 2]), jet, index, candidates, "a.root")
    assert found.pt.to_list() == [[[1.0], [3.0, 1.0]], [], [[4.0], []]]


def delphes_event() -> tuple[ak.Array, dict[str, ak.Array]]:
    """Two jets, of a track and a photon, and of a neutral hadron; numbers as ROOT makes them."""
    high = 1 << 24
    refs = ak.Array([[{"refs": [7, 12]}, {"refs": [31]}], [{"refs": [7]}]])
    read = {
        "EFlowTrack.fUniqueID": ak.Array([[high + 7], [high + 8, high + 7]]),
        "EFlowTrack.PT": ak.Array([[20.0], [5.0, 6.0]]),
        "EFlowTrack.Eta": ak.Array([[0.1], [0.2, 0.3]]),
        "EFlowTrack.Phi": ak.Array([[1.1], [1.2, 1.3]]),
        "EFlowTrack.Charge": ak.Array([[-1], [1, 1]]),
        "EFlowTrack.PID": ak.Array([[-211], [211, 321]]),
        "EFlowPhoton.fUniqueID": ak.Array([[high + 12], []]),
        "EFlowPhoton.ET": ak.Array([[30.0], []]),
        "EFlowPhoton.Eta": ak.Array([[0.4], []]),
        "EFlowPhoton.Phi": ak.Array([[1.4], []]),
        "EFlowNeutralHadron.fUniqueID": ak.Array([[high + 31], []]),
        "EFlowNeutralHadron.ET": ak.Array([[40.0], []]),
        "EFlowNeutralHadron.Eta": ak.Array([[0.5], []]),
        "EFlowNeutralHadron.Phi": ak.Array([[1.5], []]),
    }
    return refs, read


def test_constituents_of_delphes_are_what_jets_refer_to() -> None:
    refs, read = delphes_event()
    found = delphes.constituents(refs, read)
    assert found.pt.to_list() == [[[20, 30], [40]], [[6]]]
    assert found.charge.to_list() == [[[-1, 0], [0]], [[1]]]
    assert found.pdgId.to_list() == [[[-211, 22], [130]], [[321]]]
    with pytest.raises(ValueError, match="jets refer to objects that are in none of"):
        delphes.constituents(refs, {x: y for x, y in read.items() if "Photon" not in x})


def test_flags_of_delphes_particles() -> None:
    """A top with a copy, its W, and the W's quarks, as Pythia numbers their states."""
    particles = {
        "GenPart_pdgId": ak.Array([[6, 6, 24, 5, 2, -1], []]),
        "GenPart_status": ak.Array([[22, 62, 22, 23, 23, 23], []]),
        "GenPart_genPartIdxMother": ak.Array([[-1, 0, 1, 1, 2, 2], []]),
    }
    flags = delphes.status_flags(particles)
    assert (flags & (1 << 13) != 0).to_list() == [[False, True, True, True, True, True], []]
    assert (flags & (1 << 7) != 0).to_list() == [[True, False, True, True, True, True], []]


def test_a_delphes_tree(tmp_path: Path) -> None:
    """Lists of one entry are numbers; uproot writes no references, so without constituents."""
    nano = columns_of(write_nano(tmp_path / "nano.root", 60))
    names = {"pt": "PT", "eta": "Eta", "phi": "Phi", "mass": "Mass"}
    columns = {
        "Event.Weight": ak.unflatten(nano["genWeight"], 1),
        "MissingET.MET": ak.unflatten(nano["MET_pt"], 1),
        "MissingET.Phi": ak.unflatten(nano["MET_phi"], 1),
        **{f"AK8.{theirs}": nano["FatJet"][ours] for ours, theirs in names.items()},
    }
    part = {"eta": "Eta", "phi": "Phi", "pdgId": "PID", "status": "Status"}
    part["genPartIdxMother"] = "M1"
    columns |= {f"Particle.{theirs}": nano["GenPart"][ours] for ours, theirs in part.items()}
    write_tree(tmp_path / "a.root", columns, "Delphes")
    content = {"format": "delphes", "branches": {"FatJet": "AK8"}}
    rows, meta = run(tmp_path / "a.root", tmp_path / "a", content=content)
    plain, expected = run(tmp_path / "nano.root", tmp_path / "nano")
    for name in ("pt", "eta", "phi", "mass", "genWeight", "met_pt", "met_phi", "ht"):
        assert np.allclose(rows[name], plain[name]), name
    assert rows.label.to_list() == plain.label.to_list()
    assert meta["sumw"] == pytest.approx(expected["sumw"])
    assert set(meta["sumw_weights"]) == set()
    assert "no jet constituents (AK8.Constituents is missing)" in " ".join(meta["notes"])

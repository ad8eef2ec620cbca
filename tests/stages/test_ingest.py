"""Ingestion: what is read, what is matched, what is off, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np
import psutil
import pytest
import uproot

from boostflow.config.chain import EXECUTION, Ingest, Select
from boostflow.errors import BoostflowError
from boostflow.ingest.truth import matched
from boostflow.io import read_json, read_parquet
from boostflow.jobs.chain import ENVIRONMENT
from boostflow.processes import X, Y
from boostflow.theory import weight_columns
from support.rootfiles import columns_of, write_nano, write_rntuple, write_tree
from support.stages import TOP, boostflow, ingest, select, words


def run(file: Path, folder: Path, label: dict = TOP, **options) -> tuple[ak.Array, dict]:
    ingest(file, folder / "j.parquet", folder / "j.json", **label, **options)
    return read_parquet(folder / "j.parquet"), read_json(folder / "j.json")


def test_rows_are_the_file_s_fat_jets(tmp_path: Path) -> None:
    rows, meta = run(write_nano(tmp_path / "a.root"), tmp_path)
    tree = uproot.open(tmp_path / "a.root")["Events"]
    pt = tree["FatJet_pt"].array()
    assert np.allclose(rows.pt, ak.flatten(pt))
    assert meta["events"] == 50
    weight = tree["genWeight"].array(library="np")
    assert meta["sumw"] == pytest.approx(weight.sum())
    assert sum(meta["sumw_buckets"]) == pytest.approx(weight.sum())
    some = ak.to_numpy(ak.num(pt) > 0)
    assert meta["cutflow"][1] == {
        "name": "has fat jet", "events": some.sum(), "sumw": pytest.approx(weight[some].sum()),
    }  # fmt: skip
    assert np.allclose(
        rows.tau21, ak.flatten(tree["FatJet_tau2"].array() / tree["FatJet_tau1"].array())
    )
    assert not meta["features"]["constituents"]
    assert "models that need them" in meta["notes"][0]


def test_chunks_do_not_matter(tmp_path: Path) -> None:
    file = write_nano(tmp_path / "a.root", 450, constituents=True)
    whole, meta = run(file, tmp_path)
    (tmp_path / "b").mkdir()
    pieces, again = run(file, tmp_path / "b", config=Ingest(chunksize=100))
    assert ak.almost_equal(whole, pieces, rtol=0, atol=0)
    assert meta["cutflow"] == again["cutflow"]
    assert meta["sumw_weights"] == pytest.approx(again["sumw_weights"])


@pytest.fixture(scope="module", params=["futures", "dask"])
def processes(request: pytest.FixtureRequest) -> Ingest:
    """Two processes of this machine."""
    return Ingest(executor=request.param, chunksize=100, dask={"cluster": "local"})


def test_executors_agree(tmp_path: Path, processes: Ingest) -> None:
    """To the last bit, in the sums of weights too, whichever chunk was ready first."""
    file = write_nano(tmp_path / "a.root", 950, constituents=True)
    run(file, tmp_path, config=Ingest(chunksize=100))
    one = [(tmp_path / name).read_bytes() for name in ("j.parquet", "j.json")]
    run(file, tmp_path, config=processes)
    assert one == [(tmp_path / name).read_bytes() for name in ("j.parquet", "j.json")]


def test_executors_name_a_bad_file(tmp_path: Path, processes: Ingest) -> None:
    file = write_nano(tmp_path / "a.root", 950, spoil="FatJet_mass")
    with pytest.raises(BoostflowError, match=r"a\.root: entry \d+, fat jet \d: NaN .* in mass"):
        run(file, tmp_path, config=processes)
    assert [path.name for path in tmp_path.iterdir()] == ["a.root"]


@pytest.mark.integration
def test_a_killed_ingest_leaves_neither_results_nor_processes(
    tmp_path: Path, processes: Ingest
) -> None:
    file = write_nano(tmp_path / "a.root", 20_000, constituents=True)
    out = tmp_path / "out"
    command = boostflow(
        *("ingest", {"label": "top"}), file=file, table=out / "j.parquet", meta=out / "j.json"
    )
    process = subprocess.Popen(
        command,
        stderr=subprocess.DEVNULL,
        env=os.environ | {ENVIRONMENT: processes.model_dump_json(include=EXECUTION)},
    )
    try:
        while not list(out.glob(".j.parquet.chunks.*/*.arrow")):
            assert process.poll() is None
            time.sleep(0.02)
        children = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.kill()
    process.wait()
    assert len(children) >= 2
    assert not psutil.wait_procs(children, 30)[1]
    assert [path.name[0] for path in out.iterdir()] == ["."]
    # The next try removes what was left.
    run(write_nano(tmp_path / "b.root"), out)
    assert sorted(path.name for path in out.iterdir()) == ["j.json", "j.parquet"]


def test_the_selection_is_the_same_from_pieces(tmp_path: Path) -> None:
    file = write_nano(tmp_path / "a.root", 400)
    cuts = Select(fatjet={"pt": [300, 800]}, event={"ht_min": 0})
    chosen = {}
    for pieces in (1, 3):
        parts = []
        for k in range(pieces):
            parts.append(tmp_path / f"{pieces}/{k}.parquet")
            meta = parts[-1].with_suffix(".json")
            ingest(file, parts[-1], meta, **TOP, xsec=2.0, piece=(k, pieces))
        out = tmp_path / f"{pieces}.parquet", tmp_path / f"{pieces}.json"
        metas = [path.with_suffix(".json") for path in parts]
        select(parts, metas, *out, cuts, sample="top")
        chosen[pieces] = read_parquet(out[0]), read_json(out[1])
    assert len(chosen[1][0]) > 200
    one, three = (rows for rows, _ in chosen.values())
    assert "weight_isr_up" in one.fields
    for name in one.fields:
        # Relative weights are divided by sums of products, which float64 rounds.
        error = 1e-6 if name.startswith("weight_") else 0
        if name != "label":
            np.testing.assert_allclose(one[name], three[name], rtol=error, atol=0, err_msg=name)
    assert one.label.to_list() == three.label.to_list()
    assert chosen[1][1] == chosen[3][1]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Of 400,000 events as one chunk it would be 1.9 times that of 20,000."""
    script = (
        "import resource; from boostflow.cli import main; main();"
        " print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )

    def peak(copies: int) -> int:
        file = write_nano(tmp_path / f"{copies}.root", 20_000, copies=copies)
        written = {"table": tmp_path / f"{copies}.parquet", "meta": tmp_path / f"{copies}.json"}
        command = [
            *(sys.executable, "-c", script),
            *words("ingest", {"label": "top"}, file=file, **written),
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert read_json(tmp_path / f"{copies}.json")["events"] == 20_000 * copies
        return int(done.stdout.split()[-1])

    assert peak(20) < 1.4 * peak(1)


@pytest.mark.parametrize("pieces", [3, 8])
def test_pieces_of_a_file_add_up(tmp_path: Path, pieces: int) -> None:
    """The same rows and sums, also where there are more pieces than events."""
    file = write_nano(tmp_path / "a.root", 7, constituents=True)
    whole, meta = run(file, tmp_path)
    parts = [run(file, tmp_path, piece=(k, pieces)) for k in range(pieces)]
    rows = ak.concatenate([rows for rows, meta in parts if meta["jets"]])
    assert ak.almost_equal(rows, whole, rtol=0, atol=0)
    for step in range(2):
        # Weights are few-bit numbers here: float64 adds them up without rounding.
        for key in ("events", "sumw"):
            assert sum(m["cutflow"][step][key] for _, m in parts) == meta["cutflow"][step][key]
    buckets = np.sum([m["sumw_buckets"] for _, m in parts], axis=0)
    assert buckets.tolist() == meta["sumw_buckets"]
    for name, value in meta["sumw_weights"].items():
        assert sum(m["sumw_weights"][name] for _, m in parts) == pytest.approx(value, rel=1e-12)
    assert parts[0][1]["features"] == meta["features"]
    empty = [m["notes"][-1] for _, m in parts if not m["events"]]
    assert empty == ["this part of the file has no events"] * max(0, pieces - 7)


def test_only_jets_with_the_particle_get_the_label(tmp_path: Path) -> None:
    rows, _ = run(write_nano(tmp_path / "a.root", 200), tmp_path)
    lead = ak.to_numpy(rows.jet_index == 0)
    label = np.asarray(rows.label.to_list())
    assert (label[lead] == "top").all()
    # Other jets get it only by lying on top of the leading one.
    assert (label[~lead] == "unmatched").mean() > 0.8


def test_matching_a_decay_of_the_resonance() -> None:
    """X with both quarks in the jet, Y with one of them outside, and a jet of neither."""
    fatjets = ak.Array([[{"eta": 0.0, "phi": 0.0}, {"eta": 0.0, "phi": 3.1}, {"eta": 2, "phi": 1}]])
    last, hard = 1 << 13, 1 << 7
    genpart = ak.zip(
        {
            "eta": [[0.0, 0.0, 0.3, -0.3, 0.1, 1.5]],
            "phi": [[0.0, 3.1, 0.1, -0.1, 3.0, -3.0]],
            "pdgId": [[X, -Y, 3, -3, 2, -1]],
            "status": [[22, 22, 23, 23, 23, 23]],
            "statusFlags": [[last, last, hard, hard, hard, hard]],
            "genPartIdxMother": [[-1, -1, 0, 0, 1, 1]],
        }
    )
    assert matched(fatjets, genpart, "resonance", 1.0).tolist() == [[True, False, False]]
    assert matched(fatjets, genpart, "resonance", 1.6).tolist() == [[True, True, False]]
    # The same quarks as partons: each jet that one of them lies in.
    assert matched(fatjets, genpart, "dijet", 1.0).tolist() == [[True, True, False]]


@pytest.mark.parametrize(("process", "boson"), [("wjet", 24), ("zjet", 23)])
def test_the_jet_beside_a_boson_matches_nothing(process: str, boson: int) -> None:
    """A boson with both quarks in the first jet, and a gluon in the second."""
    fatjets = ak.Array([[{"eta": 0.0, "phi": 0.0}, {"eta": 0.0, "phi": 3.1}]])
    last, hard = 1 << 13, 1 << 7
    genpart = ak.zip(
        {
            "eta": [[0.0, 0.0, 0.2, -0.2]],
            "phi": [[0.0, 3.1, 0.1, -0.1]],
            "pdgId": [[boson, 21, 4, -4]],
            "status": [[22, 23, 23, 23]],
            "statusFlags": [[hard | last, hard, hard, hard]],
            "genPartIdxMother": [[-1, -1, 0, 0]],
        }
    )
    assert matched(fatjets, genpart, process, 0.8).tolist() == [[True, False]]


@pytest.mark.parametrize("rho", ["fixedGridRhoFastjetAll", "Rho_fixedGridRhoFastjetAll"])
def test_jets_keep_their_generator_jet_and_the_density(tmp_path: Path, rho: str) -> None:
    file = write_nano(tmp_path / "a.root", generator_jets=True, rho=rho, constituents=True)
    rows, meta = run(file, tmp_path)
    assert meta["features"]["generatorJets"] and meta["features"]["rho"]
    first = rows.jet_index == 0
    assert 20 < ak.sum(first) < len(rows)
    assert np.allclose(rows.gen_pt[first], 1.1 * rows.pt[first], rtol=1e-5)
    assert np.allclose(rows.gen_mass[first], 0.9 * rows.mass[first], rtol=1e-5)
    # The second is half a unit away, and the file does not keep the third.
    assert np.isnan(ak.to_numpy(rows.gen_pt[~first])).all()
    assert np.isnan(ak.to_numpy(rows.gen_mass[~first])).all()
    assert ak.all(rows.rho == rows.event)


@pytest.mark.parametrize("constituents", [True, False])
def test_jets_keep_what_calibration_needs(tmp_path: Path, constituents: bool) -> None:
    file = write_nano(tmp_path / "a.root", constituents=constituents, raw=True)
    rows, meta = run(file, tmp_path)
    assert meta["features"]["raw_factor"] and meta["features"]["area"]
    assert len(rows) and ak.all(rows.area == 2)
    assert np.allclose(rows.raw_factor, rows.pt / 1000, rtol=1e-5)


def test_files_without_generator_jets_have_no_such_columns(tmp_path: Path) -> None:
    rows, meta = run(write_nano(tmp_path / "a.root"), tmp_path)
    assert not {"gen_pt", "gen_mass", "rho", "area", "raw_factor"} & set(rows.fields)
    assert not meta["features"]["generatorJets"]


def test_without_match_all_jets_get_the_label(tmp_path: Path) -> None:
    rows, _ = run(write_nano(tmp_path / "a.root", truth=False), tmp_path, {"label": "qcd"})
    assert set(rows.label.to_list()) == {"qcd"}


def test_constituents_bring_observables(tmp_path: Path) -> None:
    rows, meta = run(write_nano(tmp_path / "a.root", constituents=True), tmp_path)
    assert meta["features"]["constituents"]
    assert set(ak.num(rows.pf_pt)) == {3}
    assert {"c2", "d2", "e3", "sqrt_d12", "multiplicity"} <= set(rows.fields)
    assert np.allclose(ak.sum(rows.pf_pt, axis=1), rows.pt, rtol=1e-5)
    assert set(rows.multiplicity.to_list()) == {3}


def _as_ntuple(path: Path) -> Path:
    """The same content for the other reader."""
    return write_rntuple(path.with_suffix(".rntuple.root"), columns_of(path), flat=True)


@pytest.mark.parametrize("order", [[], ["jetIdx"]], ids=["as they are", "by falling jet"])
@pytest.mark.parametrize("drop", [(), ("FatJet_nConstituents",)])
def test_constituents_are_found_by_their_links(tmp_path: Path, order: list, drop: tuple) -> None:
    """Whatever their order, and whether or not jets say how many they have."""
    plain = write_nano(tmp_path / "a.root", constituents=True)
    wanted, _ = run(plain, tmp_path)
    columns = columns_of(write_nano(tmp_path / "b.root", constituents=True, drop=drop))
    links = columns["FatJetPFCands"]
    for name in order:
        links = links[ak.argsort(-links[name], axis=1, stable=True)]
    outside = links[:, :1]
    outside = ak.with_field(outside, ak.values_astype(outside.jetIdx * 0 - 1, "int32"), "jetIdx")
    columns["FatJetPFCands"] = ak.concatenate([links, outside], axis=1)
    (tmp_path / "c").mkdir()
    found, meta = run(write_tree(tmp_path / "c.root", columns), tmp_path / "c")
    assert meta["features"]["constituents"]
    assert ak.almost_equal(wanted, found, rtol=0, atol=0)


@pytest.mark.parametrize("reader", [lambda path: path, _as_ntuple], ids=["coffea", "uproot"])
def test_puppi_weights_are_in_the_momenta(tmp_path: Path, reader: Callable) -> None:
    """Of the three constituents of a jet one counts half, and one not at all."""
    columns = columns_of(write_nano(tmp_path / "a.root", constituents=True))
    candidates = columns["PFCands"]
    weight = ak.from_iter(np.array([1, 0, 0.5])[ak.flatten(ak.local_index(candidates.pt)) % 3])
    weight = ak.unflatten(ak.values_astype(weight, "float32"), ak.num(candidates))
    columns["PFCands"] = ak.with_field(candidates, weight, "puppiWeight")
    rows, meta = run(reader(write_tree(tmp_path / "b.root", columns)), tmp_path)
    assert set(ak.num(rows.pf_pt)) == {2} and set(rows.multiplicity.to_list()) == {2}
    assert np.allclose(rows.pf_pt, ak.to_numpy(rows.pt)[:, None] * [1 / 3, 1 / 6], rtol=1e-5)
    assert np.allclose(rows.pf_mass, [0.14, 0.07])
    assert "multiplied by PFCands_puppiWeight; those of weight 0" in "".join(meta["notes"])


def test_jets_without_constituents_are_counted(tmp_path: Path) -> None:
    columns = columns_of(write_nano(tmp_path / "a.root", constituents=True))
    links = columns["FatJetPFCands"]
    columns["FatJetPFCands"] = links[links.jetIdx != 1]
    rows, meta = run(write_tree(tmp_path / "b.root", columns), tmp_path)
    bare = ak.sum(rows.jet_index == 1)
    assert bare == ak.sum(ak.num(rows.pf_pt) == 0) > 10
    assert f"{bare} fat jets have no constituents" in meta["notes"]


def test_events_without_fat_jets_are_an_empty_table(tmp_path: Path) -> None:
    config = Ingest(fatjet_pt_min=900)
    rows, meta = run(write_nano(tmp_path / "a.root"), tmp_path, config=config)
    assert len(rows) == 0
    assert meta["events"] == 50
    assert meta["cutflow"][1]["events"] == 0


def test_nan_in_a_file_is_refused(tmp_path: Path) -> None:
    file = write_nano(tmp_path / "a.root", spoil="FatJet_mass")
    with pytest.raises(BoostflowError, match=r"a\.root: entry \d+, fat jet \d: NaN .* in mass"):
        run(file, tmp_path)
    assert not (tmp_path / "j.parquet").exists()


def test_flipped_bytes_are_named(tmp_path: Path) -> None:
    content = bytearray(write_nano(tmp_path / "a.root", 3000).read_bytes())
    tree = uproot.open(tmp_path / "a.root")["Events"]
    basket = tree["FatJet_pt"].basket(0)
    seek = tree["FatJet_pt"].basket_key(0).fSeekKey + basket.member("fKeylen") + 12
    content[seek : seek + 40] = bytes(40)
    (tmp_path / "a.root").write_bytes(bytes(content))
    with pytest.raises(BoostflowError, match=r"a\.root: "):
        run(tmp_path / "a.root", tmp_path)


def test_collision_data_has_weight_one_and_no_label(tmp_path: Path) -> None:
    file = write_nano(tmp_path / "a.root", data=True)
    rows, meta = run(file, tmp_path, {}, data=True)
    assert "label" not in rows.fields
    assert set(rows.genWeight.to_list()) == {1}
    assert meta["data"]
    assert meta["sumw"] == 50


def test_a_file_without_events_is_an_empty_table(tmp_path: Path) -> None:
    rows, meta = run(write_nano(tmp_path / "a.root", 0), tmp_path)
    assert len(rows) == 0
    assert meta["events"] == 0
    assert "the file has no events" in meta["notes"]


def test_a_file_without_met_says_so(tmp_path: Path) -> None:
    _, meta = run(write_nano(tmp_path / "a.root", drop=("MET_pt",)), tmp_path)
    assert any("MET is taken as 0" in note for note in meta["notes"])


def test_ps_weights_keep_their_order(tmp_path: Path) -> None:
    rows, meta = run(write_nano(tmp_path / "a.root"), tmp_path)
    tree = uproot.open(tmp_path / "a.root")["Events"]
    values, weight = tree["PSWeight"].array(), tree["genWeight"].array()
    for i, name in enumerate(("isr_up", "fsr_up", "isr_down", "fsr_down")):
        assert meta["sumw_weights"][f"weight_{name}"] == pytest.approx(
            float(ak.sum(values[:, i] * weight)), rel=1e-6
        )
    assert "weight_isr_up" in rows.fields


@pytest.mark.parametrize("count", [8, 9])
def test_scale_and_pdf_weights_of_nanoaod(tmp_path: Path, count: int) -> None:
    theory = {"LHEScaleWeight": count, "LHEPdfWeight": 103}
    rows, meta = run(write_nano(tmp_path / "a.root", theory=theory), tmp_path)
    tree = uproot.open(tmp_path / "a.root")["Events"]
    weight = tree["genWeight"].array()
    scale, pdf = tree["LHEScaleWeight"].array(), tree["LHEPdfWeight"].array()
    jets = ak.num(tree["FatJet_pt"].array())
    for name, values in {
        "weight_mur05_muf05": scale[:, 0],
        "weight_mur05": scale[:, 1],
        "weight_muf05": scale[:, 3],
        "weight_muf2": scale[:, count - 4],
        "weight_mur2": scale[:, count - 2],
        "weight_mur2_muf2": scale[:, count - 1],
        "weight_pdf_0": pdf[:, 0],
        "weight_pdf_100": pdf[:, 100],
        "weight_alphas_down": pdf[:, 101],
        "weight_alphas_up": pdf[:, 102],
    }.items():
        assert np.array_equal(rows[name], np.repeat(ak.to_numpy(values), jets)), name
        expected = float(ak.sum(values * weight))
        assert meta["sumw_weights"][name] == pytest.approx(expected, rel=1e-6)
    assert meta["features"]["LHEPdfWeight"] == 103
    assert sum(name.startswith("weight_") for name in rows.fields) == 4 + count + 103


def test_titles_of_cms_say_which_scales() -> None:
    """Spellings of MadGraph, POWHEG and older files, and one in another order."""
    titles = (
        "LHE scale variation weights (w_var / w_nominal); [0] is renscfact=0.5d0 facscfact=2d0 ; "
        "[1] is renscfact=1d0 facscfact=1d0 ; [2] is renscfact=2d0 facscfact=1d0 ",
        '[0] is MUF="2.0" MUR="0.5"; [1] is MUF="1.0" MUR="1.0"; [2] is MUF="1.0" MUR="2.0"',
        "[0] is muR=0.50000E+00 muF=0.20000E+01 ; [1] is muR=0.10000E+01 muF=0.10000E+01 ; "
        "[2] is muR=0.20000E+01 muF=0.10000E+01",
    )
    for title in titles:
        columns = weight_columns("LHEScaleWeight", 3, title)
        assert columns == ["weight_mur05_muf2", "weight_mur1_muf1", "weight_mur2"]
    strange = titles[0].replace("0.5d0", "0.7d0")
    assert weight_columns("LHEScaleWeight", 3, strange) == []


def test_titles_that_are_read_in_part() -> None:
    """What can be read must be the usual order, or nobody knows."""
    pairs = [(r, f) for r in ("0.5", "1", "2") for f in ("0.5", "1", "2")]
    usual = [f"[{i}] is renscfact={r}d0 facscfact={f}d0" for i, (r, f) in enumerate(pairs)]
    columns = weight_columns("LHEScaleWeight", 9)
    assert weight_columns("LHEScaleWeight", 9, " ; ".join(usual)) == columns
    usual[3] = "[3] is something else"
    assert weight_columns("LHEScaleWeight", 9, " ; ".join(usual)) == columns
    other = [f"[{i}] is renscfact={r}d0 facscfact={f}d0" for i, (f, r) in enumerate(pairs)]
    assert weight_columns("LHEScaleWeight", 9, " ; ".join(other)) == [
        columns[i] for i in (0, 3, 6, 1, 4, 7, 2, 5, 8)
    ]
    other[3] = "[3] is something else"
    assert weight_columns("LHEScaleWeight", 9, " ; ".join(other)) == []


def test_weights_without_known_meaning_are_off(tmp_path: Path) -> None:
    file = write_nano(tmp_path / "a.root", theory={"LHEScaleWeight": 3})
    rows, meta = run(file, tmp_path)
    assert "LHEScaleWeight has 3 entries of no known meaning" in " ".join(meta["notes"])
    assert "no LHEPdfWeight: weights for other parton densities are off" in meta["notes"]
    assert not [name for name in rows.fields if "mu" in name and name.startswith("weight")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drop": ("FatJet",)}, "no branch FatJet_pt, FatJet_eta, FatJet_phi, FatJet_mass"),
        ({"drop": ("event",)}, "no branch event"),
        ({"data": True}, "has no genWeight; set `data: true`"),
        ({"tree": "tree"}, "no tree 'Events'; the file has tree"),
        ({"truth": False}, "jets cannot be matched to a top particle"),
    ],
)
def test_what_no_analysis_can_do_without(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(BoostflowError, match=r"a\.root: ") as caught:
        run(write_nano(tmp_path / "a.root", **options), tmp_path)
    assert message in str(caught.value)


def test_simulation_declared_as_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BoostflowError, match="has genWeight, but its sample is declared"):
        run(write_nano(tmp_path / "a.root"), tmp_path, {}, data=True)


@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "folder", "missing"])
def test_a_broken_file_is_named(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "a.root"
    if kind == "folder":
        file.mkdir()
    elif kind != "missing":
        whole = write_nano(file, 2000).read_bytes()
        content = {"empty": b"", "text": b"root is here", "truncated": whole[: len(whole) // 2]}
        file.write_bytes(content[kind])
    with pytest.raises(BoostflowError, match=r"a\.root: "):
        run(file, tmp_path)
    assert not (tmp_path / "j.parquet").exists()

"""Certified luminosity blocks, triggers and flags: what passes, counts, and is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from boostflow.config.chain import Ingest, Select
from boostflow.errors import BoostflowError
from boostflow.io import read_json, read_parquet
from boostflow.lumimask import LumiMask
from support.rootfiles import columns_of, write_nano, write_rntuple, write_tree
from support.stages import ingest, select

BITS = {"HLT_PFHT1050": 0.3, "HLT_AK8PFJet500": 0.3, "Flag_goodVertices": 0.9, "Flag_BadPF": 0.8}
CONTENT = {
    "triggers": ["HLT_PFHT1050", "HLT_AK8PFJet500"],
    "flags": ["Flag_goodVertices", "Flag_BadPF"],
}
GOLDEN = {"1": [[2, 3], [5, 5]], "7": [[1, 9]]}


def run(
    file: Path, folder: Path, *, data: bool = False, golden_json: Path | None = None, **content
) -> tuple[ak.Array, dict]:
    folder.mkdir(exist_ok=True)
    ingest(
        file,
        folder / "j.parquet",
        folder / "j.json",
        Ingest(chunksize=100),
        label=None if data else "top",
        content=content,
        data=data,
        golden_json=golden_json,
    )
    return read_parquet(folder / "j.parquet"), read_json(folder / "j.json")


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    path = tmp_path / "golden.json"
    path.write_text(json.dumps(GOLDEN))
    return path


@pytest.mark.parametrize("rntuple", [False, True], ids=["ttree", "rntuple"])
def test_bits_decide_and_all_events_normalise(tmp_path: Path, rntuple: bool) -> None:
    file = write_nano(tmp_path / "a.root", 350, bits=BITS)
    raw = uproot.open(file)["Events"].arrays()
    if rntuple:
        file = write_rntuple(tmp_path / "b.root", columns_of(file), flat=True)
    rows, meta = run(file, tmp_path / "o", **CONTENT)
    fired = raw.HLT_PFHT1050 | raw.HLT_AK8PFJet500
    clean = raw.Flag_goodVertices & raw.Flag_BadPF
    jets = ak.num(raw.FatJet_pt) > 0
    expected = {
        "all": ak.ones_like(fired),
        "trigger": fired,
        "event flags": fired & clean,
        "has fat jet": fired & clean & jets,
    }
    assert [step["name"] for step in meta["cutflow"]] == list(expected)
    for step, mask in zip(meta["cutflow"], expected.values(), strict=True):
        assert step["events"] == ak.sum(mask)
        assert step["sumw"] == pytest.approx(ak.sum(raw.genWeight[mask]))
    # 51 % fire, 72 % are clean.
    assert 0.25 < ak.mean(fired & clean) < 0.5
    assert meta["sumw"] == pytest.approx(ak.sum(raw.genWeight))
    assert sum(meta["sumw_buckets"]) == pytest.approx(ak.sum(raw.genWeight))
    passed = raw.event[fired & clean & jets]
    assert sorted(set(rows.event.to_list())) == sorted(passed.to_list())


def test_only_certified_blocks_of_data(tmp_path: Path, golden: Path) -> None:
    columns = columns_of(write_nano(tmp_path / "a.root", 300, data=True, bits=BITS))
    rng = np.random.default_rng(5)
    columns["run"] = rng.choice([1, 2, 7], 300).astype("u4")
    columns["luminosityBlock"] = rng.integers(1, 12, 300).astype("u4")
    file = write_tree(tmp_path / "b.root", columns)
    rows, meta = run(file, tmp_path / "o", data=True, golden_json=golden, **CONTENT)
    good = [
        any(first <= lumi <= last for first, last in GOLDEN.get(str(run_), []))
        for run_, lumi in zip(columns["run"], columns["luminosityBlock"], strict=True)
    ]
    names = ["all", "golden JSON", "trigger", "event flags", "has fat jet"]
    assert [step["name"] for step in meta["cutflow"]] == names
    assert meta["cutflow"][1]["events"] == sum(good) > 50
    assert set(rows.event.to_list()) <= set(columns["event"][np.array(good)].to_list())
    # The selection's cutflow goes on from there.
    out = tmp_path / "s.parquet", tmp_path / "s.json"
    paths = [tmp_path / "o" / "j.parquet"], [tmp_path / "o" / "j.json"]
    cuts = Select(fatjet={"pt": [300, 800], "multiplicity_min": 0}, event={"ht_min": 0})
    select(*paths, *out, cuts, sample="data")
    steps = read_json(out[1])["cutflow"]
    assert [step["name"] for step in steps][:5] == names
    assert steps[4]["events"] >= steps[5]["events"] > 0


def test_collision_data_and_negative_weights_go_through(tmp_path: Path) -> None:
    """Normalised to the sum of all weights, negative ones among them, that of data to none."""
    simulated = write_nano(tmp_path / "mc.root", 400, truth=False)
    weight = uproot.open(simulated)["Events"]["genWeight"].array(library="np")
    assert 0.2 < np.mean(weight < 0) < 0.5
    cuts = Select(fatjet={"pt": [0, 5000], "mass": [0, 500]}, event={"ht_min": 0, "met_max": None})
    expected = {}
    for name, data in (("mc", False), ("data", True)):
        file = simulated if not data else write_nano(tmp_path / "data.root", 400, data=True)
        folder = tmp_path / name
        run(file, folder, data=data)
        if not data:
            meta = read_json(folder / "j.json")
            (folder / "j.json").write_text(json.dumps(meta | {"xsec": 2.0}))
        out = folder / "s.parquet", folder / "s.json"
        select([folder / "j.parquet"], [folder / "j.json"], *out, cuts, sample=name)
        expected[name] = read_parquet(out[0]), read_json(out[1])
    rows, meta = expected["mc"]
    assert meta["cutflow"][0]["expected"] == pytest.approx(2000)
    assert (rows.weight.to_numpy() < 0).any()
    rows, meta = expected["data"]
    assert set(rows.weight.to_list()) == {1} and meta["cutflow"][0]["expected"] is None


def test_triggers_that_a_file_lacks(tmp_path: Path) -> None:
    """Runs have menus of their own: another of the list is enough, and the notes say so."""
    file = write_nano(tmp_path / "a.root", bits={"HLT_PFHT1050": 0.5, "HLT_PFHT900": 0.5})
    _, meta = run(file, tmp_path / "o", triggers=["HLT_PFHT1050", "HLT_Other"])
    assert meta["cutflow"][1]["name"] == "trigger"
    note = "some files have no HLT_Other: their events must pass one of HLT_PFHT1050"
    assert note in meta["notes"]
    with pytest.raises(BoostflowError, match=r"none of the triggers HLT_PFHT105 \(the file has"):
        run(file, tmp_path / "o", triggers=["HLT_PFHT105"])


def test_a_flag_that_a_file_lacks_is_an_error(tmp_path: Path) -> None:
    file = write_nano(tmp_path / "a.root", bits=BITS)
    with pytest.raises(BoostflowError, match=r"no flag Flag_goodVertex \(the file has Flag_goodV"):
        run(file, tmp_path / "o", flags=["Flag_goodVertex", "Flag_BadPF"])


def test_flags_are_bits(tmp_path: Path) -> None:
    """Booleans, or bytes as some skims have them; numbers of all sizes but 0 would be true."""
    columns = columns_of(write_nano(tmp_path / "a.root", bits=BITS))
    columns["Flag_BadPF"] = ak.values_astype(columns["Flag_BadPF"], "uint8")
    file = write_tree(tmp_path / "b.root", columns)
    _, meta = run(file, tmp_path / "o", **CONTENT)
    assert 0 < meta["cutflow"][2]["events"] < meta["cutflow"][1]["events"]
    with pytest.raises(BoostflowError, match="branch run is of integers, must be of booleans"):
        run(file, tmp_path / "o", flags=["run"])


def test_a_file_without_events_has_the_same_steps(tmp_path: Path) -> None:
    _, meta = run(write_nano(tmp_path / "a.root", 0, bits=BITS), tmp_path / "o", **CONTENT)
    steps = [(step["name"], step["events"]) for step in meta["cutflow"]]
    assert steps == [("all", 0), ("trigger", 0), ("event flags", 0), ("has fat jet", 0)]


def test_blocks_that_a_tree_does_not_have(tmp_path: Path, golden: Path) -> None:
    """Numbered by file and row, no event would be certified, or some by chance."""
    file = write_nano(tmp_path / "a.root", data=True, drop=("luminosityBlock",))
    branches = {"FatJet_mass": "FatJet_mass"}
    _, meta = run(file, tmp_path / "o", data=True, branches=branches)
    assert "no luminosityBlock: numbered by file and row" in meta["notes"]
    with pytest.raises(BoostflowError, match="has no luminosityBlock, so that nothing can be cert"):
        run(file, tmp_path / "o", data=True, branches=branches, golden_json=golden)


def test_blocks_are_those_of_coffea(tmp_path: Path, golden: Path) -> None:
    """In a process of its own: coffea's import compiles for seconds, and others count memory."""
    runs, lumis = (x.ravel().tolist() for x in np.meshgrid([1, 2, 7, 400000], np.arange(12)))
    script = (
        "import json, sys, numpy as np; from coffea.lumi_tools import LumiMask;"
        " run, lumi = (np.array(json.loads(x), dtype='u4') for x in sys.argv[2:]);"
        " print(json.dumps(LumiMask(sys.argv[1])(run, lumi).tolist()))"
    )
    command = [sys.executable, "-c", script, golden, json.dumps(runs), json.dumps(lumis)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert LumiMask(golden)(runs, lumis).tolist() == json.loads(done.stdout)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not readable as JSON"),
        ("[]", 'must be {"run": [[first, last], ...]}'),
        ("{}", 'must be {"run": [[first, last], ...]}'),
        ('{"a": [[1, 2]]}', "run 'a'"),
        ('{"1": [1, 2]}', "run '1'"),
        ('{"1": [[3, 2]]}', "first <= last"),
        ('{"1": [[1, 2.5]]}', "run '1'"),
        ('{"1": [[1, 5], [5, 6]]}', "run 1: block 5 is in two ranges"),
        ('{"1": [[1, 5]], "2": [], "1": [[7, 9]]}', "'1' is there twice: join its ranges"),
        ('{"1": [[1, 5]], "01": [[7, 9]]}', "run 1 is there twice: join its ranges"),
        ('{"1": [[1, 9999999999999999999]]}', "run '1'"),
        (f'{{"{"9" * 5000}": [[1, 2]]}}', "run '999"),
        ('{"1": ' + "[" * 100_000 + "]" * 100_000 + "}", "is nested far deeper"),
    ],
)
def test_a_bad_file_of_blocks_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "golden.json"
    path.write_text(content)
    with pytest.raises(BoostflowError, match=r"golden\.json: ") as caught:
        LumiMask(path)
    assert message in str(caught.value)


def test_a_missing_file_of_blocks_is_named(tmp_path: Path) -> None:
    with pytest.raises(BoostflowError, match=r"golden\.json: no such file"):
        LumiMask(tmp_path / "golden.json")

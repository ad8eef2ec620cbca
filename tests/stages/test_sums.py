"""Skims that are no NanoAOD: sums as a number, in histograms, in a text file; final weights."""

from __future__ import annotations

import re
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from boostflow.config.chain import Ingest as IngestBlock
from boostflow.config.chain import Select
from boostflow.config.samples import RootSample
from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest.check import check
from boostflow.ingest.produced import BEFORE_SKIM
from boostflow.io import read_json, read_parquet
from boostflow.jobs.chain import CheckInputs
from support.rootfiles import columns_of, write_nano, write_tree
from support.stages import ingest, select

CUTS = Select(
    fatjet={"pt": [0, 5000], "mass": [0, 500], "multiplicity_min": 0},
    event={"ht_min": 0, "met_max": None},
)
XSEC, TOTAL = 2.0, 4000.0
BINS = {"CutBookkeeper_410470_284500_NOSYS": 1000.0, "CutBookkeeper_410470_300000_NOSYS": 500.0}
HISTOGRAM = {"histogram": "CutBookkeeper_*_NOSYS", "bin": 2}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files of weights 1 with jets in each event, the second with histograms of another sum."""
    found = []
    for seed, scale in ((1, 1.0), (2, 5 / 3)):
        columns = columns_of(write_nano(tmp_path / "x.root", 300, truth=False, seed=seed, run=seed))
        has = ak.to_numpy(ak.num(columns["FatJet"].pt)) > 0
        columns = {name: x[has][:150] for name, x in columns.items()}
        path = write_tree(tmp_path / f"{seed}.root", columns | {"genWeight": np.ones(150, "f4")})
        with uproot.update(path) as file:
            for name, sumw in BINS.items():
                content = np.array([9e9, sumw * scale, 0.0])
                file[name] = content, np.arange(4.0)
        found.append(path)
    return found


def chain(
    files: list[Path], folder: Path, *, pieces: int = 1, xsec: float | None = XSEC, **content
) -> tuple[ak.Array, dict]:
    folder.mkdir()
    paths = []
    before = content.get("before_skim") or {}
    for i, file in enumerate(files):
        for k in range(pieces):
            paths.append((folder / f"{i}_{k}.parquet", folder / f"{i}_{k}.json"))
            ingest(file, *paths[-1], label="q", content=content, piece=(k, pieces), xsec=xsec)
    out = folder / "s.parquet", folder / "s.json"
    tables, metas = map(list, zip(*paths, strict=True))
    select(tables, metas, *out, CUTS, sample="s", sumw=before.get("sumw"))
    return read_parquet(out[0]), read_json(out[1])


def normalised(rows: ak.Array, flow: dict, sumw: float) -> None:
    """300 events of weight 1 are left of `sumw`, in each split of it, in the cutflow, too."""
    first, *_, last = flow["cutflow"]
    assert first["name"] == BEFORE_SKIM and first["sumw"] == pytest.approx(sumw)
    assert first["expected"] == pytest.approx(1000 * XSEC)
    assert last["events"] == 300
    assert last["expected"] == pytest.approx(1000 * XSEC * 300 / sumw)
    for split in range(3):
        chosen = rows.candidate & (rows.split == split)
        assert float(ak.sum(rows.weight[chosen])) == pytest.approx(last["expected"])


@pytest.mark.parametrize("pieces", [1, 3])
def test_histograms_of_each_file_add_up(files: list[Path], tmp_path: Path, pieces: int) -> None:
    """1500 in the first file, 2500 in the second one."""
    rows, flow = chain(files, tmp_path / "o", pieces=pieces, before_skim=HISTOGRAM)
    first, *_, last = flow["cutflow"]
    assert first["name"] == BEFORE_SKIM and first["sumw"] == pytest.approx(TOTAL)
    assert first["expected"] == pytest.approx(1000 * XSEC)
    assert last["expected"] == pytest.approx(1000 * XSEC * 300 / TOTAL)
    note = "normalised to the sums of weights before a skim, of bin 2 of CutBookkeeper_*_NOSYS"
    assert f"{note} (`before_skim`)" in flow["notes"]
    assert set(rows.split.to_list()) == {0, 1, 2}


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_number_for_the_sample(files: list[Path], tmp_path: Path, pieces: int) -> None:
    rows, flow = chain(files, tmp_path / "o", pieces=pieces, before_skim={"sumw": TOTAL})
    normalised(rows, flow, TOTAL)
    assert "normalised to a sum of weights before a skim of 4000 (`before_skim`)" in flow["notes"]


def test_a_text_file_by_path_and_by_name(files: list[Path], tmp_path: Path) -> None:
    text = tmp_path / "sums.txt"
    text.write_text(f"# from the bookkeeping\n{files[0]} 1500.0\n\n2.root 2.5e3 # second\n")
    _, by_text = chain(files, tmp_path / "o", before_skim={"file": str(text)})
    _, by_histogram = chain(files, tmp_path / "p", before_skim=HISTOGRAM)
    assert by_text["cutflow"] == by_histogram["cutflow"]


def test_names_with_spaces_in_the_text_file(files: list[Path], tmp_path: Path) -> None:
    odd = files[0].rename(tmp_path / "tt bär#1.root")
    text = tmp_path / "sums.txt"
    text.write_text(f"{odd.name}  1500.0\n2.root 2.5e3 # second\n")
    _, flow = chain([odd, files[1]], tmp_path / "o", before_skim={"file": str(text)})
    assert flow["cutflow"][0]["sumw"] == TOTAL


def test_one_line_is_not_of_two_files(files: list[Path], tmp_path: Path) -> None:
    """Productions of several years have the same names in folders of their own."""
    names = []
    for folder, file in zip("ad", files, strict=True):
        (tmp_path / folder).mkdir()
        names.append(str(file.rename(tmp_path / folder / "tt.root")))
    text = tmp_path / "sums.txt"
    before = {"file": str(text)}
    block = RootSample(source="root", files=names, label="q", before_skim=before)
    text.write_text("tt.root 1500\n")
    (problem,) = check(CheckInputs(samples={"s": block})).problems
    assert f"tt.root is both {names[0]} and {names[1]}" in problem
    text.write_text(f"{names[0]} 1500\n{names[1]} 2500\n")
    assert not check(CheckInputs(samples={"s": block})).problems


def test_weights_that_are_final(files: list[Path], tmp_path: Path) -> None:
    """They add up to the events in 20/fb: 300, so 15 in 1/fb, in each split."""
    rows, flow = chain(files, tmp_path / "o", xsec=None, normalised_to=20.0)
    first, *_, last = flow["cutflow"]
    assert first["expected"] == last["expected"] == pytest.approx(15.0)
    for split in range(3):
        chosen = rows.candidate & (rows.split == split)
        assert float(ak.sum(rows.weight[chosen])) == pytest.approx(15.0)


def test_a_number_that_the_events_exceed(files: list[Path], tmp_path: Path) -> None:
    """Such as that of one file of many, or the number of events in the place of the sum."""
    _, flow = chain(files, tmp_path / "o", before_skim={"sumw": 200.0})
    assert any("add up to 300, more than the 200 that" in note for note in flow["notes"])


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("before_skim.sumw", {"before_skim": {"sumw": TOTAL}, "xsec": XSEC}),
        ("normalised_to", {"normalised_to": 20.0}),
    ],
)
def test_skipped_files_of_sums_of_all(
    files: list[Path], tmp_path: Path, key: str, content: dict
) -> None:
    """The yield lacks what they hold, whatever is said of other samples; the check says so, too."""
    bad = tmp_path / "bad.root"
    bad.write_text("<html>")
    names = [str(file) for file in (*files, bad)]
    block = RootSample(source="root", files=names, label="q", **content)
    report = check(CheckInputs(samples={"s": block}, ingest={"on_bad_file": "skip"}))
    assert not report.problems
    kept = []
    for i, file in enumerate(names):
        kept.append((tmp_path / f"{i}.parquet", tmp_path / f"{i}.json"))
        own = block.content()
        ingest(
            Path(file),
            *kept[-1],
            label="q",
            content=own,
            xsec=block.xsec,
            config=IngestBlock(on_bad_file="skip"),
        )
    tables, metas = map(list, zip(*kept, strict=True))
    out = tmp_path / "s.parquet", tmp_path / "s.json"
    sumw = content.get("before_skim", {}).get("sumw")
    select(tables, metas, *out, CUTS, sample="s", sumw=sumw)
    said = f"1 of 3 files skipped: `{key}` is of all files, so the yield lacks what they hold"
    of_all = "20/fb (`normalised_to`)" if sumw is None else "of 4000 (`before_skim`)"
    for notes in (report.table(), "\n".join(read_json(out[1])["notes"])):
        assert said in notes and of_all in notes


@pytest.mark.parametrize(
    ("before", "error", "message"),
    [
        ({"histogram": "hEvents"}, BadFile, r"1\.root: no histogram hEvents"),
        ({"histogram": "Events"}, BadFile, "Events, which `before_skim` names, is not a histogram"),
        (HISTOGRAM | {"bin": 4}, BadFile, r"_284500_NOSYS has no bin 4: it has 3 in 1 dim"),
        (HISTOGRAM | {"bin": 3}, BadFile, "NOSYS is 0, which is no sum of weights before a skim"),
        ({"file": "none.txt"}, BoostflowError, r"none\.txt: not a readable list of sums of wei"),
        ({"file": "short.txt"}, BoostflowError, r"short\.txt: has no sum of weights of .*1\.root"),
        ({"file": "twice.txt"}, BoostflowError, r"twice\.txt, line 2: '1\.root 3' is not a name"),
    ],
)
def test_sums_that_are_not_there(
    files: list[Path], tmp_path: Path, monkeypatch, before: dict, error: type, message: str
) -> None:
    """Said by the check, and when the file is read."""
    monkeypatch.chdir(tmp_path)
    Path("short.txt").write_text("2.root 5\n")
    Path("twice.txt").write_text("1.root 2\n1.root 3\n")
    with pytest.raises(error, match=message):
        chain(files[:1], tmp_path / "o", before_skim=before)
    block = RootSample(source="root", files=[str(files[0])], label="q", before_skim=before)
    found = check(CheckInputs(samples={"s": block})).problems
    assert re.search(message, "\n".join(found))

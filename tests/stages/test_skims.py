"""Files from which events were left out: normalised to what was generated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot

from boostflow.config.chain import Select
from boostflow.config.samples import RootSample
from boostflow.errors import BadFile
from boostflow.ingest.check import check
from boostflow.ingest.produced import BEFORE_SKIM, SKIM
from boostflow.io import read_json, read_parquet
from boostflow.jobs.chain import CheckInputs
from support.rootfiles import write_nano
from support.stages import ingest_all, select

LOOSE = Select(
    fatjet={"pt": [0, 5000], "mass": [0, 500], "multiplicity_min": 0},
    event={"ht_min": 0, "met_max": None},
)
XSEC = 2.0


def skim(
    path: Path, events: int, generated: int, sumw: float, *, end: str = "", **options: object
) -> Path:
    """A file whose `Runs` has two entries, the second of which counts 10 events of weight 1."""
    write_nano(path, events, truth=False, **options)
    row = {
        f"genEventCount{end}": np.array([generated - 10, 10]),
        f"genEventSumw{end}": np.array([sumw - 10.0, 10.0]),
        f"genEventSumw2{end}": np.array([sumw, 10.0]),
    }
    with uproot.update(path) as file:
        file.mktree("Runs", {name: values.dtype for name, values in row.items()})
        file["Runs"].extend(row)
    return path


def chain(files: list[Path], folder: Path, pieces: int = 1, **content: object):
    """Ingest and select; gives the metas, the rows and the cutflow."""
    folder.mkdir()
    tables, metas = ingest_all(files, folder, pieces, label="top", content=content, xsec=XSEC)
    out = folder / "s.parquet", folder / "s.json"
    select(tables, metas, *out, LOOSE, sample="top")
    return [read_json(path) for path in metas], read_parquet(out[0]), read_json(out[1])


@pytest.mark.parametrize("end", ["", "_"], ids=["v9", "underscore"])
def test_skims_are_normalised_to_what_was_generated(tmp_path: Path, end: str) -> None:
    file = skim(tmp_path / "a.root", 300, 6000, 4000.0, end=end)
    (meta,), rows, flow = chain([file], tmp_path / "o")
    assert meta["sumw"] == 4000 and meta["events"] == 300
    assert meta["cutflow"][0] == {"name": BEFORE_SKIM, "events": 6000, "sumw": 4000.0}
    assert meta["cutflow"][1]["name"] == "has fat jet" and meta["cutflow"][1]["events"] < 300
    assert SKIM in meta["notes"] and SKIM in flow["notes"]
    first = flow["cutflow"][0]
    assert (first["name"], first["events"]) == (BEFORE_SKIM, 6000)
    assert first["expected"] == pytest.approx(1000 * XSEC)
    # In each split, as everywhere, all that was generated is 2000 events per 1/fb.
    own = sum(meta["sumw_buckets"])
    left = uproot.open(file)["Events"]["genWeight"].array(library="np").sum()
    assert own == pytest.approx(left)
    _, whole, _ = chain([write_nano(tmp_path / "b.root", 300, truth=False)], tmp_path / "p")
    np.testing.assert_allclose(rows.weight, whole.weight * (left / 4000), rtol=1e-6)
    np.testing.assert_allclose(rows.weight_isr_up, whole.weight_isr_up, rtol=1e-6)


def test_pieces_of_a_skim_are_the_skim(tmp_path: Path) -> None:
    file = skim(tmp_path / "a.root", 301, 6001, 4000.0)
    _, one, flow_of_one = chain([file], tmp_path / "one")
    metas, three, flow_of_three = chain([file], tmp_path / "three", pieces=3)
    assert [meta["events"] for meta in metas] == [100, 100, 101]
    assert metas[0]["sumw"] == pytest.approx(4000 * 100 / 301)
    np.testing.assert_allclose(one.weight, three.weight, rtol=1e-6)
    assert flow_of_one["cutflow"][0]["events"] == flow_of_three["cutflow"][0]["events"] == 6001
    assert flow_of_three["cutflow"][0]["sumw"] == pytest.approx(4000)


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_skim_without_events_counts(tmp_path: Path, pieces: int) -> None:
    full = skim(tmp_path / "a.root", 300, 6000, 4000.0)
    empty = skim(tmp_path / "b.root", 0, 3000, 2000.0)
    _, alone, _ = chain([full], tmp_path / "alone", pieces)
    _, both, flow = chain([full, empty], tmp_path / "both", pieces)
    assert flow["cutflow"][0]["events"] == 9000
    assert flow["cutflow"][0]["sumw"] == pytest.approx(6000)
    # An empty file tells nothing about the splits: each gets its part of the sum.
    assert both.weight.to_numpy().sum() == pytest.approx(alone.weight.to_numpy().sum() / 1.5, 0.05)
    np.testing.assert_allclose(both.weight_isr_up, alone.weight_isr_up, rtol=1e-6)


def test_whole_files_are_no_skims(tmp_path: Path) -> None:
    file = skim(tmp_path / "a.root", 300, 300, 4000.0)
    (meta,), _, _ = chain([file], tmp_path / "o")
    assert meta["cutflow"][0]["name"] == "all" and SKIM not in meta["notes"]
    assert meta["sumw"] == pytest.approx(sum(meta["sumw_buckets"]))


def test_a_skim_beside_a_whole_file(tmp_path: Path) -> None:
    files = [skim(tmp_path / "a.root", 300, 6000, 4000.0), tmp_path / "b.root"]
    skim(files[1], 200, 200, 0.0, seed=2, run=2)
    metas, _, flow = chain(files, tmp_path / "o")
    steps = [step["name"] for step in flow["cutflow"]]
    assert steps[:2] == [BEFORE_SKIM, "has fat jet"] and "all" not in steps
    assert flow["cutflow"][0]["events"] == 6200
    assert flow["cutflow"][0]["sumw"] == pytest.approx(4000 + metas[1]["sumw"])


def test_unweighted_skims_count_events(tmp_path: Path) -> None:
    file = skim(tmp_path / "a.root", 300, 6000, 4000.0, drop=("genWeight",))
    (meta,), _, _ = chain([file], tmp_path / "o", unweighted=True)
    assert meta["sumw"] == 6000


def test_sums_of_fewer_events_than_there_are(tmp_path: Path) -> None:
    file = skim(tmp_path / "a.root", 300, 200, 150.0)
    with pytest.raises(BadFile, match="has 300 events, but its tree Runs counts 200 before any"):
        chain([file], tmp_path / "o")


def test_the_check_tells_of_skims(tmp_path: Path) -> None:
    files = [skim(tmp_path / "a.root", 50, 600, 400.0), tmp_path / "b.root", tmp_path / "c.root"]
    write_nano(files[1], 40, truth=False, seed=2)
    skim(files[2], 30, 300, np.nan, seed=3)

    def look(*chosen: Path):
        block = RootSample(source="root", files=list(map(str, chosen)), label="q", xsec=1.0)
        return check(CheckInputs(samples={"s": block}))

    assert not look(files[0]).problems and f"s: {SKIM}" in look(files[0]).notes
    (problem,) = look(*files[:2]).problems
    assert "a.root is a skim, but" in problem and "sums of weights in a tree Runs" in problem
    problem = look(files[2]).problems[0]
    assert "NaN or infinite values in the sums of Runs" in problem

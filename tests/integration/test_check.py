"""The check of input files in a run: the real snakemake, with files that are bad."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.analyses import Analysis
from support.badfiles import break_basket, cut
from support.rootfiles import write_nano

CUTS = {
    "fatjet": {"pt": [210, 5000], "mass": [0, 500], "multiplicity_min": 0},
    "event": {"ht_min": 0, "met_max": None},
}


def files(folder: Path, number: int) -> list[str]:
    """The same jets in events of other numbers: each file has the same yield."""
    names = [f"{i}.root" for i in range(number)]
    for i, name in enumerate(names):
        write_nano(folder / name, 120, run=i + 1)
    return names


@pytest.fixture
def run(analysis: Callable[[dict[str, Any]], Analysis], tmp_path: Path) -> Analysis:
    """A sample of four equal files, and no model."""
    sample = {"source": "root", "label": "top", "xsec": 2.0, "files": files(tmp_path, 4)}
    config = {"samples": {"top": sample}, "models": {}, "systematics": None, "select": CUTS}
    return analysis(config)


def last(run: Analysis) -> dict[str, Any]:
    """The summary of the sample."""
    return json.loads((run.out / "summary.json").read_text())


def test_bad_files_stop_the_run_or_are_accounted_for(run: Analysis, tmp_path: Path) -> None:
    cut(tmp_path / "1.root", 0.5)
    # The check reads no subjettiness: only the job that ingests finds it.
    break_basket(tmp_path / "2.root", "FatJet_tau2")
    done = run.snakemake("out/summary.txt", "out/check.txt")
    assert done.returncode != 0
    assert "1.root: has " in done.stdout and "bytes that its header says" in done.stdout
    assert "1 problem with the input files" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (run.out / "ingest").exists() or not list(run.out.glob("ingest/**/*.parquet"))

    run.config["ingest"] = {"on_bad_file": "skip"}
    done = run.snakemake("out/summary.txt", "out/check.txt")
    assert done.returncode == 0, done.stdout[-3000:]
    found = last(run)
    assert [one["file"] for one in found["skipped"]["top"]] == ["1.root", "2.root"]
    assert found["samples"]["top"]["events"] == 240
    text = (run.out / "summary.txt").read_text()
    assert "Skipped files" in text and "2 of 4 files skipped" in text
    assert "SKIPPED" in (run.out / "check.txt").read_text()
    assert (
        "2.root: skipped: cannot be read" in (run.out / "logs/ingest/nominal/top/2.log").read_text()
    )
    skipped = found["samples"]["top"]["expected_per_fb"]

    # `fail` again does not take what was left out for a whole result.
    run.config["ingest"] = {"on_bad_file": "fail"}
    done = run.snakemake("out/select/nominal/top.parquet")
    assert done.returncode != 0 and "was skipped (" in done.stdout

    for i in (1, 2):
        write_nano(tmp_path / f"{i}.root", 120, run=i + 1)
    assert run.planned("out/summary.txt")["ingest"] == 2
    done = run.snakemake("out/summary.txt", "out/check.txt")
    assert done.returncode == 0, done.stdout[-3000:]
    whole = last(run)
    assert "skipped" not in whole and whole["samples"]["top"]["events"] == 480
    # Equal files: half of them gave the same expected yield.
    assert whole["samples"]["top"]["expected_per_fb"] == pytest.approx(skipped, rel=1e-6)


def test_one_more_file_makes_no_other_be_read_again(run: Analysis, tmp_path: Path) -> None:
    cutflow = "out/select/nominal/top.json"
    assert run.snakemake(cutflow).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in run.out.glob("ingest/nominal/top/*")}
    shutil.copy(tmp_path / "0.root", tmp_path / "4.root")
    run.config["samples"]["top"]["files"].append("4.root")
    done = run.snakemake(cutflow)
    assert done.returncode != 0
    assert "4.root: holds the same events as 0.root" in done.stdout
    time.sleep(0.01)
    write_nano(tmp_path / "4.root", 120, run=5)
    done = run.snakemake(cutflow)
    assert done.returncode == 0, done.stdout[-3000:]
    flow = json.loads((run.folder / cutflow).read_text())
    assert flow["cutflow"][0]["events"] == 600
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())

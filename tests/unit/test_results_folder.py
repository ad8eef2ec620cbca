"""What `boostflow.open` says of a folder without results, or with those of half a run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

import boostflow
from boostflow.errors import BoostflowError
from boostflow.takeover import Run, started


def refused(folder: Path) -> str:
    """What is said of a folder."""
    with pytest.raises(BoostflowError) as error:
        boostflow.open(folder)
    return str(error.value)


def finished(folder: Path, config: str, systematics: str = "{}") -> Path:
    """A folder with the record of a run."""
    (folder / "provenance.json").write_text(json.dumps({"boostflow": "0.1.0", "commit": "abc"}))
    (folder / "config.yaml").write_text(config)
    (folder / "systematics.yaml").write_text(systematics)
    return folder


def test_no_folder(tmp_path: Path) -> None:
    assert "nowhere: no such folder" in refused(tmp_path / "nowhere")
    file = tmp_path / "file"
    file.touch()
    assert "file: no such folder" in refused(file)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    assert "holds no results of boostflow" in refused(tmp_path)


def test_a_run_that_is_half_done(tmp_path: Path) -> None:
    (tmp_path / "select").mkdir()
    assert "the run is not finished" in refused(tmp_path)


def noted(start: Path, output: str, process: int) -> None:
    """The note of a run that was started in a folder, as one that is killed leaves it."""
    begun = started(psutil.Process(process)) if psutil.pid_exists(process) else 0.0
    run = Run(socket.gethostname(), process, begun, "digest", output)
    path = start / run.note
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(run)))


@pytest.mark.parametrize("inside", [True, False])
def test_results_that_a_run_works_on(
    inside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, start = tmp_path / "out", tmp_path / "start"
    for folder in (out, start):
        folder.mkdir()
    finished(out, "{}\n")
    if inside:
        noted(tmp_path, "out", os.getpid())
    else:  # another disk: the run is seen from the folder that it was started in
        monkeypatch.chdir(start)
        noted(start, str(out), os.getpid())
    said = refused(out)
    assert f"a run works on these results (process {os.getpid()} on" in said
    assert "\n" not in said


def test_results_of_a_run_that_was_killed_at_its_second_time(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    finished(tmp_path / "out", "{}\n")
    noted(tmp_path, "out", 2**22 + 1)  # above the highest process id of Linux
    assert "a run was killed while it worked on these results" in refused(tmp_path / "out")


def test_a_run_with_other_results_is_none_of_theirs(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    finished(tmp_path / "out", "{}\n")
    noted(tmp_path, "out/other", os.getpid())
    assert boostflow.open(tmp_path / "out").samples


def test_a_damaged_record(tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text("{")
    assert "provenance.json: not a JSON file" in refused(tmp_path)
    (tmp_path / "provenance.json").write_text("[]")
    assert "provenance.json: is no record" in refused(tmp_path)


def test_a_record_without_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text("{}")
    assert "config.yaml: no such file" in refused(tmp_path)


def test_results_of_an_older_version(tmp_path: Path) -> None:
    said = refused(finished(tmp_path, "jets: {radius: 0.8}\n"))
    assert "is of boostflow 0.1.0, commit abc" in said
    assert "jets: " in said
    assert "\n" not in said


def test_a_run_without_a_fit_has_no_templates(tmp_path: Path) -> None:
    results = boostflow.open(finished(tmp_path, "infer: null\n"))
    assert results.regions == []
    for ask in (results.workspace, lambda: results.templates("top"), lambda: results.fit):
        with pytest.raises(BoostflowError, match="the run has no fit"):
            ask()


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    results = boostflow.open(finished(tmp_path, "{}\n"))
    with pytest.raises(BoostflowError, match=r"select/nominal/top\.parquet: no such file"):
        results.jets("top")


def test_opening_reads_no_heavy_library() -> None:
    code = (
        "import sys, boostflow, boostflow.results;"
        "print(*{'numpy', 'awkward', 'hist', 'pyhf', 'pyarrow'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.strip()

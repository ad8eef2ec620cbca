"""What `boostflow.open` says of a folder without results, or with those of half a run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import boostflow
from boostflow.errors import BoostflowError


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

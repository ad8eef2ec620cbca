"""Files appear whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow import cli
from boostflow.config.files import output_folder
from boostflow.config.yamlfile import read_yaml
from boostflow.corrections import Corrections
from boostflow.errors import BoostflowError
from boostflow.io import (
    atomic,
    exclusive,
    read_flat,
    read_json,
    read_parquet,
    require_rows,
    write_parquet,
)
from boostflow.jobs.chain import Select
from boostflow.weightfile import WeightCorrection


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as part:
        part.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_is_replaced(tmp_path: Path) -> None:
    for text in ("old", "new"):
        with atomic(tmp_path / "model") as part:
            part.mkdir()
            (part / text).touch()
    assert [p.name for p in (tmp_path / "model").iterdir()] == ["new"]


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    code = (
        "import os, sys; from boostflow.io import atomic\n"
        "with atomic(sys.argv[1]) as part: part.write_text('half'); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.txt")], check=False)
    assert killed.returncode == -9
    assert not (tmp_path / "a.txt").exists()
    assert list(tmp_path.iterdir())
    with atomic(tmp_path / "a.txt") as part:
        part.write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_only_one_process_holds_a_lock(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "lock"),
        pytest.raises(BoostflowError, match="another process still works here"),
        exclusive(tmp_path / "lock"),
    ):
        pass
    with exclusive(tmp_path / "lock"):
        pass


def test_empty_tables_and_missing_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "top.parquet"
    write_parquet(path, ak.zip({"pt": ak.Array([1.0])[:0]}, depth_limit=1))
    with pytest.raises(BoostflowError, match=r"top\.parquet: no jet of this sample passes"):
        require_rows([path])
    with pytest.raises(BoostflowError, match="no column eta; it has pt"):
        read_parquet(path, ["eta"])
    with pytest.raises(BoostflowError, match="no such file"):
        read_parquet(tmp_path / "nix.parquet")
    path.write_text("no")
    with pytest.raises(BoostflowError, match="not a Parquet file"):
        read_parquet(path)
    with pytest.raises(BoostflowError, match="not a JSON file"):
        read_json(path)


DEEP = 100_000
"""Levels at which C++ readers crash, and Python's give up."""


def test_files_that_are_nested_too_deeply_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep"
    path.write_text("[" * DEEP, encoding="utf-8")
    with pytest.raises(BoostflowError, match="not a JSON file"):
        read_json(path)
    assert "is nested too deeply" in str(read_yaml(path)[1][0])
    with pytest.raises(BoostflowError, match="not readable as YAML"):
        output_folder(path)
    with pytest.raises(BoostflowError, match="is neither JSON nor YAML"):
        cli.read(Select, str(path))
    node = '{"nodetype":"binning","input":"pt","edges":[0.0,1.0],"flow":"clamp","content":['
    data = node * DEEP + "1.0" + "]}" * DEEP
    head = '"name":"jes","version":1,"inputs":[{"name":"pt","type":"real"}]'
    entry = f'{{{head},"output":{{"name":"o","type":"real"}},"data":{data}}}'
    path.write_text(f'{{"schema_version":2,"corrections":[{entry}]}}', encoding="utf-8")
    for opened in (Corrections, partial(WeightCorrection, name="jes")):
        with pytest.raises(BoostflowError, match="has 200003 brackets within each other"):
            opened(path)


def test_flat_columns_are_those_that_awkward_reads(tmp_path: Path) -> None:
    path = tmp_path / "jets.parquet"
    rows = ak.zip(
        {
            "event_id": np.array([3, 2**63 + 1, 5], dtype=np.uint64),
            "pt": np.array([1.5, np.nan, 2.0], dtype=np.float32),
            "leading": np.array([True, False, True]),
            "label": ak.Array(["top", "", "unmatched"]),
            "pf_pt": ak.Array([[1.0], [], [2.0, 3.0]]),
        },
        depth_limit=1,
    )
    write_parquet(path, rows)
    found = read_flat(path)
    assert list(found) == ["event_id", "pt", "leading", "label"]
    assert found["label"].tolist() == ["top", "", "unmatched"]
    for name in ("event_id", "pt", "leading"):
        expected = ak.to_numpy(rows[name])
        assert found[name].dtype == expected.dtype
        assert found[name].tobytes() == expected.tobytes()
    assert list(read_flat(path, ["pt", "label"])) == ["pt", "label"]
    with pytest.raises(BoostflowError, match=r"jets\.parquet: no column p; it has event_id, "):
        read_flat(path, ["p"])

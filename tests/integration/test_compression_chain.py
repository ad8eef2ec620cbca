"""Compressed jets with the real snakemake: what comes back, in files and in the analysis."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from boostflow.io import read_json, read_parquet
from support.analyses import REPOSITORY, Analysis

pytestmark = pytest.mark.slow


def boostflow(*command: str | Path) -> float:
    """Run a command; its peak memory in MB."""
    process = subprocess.Popen(
        [sys.executable, "-m", "boostflow.cli", *map(str, command)], stdin=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * 1024 / 1e6


def repeated(jets: pa.Table, rows: int, path: Path) -> Path:
    """A file of so many rows, with row groups as large as those of any other size."""
    with pq.ParquetWriter(path, jets.schema) as writer:
        for first in range(0, rows, 20_000):
            at = np.arange(first, min(first + 20_000, rows)) % len(jets)
            writer.write_table(jets.take(pa.array(at)))
    return path


def test_the_shipped_analysis_made_small(
    analysis: Callable[[dict[str, Any]], Analysis], tmp_path: Path
) -> None:
    config = yaml.safe_load((REPOSITORY / "config/compression.yaml").read_text())
    for sample in config["samples"].values():
        sample |= {"parts": 1, "events": 120}
    config["models"]["jets"]["epochs"] = 3
    config["systematics"] = str(REPOSITORY / config["systematics"])
    run = analysis(config)
    done = run.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]

    # The variation has other jets within the bounds, and few of them come or go.
    columns = config["models"]["jets"]["columns"]
    for sample in config["samples"]:
        plain, back = (
            read_parquet(run.out / f"select/{name}/{sample}.parquet")
            for name in ("nominal", "lossy_up")
        )
        keys = [list(zip(t.event_id, t.jet_index, strict=True)) for t in (plain, back)]
        both = sorted(set(keys[0]) & set(keys[1]))
        assert len(both) > 0.97 * max(map(len, keys))
        first, second = (
            t[[own.index(key) for key in both]] for t, own in zip((plain, back), keys, strict=True)
        )
        assert ak.any(first.mass != second.mass)
        for name, column in columns.items():
            found, wanted = (ak.to_numpy(t[name]).astype(float) for t in (second, first))
            bound = column.get("bound", 0.0)
            scale = np.abs(wanted) if column.get("type") == "positive" else 1.0
            assert (np.abs(found - wanted) <= bound * scale * (1 + 1e-5) + 1e-12).all(), name
    assert "lossy" in (run.out / "inference/fit.json").read_text()
    assert read_json(run.out / "evaluation/jets.json")["bits"]
    assert run.planned() == {}

    # Files of jets by the trained model: what comes back is what the variation has.
    model = run.out / "models/jets/nominal"
    source = run.out / "select/nominal/top.parquet"
    boostflow("compress", source, tmp_path / "top.bfc", "--model", model)
    boostflow("decompress", tmp_path / "top.bfc", tmp_path / "back.parquet")
    before, after = pq.read_table(source), pq.read_table(tmp_path / "back.parquet")
    assert before.schema.names == after.schema.names
    for name in before.schema.names:
        if name not in columns:
            # As text, in which NaN is NaN.
            assert str(before[name].to_pylist()) == str(after[name].to_pylist()), name

    # Memory does not follow the number of jets.
    jets = pq.read_table(source, columns=list(columns))
    peaks = []
    for rows in (60_000, 300_000):
        many = repeated(jets, rows, tmp_path / "many.parquet")
        peaks.append(boostflow("compress", many, tmp_path / "many.bfc", "--model", model))
    assert peaks[1] < 1.2 * peaks[0]

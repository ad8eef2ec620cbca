"""Particle identification with the real snakemake: generated tracks, cuts, Bayes, trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml

from boostflow.io import read_json, read_parquet
from support.analyses import REPOSITORY, Analysis

pytestmark = pytest.mark.slow

GAIN = {"kind": "sample", "samples": ["kaon", "pion"], "parts": 1, "up": {"tpc": {"gain": 1.03}}}


def test_the_shipped_analysis_made_small(analysis: Callable[[dict[str, Any]], Analysis]) -> None:
    config = yaml.safe_load((REPOSITORY / "config/pid.yaml").read_text())
    for sample in config["samples"].values():
        sample |= {"parts": 1, "events": 4000}
    config["models"] = {name: config["models"][name] for name in ("trees", "bayes", "cuts")}
    config["models"]["trees"] |= {"rounds": 40}
    config["evaluate"] |= {"bootstrap": 20}
    config["evaluate"]["purity"] |= {"signals": ["kaon"], "edges": [0.3, 0.5, 0.9, 1.6, 5.0]}
    shift = {"kind": "shift", "column": "tpc_nsigma_kaon", "value": 0.3, "sides": ["up"]}
    run = analysis(config | {"systematics": "systematics.yaml"})
    entries = yaml.safe_dump({"gain": GAIN, "bias": shift})
    (run.folder / "systematics.yaml").write_text(entries)
    done = run.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]

    nominal = read_parquet(run.out / "select/nominal/kaon.parquet")
    assert ((nominal.p >= 0.3) & (nominal.p < 5)).to_numpy().all()
    assert 0.2 < np.isnan(nominal.beta.to_numpy()).mean() < 0.7
    assert set(np.asarray(nominal.pdg)) == {321}
    gain = read_parquet(run.out / "select/gain_up/kaon.parquet")
    move = np.mean(gain.tpc_nsigma_kaon) - np.mean(nominal.tpc_nsigma_kaon)
    assert abs(move - 0.03 / 0.06) < 0.15
    assert set(np.asarray(gain.split)) == {2}
    bias = read_parquet(run.out / "select/bias_up/kaon.parquet")
    assert np.allclose(bias.tpc_nsigma_kaon - nominal.tpc_nsigma_kaon, 0.3)

    for model in config["models"]:
        figures = read_json(run.out / f"evaluation/{model}.json")
        assert len(figures["purity"]["ranges"]) == 5
        assert (run.out / f"plots/{model}/purity.png").stat().st_size > 5_000
    assert (run.out / "plots/purity.png").stat().st_size > 5_000
    pairs = read_json(run.out / "comparison.json")["pairs"]
    assert [pair["models"] for pair in pairs] == [["trees", "bayes"], ["trees", "cuts"]]
    # Where the bands of kaons and electrons cross, and those of pions come near.
    crossing = pairs[1]["purity"]["ranges"][2]
    assert crossing["range"] == [0.5, 0.9]
    point = crossing["signals"]["kaon"][0]
    assert point["value"] > 0.1
    assert point["pull"] > 3
    shifts = read_json(run.out / "evaluation/systematics/trees.json")
    assert "gain" in str(shifts)
    assert run.planned() == {}

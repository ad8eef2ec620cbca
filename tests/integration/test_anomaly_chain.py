"""Anomaly detection with the real snakemake and horovodrun, on a few hundred events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml

from boostflow.io import read_json, read_parquet
from support.analyses import REPOSITORY, Analysis

pytestmark = pytest.mark.slow

MODELS = {
    name: {"clusters": clusters, "epochs": [2, 2], "bins": 10, "processes": 1}
    for name, clusters in (("few", 2), ("more", 4))
}


def test_the_shipped_analysis_made_small(analysis: Callable[[dict[str, Any]], Analysis]) -> None:
    config = yaml.safe_load((REPOSITORY / "config/anomaly.yaml").read_text())
    config["samples"]["dijet"] |= {"parts": 1, "events": 500}
    config["samples"]["resonance"] |= {"events": 60}
    shipped = config["models"]["clusters_2"]
    config["models"] = {name: shipped | changes for name, changes in MODELS.items()}
    run = analysis(config)
    done = run.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]
    assert "few: epoch 4/4 (joint)" in done.stdout  # progress on the terminal
    assert len(list((run.out / "prepared").iterdir())) == 1  # both models read the same shards

    for name, model in MODELS.items():
        scores = read_parquet(run.out / f"scores/{name}/nominal.parquet")
        judged = scores[scores.cluster >= 0]
        for sample in ("dijet", "resonance"):
            ids = np.asarray(judged.event_id[judged.sample == sample])
            events, jets = np.unique(ids, return_counts=True)
            assert len(events) > 20 and (jets == 2).all()
        figures = read_json(run.out / f"evaluation/{name}.json")
        assert len(figures["clusters"]) == model["clusters"]
        assert sum(cluster["s"] for cluster in figures["clusters"]) == figures["before"]["s"] > 5
    aggregate = read_json(run.out / "anomaly.json")
    assert [entry["clusters"] for entry in aggregate["models"]] == [2, 4]
    assert (run.out / "plots/anomaly.png").stat().st_size > 10_000
    assert run.planned() == {}

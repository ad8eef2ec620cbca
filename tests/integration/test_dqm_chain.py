"""Data quality monitoring with the real snakemake: few parameters, the shipped configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml

from boostflow.io import read_flat, read_json
from support.analyses import REPOSITORY, Analysis

pytestmark = pytest.mark.slow

COLUMNS = ["time", "event_id", "split"]


def test_the_shipped_analysis_made_small(analysis: Callable[[dict[str, Any]], Analysis]) -> None:
    config = yaml.safe_load((REPOSITORY / "config/dqm.yaml").read_text())
    for sample in config["samples"].values():
        sample |= {"parts": 2, "events": 1500}
        sample["columns"] = ["q{0..19}", *sample["columns"][1:]]
        sample["generator"] |= {"parameters": 20, "faults": 0.25, "factors": 3}
    config["models"] = {name: config["models"][name] for name in ("components", "trees")}
    for model in config["models"].values():
        model["features"] = ["q{0..19}"]
    config["models"]["components"] |= {"components": 3}
    config["models"]["trees"] |= {"rounds": 20}
    config["evaluate"] |= {"bootstrap": 20}
    config["evaluate"]["monitoring"]["parameters"] = ["q{0..19}"]
    run = analysis(config)
    done = run.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]

    rows = [
        read_flat(run.out / f"select/nominal/{name}.parquet", COLUMNS) for name in ("good", "bad")
    ]
    whole = {name: np.concatenate([part[name] for part in rows]) for name in COLUMNS}
    assert len(np.unique(whole["time"])) == len(whole["time"]) == 3000
    ends = [whole["time"][whole["split"] == part] for part in (0, 1, 2)]
    assert ends[0].max() < ends[1].min() and ends[1].max() < ends[2].min()
    runs = np.unique(np.stack([whole["event_id"], whole["split"]]), axis=1)
    assert runs.shape[1] == len(np.unique(whole["event_id"])) == 120

    found = {name: read_json(run.out / f"evaluation/{name}.json") for name in config["models"]}
    components = found["components"]["monitoring"]
    assert components["auc"]["value"] > 0.7
    (point, _) = components["points"]
    assert point["exact"]["precision"]["value"] > 0.6
    assert point["exact"]["causes"]["3"]["value"] >= 0.9
    assert found["trees"]["monitoring"]["points"][0]["exact"]["causes"] == {}
    for name in config["models"]:
        assert (run.out / f"plots/{name}/shifters.png").stat().st_size > 20_000
    assert not (run.out / "plots/components/sculpting.png").exists()
    assert run.planned() == {}

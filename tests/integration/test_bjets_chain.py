"""b-jets with the real snakemake, on a few hundred jets: from production vertices to a tagger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml

from boostflow.io import read_json, read_parquet
from support.analyses import REPOSITORY, Analysis

pytestmark = pytest.mark.slow


def test_the_shipped_analysis_made_small(analysis: Callable[[dict[str, Any]], Analysis]) -> None:
    config = yaml.safe_load((REPOSITORY / "config/bjets.yaml").read_text())
    for sample in config["samples"].values():
        sample |= {"parts": 1, "events": 400}
    config["models"] = {name: config["models"][name] for name in ("trees", "vertex_cut")}
    config["models"]["trees"] |= {"rounds": 30}
    # All events count alike: a few hundred of uneven weights are worth some ten.
    config["simulation"] |= {"settings": [], "pthat": [30.0, 300.0]}
    config["evaluate"]["reference"] = "trees"
    config["evaluate"]["efficiency"] |= {"mistag": [0.1], "edges": []}
    run = analysis(config)
    done = run.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]

    for sample, label in (("bottom", "b"), ("charm", "c"), ("light", "light")):
        jets = read_parquet(run.out / f"select/nominal/{sample}.parquet")
        assert ((jets.pt > 20) & (jets.pt < 200) & (abs(jets.eta) < 2.5)).to_numpy().all()
        assert np.mean(jets.label == label) > 0.5
        assert {"pf_d0", "sv_mass", "vertex_mass", "sip2"} <= set(jets.fields)
    for model in config["models"]:
        figures = read_json(run.out / f"evaluation/{model}.json")
        (every,) = figures["efficiency"]["ranges"]
        (point,) = every["points"]
        assert point["efficiency"]["value"] > 0.2 > point["efficiency"]["error"]
        assert point["rejection"]["c"].get("value", point["rejection"]["c"].get("limit")) > 1
        assert (run.out / f"plots/{model}/efficiency.png").stat().st_size > 5_000
    (pair,) = read_json(run.out / "comparison.json")["pairs"]
    (point,) = pair["efficiency"]["ranges"][0]["points"]
    assert pair["models"] == ["trees", "vertex_cut"] and point["b"]["error"] > 0
    assert run.planned() == {}

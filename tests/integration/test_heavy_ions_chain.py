"""Jets on a thermal background with the real snakemake: from embedding to an unfolded spectrum."""

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
    config = yaml.safe_load((REPOSITORY / "config/heavy_ions.yaml").read_text())
    config["samples"] = {name: config["samples"][name] for name in ("quark", "quark_soft")}
    for sample, events in (("quark", 450), ("quark_soft", 100)):
        config["samples"][sample] |= {"parts": 1, "events": events}
    # Half of the particles: a quarter of the time.
    config["simulation"] |= {"mpi": False, "pthat": [20.0, 250.0]}
    config["simulation"]["background"]["classes"] = {"central": {"number": 2000, "spread": 250}}
    config["models"] = {name: config["models"][name] for name in ("trees", "multiplicity")}
    for model in config["models"].values():
        model["samples"] = ["quark"]
    config["models"]["trees"] |= {"rounds": 150}
    config["evaluate"] |= {
        "bootstrap": 20,
        "regression": {"edges": [10, 50, 150], "ranges": [500, 5000]},
    }
    run = analysis(config)
    done = run.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]

    jets = read_parquet(run.out / "select/nominal/quark.parquet")
    needed = {"area", "rho", "rho_mult", "n_event", "gen_pt", "gen_lead_pt", "girth"}
    assert needed | {"constituent_pt1", "constituent_pt8", "multiplicity"} <= set(jets.fields)
    assert not {"pf_pt", "msoftdrop"} & set(jets.fields)
    assert np.median(jets.area) == pytest.approx(np.pi * 0.4**2, rel=0.15)
    found = {name: read_json(run.out / f"evaluation/{name}.json") for name in config["models"]}
    for figures in found.values():
        bins = figures["ranges"][0]["bins"]
        assert all(one["width"]["value"] > one["width"]["error"] > 0 for one in bins)
        assert set(figures["samples"]) == {"quark", "quark_soft"}
        assert figures["ranges"][0]["efficiency"][1]["value"] > 0.8
    for name, most in (("trees", 0.85), ("multiplicity", 0.95)):
        # The narrower bin of the two: 0.4 and 0.6 with more jets.
        assert found[name]["ranges"][0]["bins"][0]["ratio"]["value"] < most
    for plot in ("bias", "response", "finding", "priors", "closure"):
        assert (run.out / f"plots/trees/{plot}.png").stat().st_size > 5_000
    assert "width over that of the area method" in (run.out / "summary.txt").read_text()
    assert run.planned() == {}

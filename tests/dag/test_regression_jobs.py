"""Regressions among the jobs: what they read; what other bins or backgrounds make anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.plans import Plan

SAMPLES = {
    name: {"source": "simulation", "process": name.removesuffix("_soft"), "label": name, "parts": 1}
    for name in ("quark", "quark_soft")
}
TREES = {"kind": "regressor", "samples": ["quark"]}
ENDS = {(name, "") for name in ("summary", "provenance", "default")}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Trees that learn from one of two samples, beside a subtraction; finished."""
    config: dict[str, Any] = {
        "samples": SAMPLES,
        "simulation": {"background": {"kind": "thermal"}},
        "models": {"trees": TREES, "area": {"kind": "pedestal", "samples": ["quark"]}},
        "infer": None,
        "systematics": None,
    }
    return Plan(tmp_path, config, None)


def test_a_sample_that_is_not_learned_is_judged(plan: Plan) -> None:
    soft = "out/select/nominal/quark_soft.parquet"
    assert soft not in plan.inputs(("train_regressor", "trees/nominal"))
    assert "out/select/nominal/quark.parquet" in plan.inputs(("train_regressor", "trees/nominal"))
    assert soft in plan.inputs(("evaluate_regressor", "trees"))


def test_its_plots(plan: Plan) -> None:
    plan.finish()
    names = {path.stem for path in plan.folder.glob("out/plots/trees/*.png")}
    assert names == {"bias", "response", "finding", "priors", "closure", "history"}


def test_other_bins_judge_anew_and_another_background_makes_all(plan: Plan) -> None:
    plan.finish()
    assert plan.jobs() == set()
    plan.config["evaluate"] = {"regression": {"edges": [10, 20, 40]}}
    judged = {("evaluate_regressor", "trees"), ("evaluate_pedestal", "area")}
    assert plan.jobs() == {*judged, *ENDS}
    del plan.config["evaluate"]
    plan.config["models"]["trees"] = TREES | {"rounds": 7}
    again = {("train_regressor", "trees/nominal"), ("score", "trees/nominal")}
    assert plan.jobs() == {*again, ("evaluate_regressor", "trees"), *ENDS}
    plan.config["models"]["trees"] = TREES
    plan.config["simulation"]["background"]["scale"] = 0.4
    names = {name for name, _ in plan.jobs()}
    assert {"simulate", "ingest", "select", "train_regressor", "score"} <= names
    assert {"train_pedestal", "evaluate_regressor", "evaluate_pedestal"} <= names


def test_regions_of_the_corrected_pt(plan: Plan) -> None:
    """Their templates read one score table; other jets are scored anew, and no class is judged."""
    plan.finish()
    regions = {"hard": [60, 150], "soft": [-50, 60]}
    plan.config["infer"] = {"signal": ["quark"]}
    plan.config["templates"] = {
        "variable": "mass",
        "range": [0, 50],
        "regions": {
            name: {"model": "trees", "score": "pt_corrected", "range": limits}
            for name, limits in regions.items()
        },
    }
    fitted = {("infer", ""), ("plot_fit", ""), ("fit_tables", ""), *ENDS}
    assert plan.jobs() == {("templates", "nominal"), *fitted}
    found = plan.inputs(("templates", "nominal"))
    assert [x for x in found if "/scores/" in x] == ["out/scores/trees/nominal.parquet"]
    plan.finish()
    plan.config["models"]["trees"] = TREES | {"rounds": 7}
    trained = {("train_regressor", "trees/nominal"), ("score", "trees/nominal")}
    judged = {("evaluate_regressor", "trees"), ("templates", "nominal")}
    assert plan.jobs() == {*trained, *judged, *fitted}

"""Decorrelated scores among the jobs: what they read, and what another map makes anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.plans import Plan

SAMPLES = {
    name: {"source": "simulation", "process": process, "label": label, "parts": 1}
    for name, process, label in (
        ("top", "top", "top"),
        ("quark", "quark", "quark"),
        ("qg", "qg", None),
    )
}
DECORRELATED = {"background": ["quark", "qg"]}
REGIONS = {
    "pass": {"model": "trees", "score": "ddt_top", "range": [0.9, 1.0]},
    "fail": {"model": "trees", "score": "ddt_top", "range": [0.0, 0.9]},
}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two models of a family, one of them decorrelated, and a fit in its scores."""
    config: dict[str, Any] = {
        "samples": SAMPLES,
        "models": {
            "plain": {"kind": "bdt"},
            "trees": {"kind": "bdt", "decorrelate": DECORRELATED},
        },
        "templates": {"regions": REGIONS},
        "infer": {"signal": ["top"]},
    }
    systematics = {
        "jes": {"kind": "shift", "correction": "jes"},
        "depth": {"kind": "model", "model": "trees", "up": {"max_depth": 2}},
    }
    return Plan(tmp_path, config, systematics)


def test_background_without_a_class_is_read_by_the_training_and_the_evaluation(plan: Plan) -> None:
    beside = "out/select/nominal/qg.parquet"
    assert beside in plan.inputs(("train_bdt", "trees/nominal"))
    assert beside in plan.inputs(("train_bdt", "trees/depth_up"))
    assert beside in plan.inputs(("evaluate_bdt_decorrelated", "trees"))
    assert beside not in plan.inputs(("train_bdt", "plain/nominal"))
    assert beside not in plan.inputs(("evaluate_bdt", "plain"))


def test_only_what_is_decorrelated_has_the_plot(plan: Plan) -> None:
    plan.finish()
    found = {path.parent.name for path in plan.folder.glob("out/plots/**/decorrelation.png")}
    assert found == {"trees"}


def test_another_map_is_another_training_of_its_model_alone(plan: Plan) -> None:
    plan.finish()
    plan.config["models"]["trees"]["decorrelate"] = DECORRELATED | {"knots": 5}
    rules = {(rule, name) for rule, name in plan.jobs() if rule.startswith(("train", "score"))}
    varied = {("score", f"trees/{name}") for name in ("jes_up", "jes_down")}
    assert rules == varied | {
        *(("train_bdt", f"trees/{name}") for name in ("nominal", "depth_up")),
        *(("score", f"trees/{name}") for name in ("nominal", "depth_up")),
    }


def test_a_shift_uses_the_nominal_map(plan: Plan) -> None:
    plan.finish()
    plan.systematics["jms"] = {"kind": "shift", "correction": "jms"}
    assert not [job for job in plan.jobs() if job[0].startswith("train")]

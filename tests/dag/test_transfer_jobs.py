"""Exactly the jobs that test a background from data and draw it, and what makes them anew."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from support.plans import CONFIG, Job, Plan

TRANSFER = {"estimated": ["quark"], "fail": "fail", "pass": ["pass"], "order": 1}
CHECKS: set[Job] = {("check_transfer", ""), ("plot_transfer", "")}
FIT: set[Job] = {("infer", ""), ("plot_fit", ""), ("fit_tables", "")}
END: set[Job] = {("summary", ""), ("provenance", ""), ("default", "")}
WEIGHT = {"kind": "weight", "up": "weight_isr_up", "down": "weight_isr_down"}
RATE = {"kind": "rate", "value": 0.02}


def with_transfer(plan: Plan, infer: dict[str, Any] | None = None, **keys: Any) -> None:
    plan.config = copy.deepcopy(CONFIG)
    plan.config["infer"] = {"transfer": TRANSFER | keys, **(infer or {})}


def test_none_without_the_block(plan: Plan) -> None:
    assert not plan.jobs() & CHECKS


def test_taking_a_background_from_data(plan: Plan) -> None:
    plan.finish()
    with_transfer(plan)
    assert plan.jobs() == CHECKS | FIT | END
    plan.finish()
    assert plan.jobs() == set()


@pytest.mark.parametrize(
    ("infer", "keys"),
    [({}, {"residual": 1}), ({}, {"basis": "chebyshev"}), ({"seed": 5}, {})],
)
def test_another_function_is_fitted_and_tested(
    plan: Plan, infer: dict[str, Any], keys: dict[str, Any]
) -> None:
    with_transfer(plan)
    plan.finish()
    with_transfer(plan, infer, **keys)
    assert plan.jobs() == CHECKS | FIT | END


def test_more_toys_are_drawn_by_the_checks_alone(plan: Plan) -> None:
    with_transfer(plan)
    plan.finish()
    with_transfer(plan, toys=100)
    assert plan.jobs() == CHECKS | END


def test_another_place_in_the_second_variable(plan: Plan) -> None:
    """The same templates are fitted, in ranges of pT, and the function of both is tested."""
    ranges = {"low": [400, 600], "high": [600, 900]}
    regions = {
        f"{tag}_{name}": {"model": "bdt", "range": score, "within": {"pt": limits}}
        for tag, score in (("fail", [0.0, 0.9]), ("pass", [0.9, 1.0]))
        for name, limits in ranges.items()
    }
    pairs = {tag: [f"{tag}_{name}" for name in ranges] for tag in ("fail", "pass")}
    with_transfer(plan, order=[1, 1], along={"variable": "pt"}, **pairs)
    plan.config["templates"] = {"regions": regions}
    plan.finish()
    assert plan.jobs() == set()
    plan.config["infer"]["transfer"]["along"] = {"variable": "pt", "at": [480, 700]}
    assert plan.jobs() == CHECKS | FIT | END


def test_a_rate_is_tested_with_the_fit_and_templates_are_kept(plan: Plan) -> None:
    with_transfer(plan)
    plan.finish()
    plan.systematics = {"lumi": RATE}
    assert plan.jobs() == CHECKS | FIT | END


def test_a_label_draws_alone(plan: Plan) -> None:
    with_transfer(plan)
    before = plan.settings()
    plan.config["luminosity"] = 10.0
    after = plan.settings()
    changed = {job for job in CHECKS if before["/".join(job)] != after["/".join(job)]}
    assert changed == {("plot_transfer", "")}


def test_its_flags_are_read_by_the_summary_and_by_strict_runs(plan: Plan) -> None:
    """Alone where no systematic has templates, beside the health check where some have."""
    checks, health = "out/inference/transfer.json", "out/inference/health.json"
    with_transfer(plan, {"strict": True})
    assert checks in plan.inputs(("summary", ""))
    assert set(plan.inputs(("demand_health", ""))) == {checks, "out/provenance.json"}
    plan.systematics = {"isr": WEIGHT}
    assert {checks, health} < set(plan.inputs(("demand_health", "")))
    plan.finish()
    plan.config["infer"]["strict"] = ["biased"]
    assert plan.jobs() == {("demand_health", ""), ("provenance", ""), ("default", "")}

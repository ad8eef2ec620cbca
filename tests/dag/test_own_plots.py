"""Models of one family with plots of their own and without are evaluated side by side."""

from __future__ import annotations

import copy

import pytest

from support.plans import CONFIG, Plan


@pytest.mark.parametrize("order", [("flow", "sets"), ("sets", "flow")])
def test_each_has_its_own_plots(plan: Plan, order: tuple[str, str]) -> None:
    """An energy flow network has its filters drawn, a particle flow network has none."""
    blocks = {"sets": {"kind": "set"}, "flow": {"kind": "set", "energy_weighted": True}}
    plan.config = copy.deepcopy(CONFIG)
    plan.finish()
    plan.config["models"] |= {name: blocks[name] for name in order}
    evaluated = {job for job in plan.jobs() if job[0].startswith("evaluate_set")}
    assert evaluated == {("evaluate_set", "sets"), ("evaluate_set_filters", "flow")}

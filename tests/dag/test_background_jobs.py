"""Exactly the jobs of the background estimates."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from support.plans import CONFIG, Job, Plan

ABCD = {
    "samples": ["quark"],
    "x": {"model": "bdt", "column": "p_top", "signal": [0.5, 1], "control": [0, 0.5]},
    "y": {"column": "tau32", "signal": [0, 0.6], "control": [0.6, 1]},
}
CONTROL = {"samples": ["quark"], "model": "bdt", "column": "p_top", "range": [0, 0.1]}
COMPOSITION = {"classes": {"top": ["top"], "qcd": ["quark"]}}
JOBS: set[Job] = {
    ("background_counts", "nominal"),
    ("background_data", ""),
    ("background", ""),
    ("plot_background", ""),
}
END: set[Job] = {("summary", ""), ("provenance", ""), ("default", "")}
WEIGHT = {"kind": "weight", "up": "weight_isr_up", "down": "weight_isr_down"}
SHIFT = {"kind": "shift", "correction": "jes"}


def with_background(plan: Plan, **block: Any) -> None:
    plan.config = copy.deepcopy(CONFIG) | {"background": block}


def test_none_without_the_block(plan: Plan) -> None:
    assert not {rule for rule, _ in plan.jobs()} & {rule for rule, _ in JOBS}


def test_adding_estimates_to_a_finished_run(plan: Plan) -> None:
    plan.finish()
    with_background(plan, abcd=ABCD, control={"qcd": CONTROL})
    assert plan.jobs() == JOBS | END
    plan.finish()
    assert plan.jobs() == set()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        # What is done with the numbers counts nothing again.
        ({"subtraction_uncertainty": 0.5}, {("background", ""), ("plot_background", "")}),
        ({"seed": 5}, JOBS - {("background_counts", "nominal")}),
        ({"control": {"qcd": {**CONTROL, "range": [0, 0.2]}}}, JOBS),
    ],
)
def test_a_changed_key(plan: Plan, change: dict, expected: set[Job]) -> None:
    base = {"abcd": ABCD, "control": {"qcd": CONTROL}}
    before, after = told(plan, base), told(plan, base | change)
    assert set(before) == {"/".join(job) for job in JOBS}
    assert {job for job in before if before[job] != after[job]} == {"/".join(j) for j in expected}


def told(plan: Plan, block: dict) -> dict[str, Any]:
    """What each job of the estimates is told."""
    with_background(plan, **block)
    rules = {rule for rule, _ in JOBS}
    found = plan.settings()
    return {job: value for job, value in found.items() if job.split("/")[0] in rules}


def test_scale_factors_in_the_fit(plan: Plan) -> None:
    """The fit waits for them where they enter, and only there."""
    plan.finish()
    with_background(plan, control={"qcd": {**CONTROL, "enters": "constrained"}})
    assert plan.jobs() == JOBS | END | {("infer", ""), ("plot_fit", ""), ("fit_tables", "")}


def test_a_weight_in_the_composition(plan: Plan) -> None:
    plan.systematics = {"isr": WEIGHT, "fsr": {**WEIGHT, "up": "weight_fsr_up", "down": None}}
    plan.finish()
    with_background(plan, composition={**COMPOSITION, "systematics": ["isr"]})
    varied = {("background_counts", f"isr_{side}") for side in ("up", "down")}
    assert plan.jobs() == JOBS | END | varied


def test_a_shift_in_the_composition(plan: Plan) -> None:
    """The fit reads no cluster: scores of UCluster are made for the composition alone."""
    plan.systematics = {"jes": SHIFT}
    without = plan.jobs()
    with_background(plan, composition={**COMPOSITION, "systematics": ["jes"]})
    varied = {
        (rule, f"{name}jes_{side}")
        for rule, name in (("background_counts", ""), ("score", "ucluster/"))
        for side in ("up", "down")
    }
    assert plan.jobs() - without == JOBS | varied


def test_collision_data_are_counted_apart(plan: Plan) -> None:
    data = {"source": "root", "files": ["data.root"], "data": True}
    plan.config = copy.deepcopy(CONFIG)
    plan.config["samples"]["run_a"] = data
    (plan.folder / "data.root").touch()
    plan.config["infer"] = {"unblind": True}
    plan.config["background"] = {"data": "observed", "abcd": ABCD}
    jobs = plan.jobs("out/background/counts/data.root")
    selected = {wildcards for rule, wildcards in jobs if rule == "select"}
    # The scores are of all samples; the events of data alone are counted.
    assert ("background_data", "") in jobs and "nominal/run_a" in selected
    told = plan.settings()
    assert told["background_data/"]["source"] == "observed" and told["background_data/"]["unblind"]
    assert told["background/"]["unblind"]


def test_blinded_collision_data_are_counted_where_nothing_hides_them(plan: Plan) -> None:
    plan.config = copy.deepcopy(CONFIG)
    plan.config["samples"]["run_a"] = {"source": "root", "files": ["data.root"], "data": True}
    (plan.folder / "data.root").touch()
    regions = {"pass": {"range": [0.9, 1]}, "fail": {"range": [0, 0.9], "control": True}}
    plan.config["templates"] = {"regions": regions}
    plan.config["background"] = {"data": "observed", "control": {"qcd": CONTROL}}
    told = plan.settings()
    assert told["background_data/"]["source"] == "observed"
    assert not (told["background_data/"]["unblind"] or told["background/"]["unblind"])
    assert told["templates/nominal"]["data"] == ["run_a"]


def test_collision_data_are_not_simulation(plan: Plan) -> None:
    """Data that the fit may see are in its templates, never in the simulated counts."""
    plan.config = copy.deepcopy(CONFIG)
    plan.config["samples"]["run_a"] = {"source": "root", "files": ["data.root"], "data": True}
    (plan.folder / "data.root").touch()
    plan.config["infer"] = {**(plan.config.get("infer") or {}), "unblind": True}
    plan.config["background"] = {"control": {"qcd": CONTROL}}
    inputs = plan.inputs(("background_counts", "nominal"))
    assert inputs and not any(path.endswith("run_a.parquet") for path in inputs)

"""Searches among the jobs: exactly the points that are missing, and what follows from a choice."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest

from boostflow.models.bdt.block import BDT
from boostflow.models.search import name_of, point
from support.plans import CONFIG, Job, Plan

DEPTHS, RATES = [2, 3], [0.1, 0.2]
GRID: dict[str, Any] = {"keys": {"max_depth": DEPTHS, "learning_rate": RATES}, "seeds": 2}
RECORD: set[Job] = {("provenance", ""), ("default", "")}
AFTER: set[Job] = {
    ("search_rank", "trees/chosen"),
    ("search_best_bdt", "trees/seeds/0"),
    ("search_best_bdt", "trees/seeds/1"),
    ("search_report", "trees"),
    ("train_bdt", "trees/nominal"),
    ("score", "trees/nominal"),
    ("evaluate_bdt", "trees"),
    ("summary", ""),
    *RECORD,
}
"""What follows from results of points more or less."""


def name(**settings: Any) -> str:
    return name_of(point(BDT(), settings))


def trained(**values: list[Any]) -> set[Job]:
    """The jobs of a grid of points that have one each."""
    return {
        ("search_bdt", name(max_depth=depth, learning_rate=rate))
        for depth in values.get("max_depth", DEPTHS)
        for rate in values.get("learning_rate", RATES)
    }


def plan_of(folder: Path, systematics: dict[str, Any] | None = None, **models: Any) -> Plan:
    config = {"samples": CONFIG["samples"], "models": models, "infer": None}
    return Plan(folder, copy.deepcopy(config), systematics or {})


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A model whose settings are searched in a grid of four points."""
    return plan_of(tmp_path, trees={"kind": "bdt", "search": GRID})


def after_selection(jobs: set[Job]) -> set[Job]:
    before = ("simulate", "ingest", "list_parts", "select", "plot_cutflow")
    return {found for found in jobs if not found[0].startswith(before)}


def test_a_fresh_search_trains_each_point_once(plan: Plan) -> None:
    assert after_selection(plan.jobs()) == trained() | AFTER


def test_a_finished_search_has_nothing_to_do(plan: Plan) -> None:
    plan.finish()
    assert plan.jobs() == set()


def test_a_value_more_trains_its_points_alone(plan: Plan) -> None:
    plan.finish()
    plan.config["models"]["trees"]["search"]["keys"]["max_depth"] = [*DEPTHS, 4]
    assert plan.jobs() == trained(max_depth=[4]) | AFTER


def test_a_value_less_trains_nothing_of_the_search(plan: Plan) -> None:
    plan.finish()
    plan.config["models"]["trees"]["search"]["keys"]["max_depth"] = [3]
    assert plan.jobs() == AFTER


def test_a_search_that_was_stopped_loses_no_point(plan: Plan) -> None:
    plan.finish()
    left = trained(max_depth=[3])
    for _, batch in left:
        (plan.folder / f"out/search/batches/{batch}.json").unlink()
    for later in ("search/trees", "models", "scores", "evaluation", "plots/trees"):
        shutil.rmtree(plan.folder / "out" / later)
    for last in ("summary.json", "provenance.json"):
        (plan.folder / "out" / last).unlink()
    assert plan.jobs() == left | AFTER


def test_another_figure_ranks_anew_and_trains_no_point(plan: Plan) -> None:
    plan.finish()
    plan.config["models"]["trees"]["search"]["figure"] = "loss"
    assert plan.jobs() == AFTER


def test_more_seeds_train_the_new_ones(plan: Plan) -> None:
    plan.finish()
    plan.config["models"]["trees"]["search"]["seeds"] = 3
    new = {("search_best_bdt", "trees/seeds/2"), ("search_report", "trees")}
    assert plan.jobs() == new | RECORD


def test_searches_share_points(tmp_path: Path) -> None:
    """Of two models, and with a model that only has other columns of scores."""
    other = {"keys": {"max_depth": [3, 4], "learning_rate": RATES}, "seeds": 1}
    models = {
        "trees": {"kind": "bdt", "search": GRID},
        "others": {"kind": "bdt", "search": other, "decorrelate": {"background": ["quark"]}},
    }
    found = plan_of(tmp_path, **models).jobs()
    batches = {job for job in found if job[0] == "search_bdt"}
    assert batches == trained(max_depth=[2, 3, 4])
    inputs = plan_of(tmp_path, **models).inputs(("search_rank", "others/chosen"))
    wanted = {batch for _, batch in trained(max_depth=[3, 4])}
    assert {Path(path).stem for path in inputs} == wanted


def test_small_points_share_a_process(plan: Plan) -> None:
    plan.config["models"]["trees"]["search"]["points_per_job"] = 3
    settings = plan.settings()
    sizes = [len(told["points"]) for job, told in settings.items() if job.startswith("search_bdt/")]
    assert sorted(sizes) == [1, 3]
    assert settings["search_best_bdt/trees/seeds/0"]["places"] == [0, 1]


def test_halving_trains_the_best_of_each_step_with_more(tmp_path: Path) -> None:
    search = {
        "method": "halving",
        "resource": "rounds",
        "reduction": 2,
        "keys": {"max_depth": list(range(2, 10))},
        "seeds": 1,
    }
    plan = plan_of(tmp_path, trees={"kind": "bdt", "rounds": 100, "search": search})
    best = {job for job in plan.jobs() if job[0].startswith("search")}
    assert best == {
        *(("search_bdt", name(max_depth=depth, rounds=25)) for depth in range(2, 10)),
        *(("search_rank", f"trees/{step}") for step in ("rung_0", "rung_1", "chosen")),
        *(("search_best_bdt", f"trees/rung_1/{slot}") for slot in range(4)),
        *(("search_best_bdt", f"trees/chosen/{slot}") for slot in range(2)),
        ("search_best_bdt", "trees/seeds/0"),
        ("search_report", "trees"),
    }
    settings = plan.settings()
    assert settings["search_best_bdt/trees/rung_1/3"]["given"] == {"rounds": 50}
    assert "out/search/trees/rung_0.json" in plan.inputs(("search_best_bdt", "trees/rung_1/3"))
    assert "out/search/trees/rung_1.json" in plan.inputs(("search_best_bdt", "trees/chosen/1"))


def test_a_variation_of_a_searched_model_uses_the_nominal_choice(tmp_path: Path) -> None:
    """But for the keys that it changes itself; nothing is searched again."""
    depth = {"kind": "model", "model": "trees", "up": {"max_depth": 6}}
    config = {"kind": "bdt", "search": GRID}
    plan = plan_of(tmp_path, {"depth": depth}, trees=config)
    plan.config.pop("infer")
    plan.config["templates"] = {
        "regions": {
            "pass": {"model": "trees", "score": "p_top", "range": [0.5, 1.0]},
            "fail": {"model": "trees", "score": "p_top", "range": [0.0, 0.5]},
        }
    }
    plan.config["infer"] = {"signal": ["top"]}
    settings = plan.settings()
    assert settings["train_bdt/trees/nominal"]["searched"] == ["learning_rate", "max_depth"]
    varied = settings["train_bdt/trees/depth_up"]
    assert varied["searched"] == ["learning_rate"]
    assert varied["model"]["max_depth"] == 6 and varied["model"]["search"] is None
    assert "out/search/trees/chosen.json" in plan.inputs(("train_bdt", "trees/depth_up"))
    searched = {job for job in plan.jobs() if job[0] == "search_bdt"}
    assert searched == trained()


def test_a_search_over_what_is_prepared_prepares_each(tmp_path: Path) -> None:
    """Which one the model needs is known when the points have been judged."""
    search = {"keys": {"constituents": [8, 16]}, "seeds": 1}
    plan = plan_of(tmp_path, sets={"kind": "set", "search": search})
    prepared = {job[1] for job in plan.jobs() if job[0] == "prepare_set"}
    assert len(prepared) == 2
    for wanted in (("train_set", "sets/nominal"), ("search_best_set", "sets/seeds/0")):
        read = {Path(path).name for path in plan.inputs(wanted) if "/prepared/" in path}
        assert read == prepared
    points = [job for job in plan.jobs() if job[0] == "search_set"]
    read = [p for job in points for p in plan.inputs(job) if "/prepared/" in p]
    assert {Path(path).name for path in read} == prepared and len(read) == 2


@pytest.mark.parametrize("components", [{}, {"search": 4, "search_seeds": 3}])
def test_the_number_of_cluster_jobs_is_the_formula(
    tmp_path: Path, components: dict[str, int]
) -> None:
    """The formula of profiles/README.md."""
    keys = {"max_depth": list(range(2, 9)), "learning_rate": RATES}
    search = {"keys": keys, "seeds": 6, "points_per_job": 2}
    plan = plan_of(tmp_path, trees={"kind": "bdt", "search": search})
    terms = plan.terms(**components)
    found = {name: term.cluster_jobs for name, term in terms.items() if "search" in str(term.rules)}
    jobs = {"search": 7, "search_seeds": 3}
    assert {name: found[name] for name in jobs} == {
        name: -(-number // components.get(name, 1)) for name, number in jobs.items()
    }


def test_what_is_merged_from_a_searched_model_waits_for_its_choice(tmp_path: Path) -> None:
    """Its own points too, which may need what any point of its part reads."""
    models = {
        "sets": {"kind": "set", "search": {"keys": {"constituents": [8, 16]}, "seeds": 1}},
        "net": {"kind": "dnn"},
        "both": {
            "kind": "merged",
            "models": ["sets", "net"],
            "search": {"keys": {"head": [[8], [16]]}, "seeds": 1},
        },
    }
    plan = plan_of(tmp_path, **models)
    jobs = plan.jobs()
    prepared = {job[1] for job in jobs if job[0] == "prepare_set"}
    (first, _) = (job for job in jobs if job[0] == "search_merged")
    for wanted in (first, ("search_best_merged", "both/seeds/0"), ("train_merged", "both/nominal")):
        read = plan.inputs(wanted)
        assert {"out/models/sets/nominal", "out/models/net/nominal"} <= set(read)
        assert {Path(path).name for path in read if "/prepared/" in path} == prepared
    groups = plan.terms()
    assert groups["search_merged"].cluster_jobs == 2 and groups["search"].cluster_jobs == 2

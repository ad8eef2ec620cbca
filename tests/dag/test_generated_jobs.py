"""Generated tables: who makes them, and what another setting or an alternative makes anew."""

from __future__ import annotations

from pathlib import Path

from support.plans import Plan

COLUMNS = {"x": {"sigma": 0.5}, "y": {"missing": 0.25}}
SAMPLE = {
    "source": "generated",
    "generator": {"kind": "normal", "columns": COLUMNS},
    **{"xsec": 1.0, "events": 100, "parts": 2},
}


def test_the_jobs_of_an_alternative(tmp_path: Path) -> None:
    region = {"model": "trees", "score": "p_a"}
    config = {
        "samples": {name: {**SAMPLE, "label": name} for name in "ab"},
        "models": {"trees": {"kind": "bdt", "features": ["x", "y"]}},
        "evaluate": {"rejection": [["a", ["b"]]]},
        "templates": {
            **{"variable": "x", "range": [0, 3]},
            "regions": {
                "pass": {**region, "range": [0.5, 1]},
                "fail": {**region, "range": [0, 0.5]},
            },
        },
        "infer": {"signal": ["a"]},
    }
    plan = Plan(tmp_path, config, {})
    jobs = plan.jobs()
    names = {f"nominal/{name}/{part}" for name in "ab" for part in (0, 1)}
    assert {what for rule, what in jobs if rule == "generate"} == names
    assert {what for rule, what in jobs if rule == "ingest"} == names
    assert not {rule for rule, _ in jobs} & {"simulate", "check"}
    plan.finish()
    assert plan.jobs() == set()

    up = {"columns": {**COLUMNS, "x": {"sigma": 0.6}}}
    plan.systematics = {"model": {"kind": "sample", "samples": ["a"], "up": up, "parts": 1}}
    new = {job for job in plan.jobs() if "model_up" in job[1]}
    assert new == {
        ("generate", "model_up/a/0"),
        ("ingest", "model_up/a/0"),
        ("list_parts", "model_up/a"),
        ("select", "model_up/a"),
        ("score", "trees/model_up"),
        ("templates", "model_up"),
    }
    made = ("generate", "ingest", "train_bdt")
    assert {job for job in plan.jobs() if job[0] in made} == {
        ("generate", "model_up/a/0"),
        ("ingest", "model_up/a/0"),
    }

    plan.systematics = {}
    plan.config["samples"]["b"]["generator"] = {"kind": "normal", "columns": up["columns"]}
    again = {job for job in plan.jobs() if job[0] in ("generate", "select")}
    assert again == {
        ("generate", "nominal/b/0"),
        ("generate", "nominal/b/1"),
        ("select", "nominal/b"),
    }

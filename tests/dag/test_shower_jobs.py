"""Showers: which jobs make and judge them, and what another setting makes anew."""

from __future__ import annotations

from pathlib import Path

from support.plans import Plan
from support.showerfiles import write


def test_the_jobs_of_showers(tmp_path: Path) -> None:
    write(tmp_path / "photons.hdf5")
    config = {
        "samples": {
            "e": {
                **{"source": "generated", "generator": {"kind": "cascade"}, "label": "e"},
                **{"events": 100, "parts": 2},
            },
            "g": {"source": "calogan", "files": [str(tmp_path / "photons.hdf5")], "label": "g"},
        },
        "models": {
            "copied": {"kind": "copula", "samples": ["e"]},
            "trees": {"kind": "bdt", "features": ["depth", "fraction_{0..2}"]},
        },
        "evaluate": {"reference": "trees", "rejection": [["e", ["g"]]]},
        "infer": None,
    }
    plan = Plan(tmp_path, config, {})
    jobs = plan.jobs()
    assert {what for rule, what in jobs if rule == "generate"} == {"nominal/e/0", "nominal/e/1"}
    assert {what for rule, what in jobs if rule == "ingest"} == {
        *("nominal/e/0", "nominal/e/1", "nominal/g/0"),
    }
    assert {job for job in jobs if job[0].startswith(("train", "evaluate"))} == {
        *(("train_copula", "copied/nominal"), ("train_bdt", "trees/nominal")),
        *(("evaluate_copula", "copied"), ("evaluate_bdt", "trees")),
    }
    plan.finish()
    assert plan.jobs() == set()

    plan.config["models"]["copied"]["bins"] = 20
    again = {rule for rule, _ in plan.jobs()}
    assert {"train_copula", "score", "evaluate_copula"} <= again
    assert not again & {"generate", "ingest", "select", "train_bdt", "evaluate_bdt"}

    plan.config["samples"]["e"]["generator"]["high"] = 20.0
    made = {job for job in plan.jobs() if job[0] in ("generate", "ingest", "select")}
    assert made == {
        *(("generate", f"nominal/e/{part}") for part in (0, 1)),
        *(("ingest", f"nominal/e/{part}") for part in (0, 1)),
        ("select", "nominal/e"),
    }

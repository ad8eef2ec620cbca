"""Particle identification: the jobs of the shipped configuration, and what a purity reruns."""

from __future__ import annotations

from pathlib import Path

import yaml

from support.plans import REPOSITORY, Job, Plan


def test_the_shipped_configuration(tmp_path: Path) -> None:
    config = yaml.safe_load((REPOSITORY / "config/pid.yaml").read_text()) | {"infer": None}
    ends = ("plot_cutflow", "compare_models", "rank_classifiers", "summary", "provenance")
    expected: set[Job] = {(rule, "") for rule in (*ends, "default")}
    for sample, block in config["samples"].items():
        expected |= {(rule, f"nominal/{sample}") for rule in ("list_parts", "select")}
        for part in range(block["parts"]):
            expected |= {(rule, f"nominal/{sample}/{part}") for rule in ("generate", "ingest")}
    for model, block in config["models"].items():
        expected |= {(f"train_{block['kind']}", f"{model}/nominal"), ("score", f"{model}/nominal")}
        expected.add((f"evaluate_{block['kind']}", model))
    plan = Plan(tmp_path, config, {})
    assert plan.jobs() == expected
    plan.finish()
    assert plan.jobs() == set()

    plan.config["evaluate"]["purity"]["purity"] = [0.95]
    again = {(f"evaluate_{block['kind']}", model) for model, block in config["models"].items()}
    again |= {(rule, "") for rule in ("compare_models", "rank_classifiers")}
    found = plan.jobs()
    assert {job for job in found if job[0].startswith(("evaluate", "compare", "rank"))} == again
    assert not {rule for rule, _ in found} & {"generate", "ingest", "select", "train_bdt", "score"}

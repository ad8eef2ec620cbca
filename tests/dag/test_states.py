"""The table of all variations: jobs and states, from Snakemake's own graph."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys

import pytest
import yaml

from boostflow.states import AFTER, table
from support.plans import CONFIG, Plan

SYSTEMATICS = {
    "lumi": {"kind": "rate", "value": 0.02},
    "isr": {"kind": "weight", "envelope": ["weight_isr_up", "weight_isr_down", "weight_fsr_up"]},
    "jes": {"kind": "shift", "correction": "jes"},
    "fsr": {"kind": "sample", "up": ["a = 1"], "samples": ["top"], "parts": 1},
    "depth": {"kind": "model", "model": "bdt", "up": {"max_depth": 3}},
    "width": {"kind": "model", "model": "ucluster", "up": {"seed": 2}},
    "vincia": {"kind": "sample", "up": ["b = 1"], "enabled": False},
    "method": {
        "kind": "model",
        "use": "crosscheck",
        "instead": {
            "pass": {"model": "ucluster", "clusters": ["top"]},
            "fail": {"model": "ucluster", "clusters": ["quark"]},
        },
    },
}


def test_what_there_is_and_what_is_missing(plan: Plan) -> None:
    plan.systematics = copy.deepcopy(SYSTEMATICS)
    found = plan.rows()
    assert set(found) == {"nominal", *SYSTEMATICS, AFTER}
    jobs = {name: row.jobs for name, row in found.items()}
    # 2 samples of 2 parts, listed and selected; 2 trainings and scores, 1 packing, templates.
    assert jobs.pop("nominal") == 4 + 4 + 2 + 2 + 2 + 1 + 2 + 1
    after = jobs.pop(AFTER)
    assert jobs == {
        **{"lumi": 0, "isr": 3, "jes": 8, "fsr": 6, "depth": 3},
        **{"width": 0, "vincia": 0, "method": 2},
    }
    assert {name: row.state for name, row in found.items()} == {
        **dict.fromkeys(found, "to do"),
        **{"width": "touches nothing", "vincia": "off"},
    }
    assert found["isr"].directions == ["m0", "m1", "m2"]
    assert found["jes"].stages == ["select", "score", "templates"]
    assert found["fsr"].stages == [
        "simulate",
        "ingest",
        "list_parts",
        "select",
        "score",
        "templates",
    ]
    assert found["method"].stages == ["templates", "crosscheck"]
    # Every job of a run is in one row.
    ran = {job for job in plan.jobs() if job[0] != "default"}
    assert sum(jobs.values()) + 18 + after == len(ran)


def test_states_follow_files_and_parameters(plan: Plan) -> None:
    plan.systematics = copy.deepcopy(SYSTEMATICS)
    plan.finish()
    states = {name: row.state for name, row in plan.rows().items()}
    off = {"width": "touches nothing", "vincia": "off"}
    assert states == {**dict.fromkeys(states, "done"), **off}
    (plan.folder / "out/templates/isr_m1.root").unlink()
    plan.systematics["depth"]["up"] = {"max_depth": 2}
    found = plan.rows()
    assert found["isr"].state == "1 of 3 to do"
    assert found["depth"].state == "3 of 3 outdated"
    assert found["jes"].state == "done"
    assert found["lumi"].state == "to do"
    assert found["method"].state == "done"
    text = table(found.values())
    assert "1 of 3 to do" in text
    assert "model (crosscheck)" in text


@pytest.mark.integration
def test_the_command(plan: Plan) -> None:
    plan.systematics = copy.deepcopy(SYSTEMATICS)
    expected = {name: row.as_json() for name, row in plan.rows().items()}
    before = {path for path in plan.folder.rglob("*") if ".snakemake" not in path.parts}
    config = str(plan.folder / "config.yaml")
    command = [sys.executable, "-m", "boostflow.cli", "variations", "--configfile", config]

    def done() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, "--json"], cwd=plan.folder, capture_output=True, text=True, env=os.environ
        )

    first = done()
    assert first.returncode == 0, first.stderr
    assert {row["name"]: row for row in json.loads(first.stdout)} == expected
    assert {p for p in plan.folder.rglob("*") if ".snakemake" not in p.parts} == before
    (plan.folder / "config.yaml").write_text(yaml.safe_dump({**CONFIG, "luminosty": 1}))
    wrong = done()
    assert wrong.returncode == 1
    assert "luminosty: unknown key" in wrong.stderr
    assert "Traceback" not in wrong.stderr

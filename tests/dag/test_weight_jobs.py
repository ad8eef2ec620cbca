"""Declared weights: what is read again, and what is only selected again."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from support.plans import Job, Plan
from support.weights import pileup, write_pileup

AFTER: set[Job] = {(rule, "") for rule in ("summary", "plot_cutflow", "provenance", "default")}
CHECK: Job = ("check", "")
SELECTED: set[Job] = {("select", "nominal/top")} | AFTER
READ: set[Job] = {CHECK, ("ingest", "nominal/top/0"), ("list_parts", "nominal/top")} | SELECTED


@pytest.fixture
def real(tmp_path: Path) -> Plan:
    """Two samples of a file, the first one with weights, and no model; all jobs are done."""
    write_pileup(tmp_path / "pu.json")
    samples = {}
    for name in ("top", "quark"):
        (tmp_path / f"{name}.root").touch()
        samples[name] = {"source": "root", "files": [f"{name}.root"], "label": name, "xsec": 1.0}
    for path in tmp_path.iterdir():
        os.utime(path, (time.time() - 20_000,) * 2)
    samples["top"]["weights"] = {
        "pu": pileup("pu.json"),
        "stored": {"branch": "sf", "up": "sfUp"},
    }
    plan = Plan(tmp_path, {"samples": samples, "models": {}}, {})
    plan.finish()
    return plan


def test_a_selection_reads_the_corrections_of_its_weights(real: Plan) -> None:
    assert real.parameters(("select", "nominal/top"))["weights"] == ["pu.json"]
    assert real.parameters(("select", "nominal/quark"))["weights"] == []
    assert real.jobs() == set()


def test_another_correction_is_selected_again(real: Plan) -> None:
    write_pileup(real.folder / "pu.json", {name: [1.0] * 5 for name in ("nominal", "up", "down")})
    assert real.jobs() == SELECTED


def test_what_is_made_of_the_same_branches_is_selected_again(real: Plan) -> None:
    """The check is made again, for it knows all declarations; no file is read for it."""
    weights = real.config["samples"]["top"]["weights"]
    weights["stored"]["apply"] = False
    assert real.jobs() == {CHECK} | SELECTED
    real.finish()
    weights["trigger"] = weights.pop("stored")
    assert real.jobs() == {CHECK} | SELECTED


def test_another_branch_is_read(real: Plan) -> None:
    weights = real.config["samples"]["top"]["weights"]
    weights["stored"]["down"] = "sfDown"
    assert real.jobs() == READ
    real.finish()
    weights["pu"]["inputs"] = {"NumTrueInteractions": "PV_npvs"}
    assert real.jobs() == READ


def test_columns_of_jets_are_there(real: Plan) -> None:
    """So another one of these is selected again alone."""
    weights = real.config["samples"]["top"]["weights"]
    weights["pu"]["inputs"] = {"NumTrueInteractions": "pt"}
    assert real.jobs() == READ  # the branch that was needed is kept no more
    real.finish()
    weights["pu"]["inputs"] = {"NumTrueInteractions": "ht"}
    assert real.jobs() == {CHECK} | SELECTED

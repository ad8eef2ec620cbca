"""The check of input files comes first, and is no reason to read a file again."""

from __future__ import annotations

import copy
import os
import time
from pathlib import Path

import pytest

from support.plans import CONFIG, Job, Plan

AFTER: set[Job] = {
    *((rule, "") for rule in ("summary", "plot_cutflow", "provenance", "default")),
}


@pytest.fixture
def real(tmp_path: Path) -> Plan:
    """Two samples of two files each, and no model."""
    config = copy.deepcopy(CONFIG) | {"models": {}}
    config["samples"] = {name: sample(tmp_path, name, 2) for name in ("top", "quark")}
    return Plan(tmp_path, config, {})


def sample(folder: Path, name: str, files: int) -> dict:
    """A block, and empty files that are older than any result."""
    names = [f"{name}.{i}.root" for i in range(files)]
    for file in names:
        if not (folder / file).exists():
            (folder / file).touch()
            os.utime(folder / file, (time.time() - 20_000,) * 2)
    return {"source": "root", "files": names, "label": name, "xsec": 1.0}


def of_sample(name: str, *parts: int) -> set[Job]:
    read = {("ingest", f"nominal/{name}/{part}") for part in parts}
    return read | {("list_parts", f"nominal/{name}"), ("select", f"nominal/{name}")}


CHECK: Job = ("check", "")


def test_the_whole_run(real: Plan) -> None:
    both = of_sample("top", 0, 1) | of_sample("quark", 0, 1)
    assert real.jobs() == {CHECK} | both | AFTER
    real.finish()
    assert real.jobs() == set()


def test_simulated_analyses_have_none(plan: Plan) -> None:
    assert CHECK not in plan.jobs()


def test_one_simulated_sample_among_files(real: Plan) -> None:
    real.config["samples"]["w"] = CONFIG["samples"]["top"] | {"process": "w", "label": "w"}
    jobs = real.jobs()
    assert {CHECK, ("simulate", "nominal/w/0")} < jobs
    # It waits for no check.
    assert len(real.inputs(("ingest", "nominal/w/0"))) == 1
    assert len(real.inputs(("ingest", "nominal/top/0"))) == 2


def test_one_more_file_is_checked_and_read(real: Plan) -> None:
    real.finish()
    real.config["samples"]["top"] = sample(real.folder, "top", 3)
    assert real.jobs() == {CHECK} | of_sample("top", 2) | AFTER


def test_one_more_sample_is_checked_and_read(real: Plan) -> None:
    real.finish()
    real.config["samples"]["w"] = sample(real.folder, "w", 1)
    assert real.jobs() == {CHECK} | of_sample("w", 0) | AFTER


def test_a_new_version_of_a_file(real: Plan) -> None:
    real.finish()
    (real.folder / "quark.1.root").write_text("new")
    assert real.jobs() == {CHECK} | of_sample("quark", 1) | AFTER


def test_other_servers_are_checked_and_read(real: Plan) -> None:
    real.config["samples"]["top"]["files"][1] = "https://one/top.1.root"
    real.finish()
    assert real.jobs() == set()
    real.config["samples"]["top"]["files"][1] = "https://two/top.1.root"
    assert real.jobs() == {CHECK} | of_sample("top", 1) | AFTER


def test_a_lost_check_is_no_reason_to_read_all_again(real: Plan) -> None:
    real.finish()
    for name in ("check.json", "check.txt"):
        (real.folder / "out" / name).unlink()
    assert real.jobs() == {CHECK, ("default", "")}


def test_what_is_done_with_bad_files_is_checked_alone(real: Plan) -> None:
    """Parts that were read stay; the lists of parts say whether some may be missing."""
    real.finish()
    real.config["ingest"] = {"on_bad_file": "skip"}
    lists = {("list_parts", f"nominal/{name}") for name in ("top", "quark")}
    selected = {("select", f"nominal/{name}") for name in ("top", "quark")}
    assert real.jobs() == {CHECK} | lists | selected | AFTER


def test_on_a_cluster_it_is_a_job_of_its_own(real: Plan) -> None:
    groups = real.groups(parts=2, select=2)
    assert groups["check"] == {frozenset({CHECK})}
    assert len(groups["parts"]) == len(groups["select"]) * 2 == 2


def test_it_is_in_the_row_of_nominal(real: Plan) -> None:
    assert real.rows()["nominal"].stages[0] == "check"
    assert real.rows()["nominal"].jobs == 1 + 4 + 2 + 2

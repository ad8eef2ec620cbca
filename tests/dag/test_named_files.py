"""Files that a configuration names: their content decides what runs, not their place or their time.

A file that is put in the place of another may be older than all results (`cp -p`, `rsync -a`).
"""

from __future__ import annotations

import copy
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from boostflow.jobs.chain import state
from support.jets import correction
from support.plans import CONFIG, REPOSITORY, Job, Plan
from support.weights import pileup, write_pileup

LONG_AGO = 1_500_000_000
"""Older than everything that the tests make."""
CHECK: Job = ("check", "")
SHIFTED: set[Job] = {("select", f"jes_{side}/{name}") for side in ("up", "down") for name in "ab"}


def put(path: Path, text: str) -> None:
    """Put a file in place as `cp -p` of an old one does."""
    path.write_text(text, encoding="utf-8")
    os.utime(path, (LONG_AGO,) * 2)


def put_jes(path: Path, size: float) -> None:
    """An uncertainty of the energy scale."""
    entry = correction("jes", ["JetPt"], size)
    put(path, json.dumps({"schema_version": 2, "corrections": [entry]}))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two simulated samples and data, a shift, and small files of all kinds; all jobs are done."""
    for name in ("a", "b1", "b2", "run"):
        put(tmp_path / f"{name}.root", name)
    put(tmp_path / "b.txt", "b1.root\nb2.root\n")
    put(tmp_path / "golden.json", '{"1": [[1, 2]]}')
    put_jes(tmp_path / "jes.json", 0.1)
    write_pileup(tmp_path / "pu.json")
    samples: dict[str, Any] = {
        "a": {"files": ["a.root"], "label": "top", "xsec": 1.0},
        "b": {"files": ["b.txt"], "label": "quark", "xsec": 1.0},
        "run": {"files": ["run.root"], "data": True, "golden_json": "golden.json"},
    }
    samples["a"]["weights"] = {"pu": pileup("pu.json")}
    config = {
        "samples": {name: {"source": "root", **block} for name, block in samples.items()},
        "models": {"bdt": {"kind": "bdt"}},
        "templates": {"regions": {"all": {"model": "bdt", "score": "p_top", "range": [0.0, 1.0]}}},
        "infer": {"signal": ["a"]},
        "select": {"corrections": "jes.json"},
    }
    plan = Plan(tmp_path, config, {"jes": {"kind": "shift", "correction": "jes"}})
    plan.finish()
    assert plan.jobs() == set()
    return plan


def read_again(plan: Plan) -> set[Job]:
    """Those jobs that would run that read files of the user's, or tables made of them alone."""
    stages = ("check", "simulate", "ingest", "list_parts", "select")
    return {job for job in plan.jobs() if job[0] in stages}


def of_sample(name: str, *parts: int) -> set[Job]:
    """Its parts, and what is made of them."""
    varied = () if name == "run" else ("jes_up", "jes_down")
    return {
        *(("ingest", f"nominal/{name}/{part}") for part in parts),
        ("list_parts", f"nominal/{name}"),
        *(("select", f"{variation}/{name}") for variation in ("nominal", *varied)),
    }


def test_older_corrections_of_shifts(plan: Plan) -> None:
    put_jes(plan.folder / "jes.json", 0.2)
    assert read_again(plan) == SHIFTED
    after = {job for job in plan.jobs() if job[0] == "score"}
    assert after == {("score", "bdt/jes_up"), ("score", "bdt/jes_down")}


def test_older_corrections_of_smearing(plan: Plan) -> None:
    entries = [
        correction("jes", ["JetPt"], 0.1),
        correction("r", ["JetPt"], 0.1),
        correction(
            "s",
            ["systematic"],
            {
                "nodetype": "category",
                "input": "systematic",
                "content": [{"key": key, "value": 1.0} for key in ("nom", "up", "down")],
            },
        ),
    ]
    put(plan.folder / "jes.json", json.dumps({"schema_version": 2, "corrections": entries}))
    plan.config["select"]["smearing"] = {"resolution": "r", "scale_factor": "s"}
    plan.finish()
    assert plan.jobs() == set()
    put(plan.folder / "jes.json", json.dumps({"schema_version": 2, "corrections": entries[::-1]}))
    assert read_again(plan) == SHIFTED | {("select", "nominal/a"), ("select", "nominal/b")}


def test_older_corrections_of_weights(plan: Plan) -> None:
    path = plan.folder / "pu.json"
    write_pileup(path, {name: [1.0] * 5 for name in ("nominal", "up", "down")})
    put(path, path.read_text(encoding="utf-8"))
    assert read_again(plan) == {("select", f"{v}/a") for v in ("nominal", "jes_up", "jes_down")}


def test_older_luminosity_blocks(plan: Plan) -> None:
    put(plan.folder / "golden.json", '{"1": [[1, 1]]}')
    assert read_again(plan) == {("ingest", "nominal/run/0")} | of_sample("run")


def test_an_older_list_of_files(plan: Plan) -> None:
    put(plan.folder / "b.txt", "b2.root\n")
    # The second file is the first now: its events count from there.
    assert read_again(plan) == {CHECK} | of_sample("b", 0)


def test_an_older_file_of_a_sample(plan: Plan) -> None:
    path = plan.folder / "b2.root"
    put(path, "another")
    assert read_again(plan) == {CHECK} | of_sample("b", 1)
    plan.finish()
    os.utime(path, (LONG_AGO - 1,) * 2)
    assert read_again(plan) == {CHECK} | of_sample("b", 1)


def test_files_beside_that_of_a_sample(tmp_path: Path) -> None:
    for name in ("x_p4", "x_mask", "x_labels"):
        put(tmp_path / f"{name}.npy", name)
    sample = {"source": "toptag", "files": ["x_p4.npy"]}
    plan = Plan(tmp_path, {"samples": {"x": sample}, "models": {}}, {})
    plan.finish()
    assert plan.jobs() == set()
    put(tmp_path / "x_mask.npy", "another")
    again = {CHECK, ("ingest", "nominal/x/0"), ("list_parts", "nominal/x"), ("select", "nominal/x")}
    assert read_again(plan) == again


def test_a_file_that_a_setting_of_pythia_names(tmp_path: Path) -> None:
    put(tmp_path / "susy.slha", "one")
    config = copy.deepcopy(CONFIG) | {"models": {}}
    config["samples"]["top"]["settings"] = ["SLHA:file = susy.slha"]
    plan = Plan(tmp_path, config, {})
    plan.finish()
    assert plan.jobs() == set()
    put(tmp_path / "susy.slha", "two")
    again = {(rule, f"nominal/top/{part}") for rule in ("simulate", "ingest") for part in (0, 1)}
    assert read_again(plan) == again | {("list_parts", "nominal/top"), ("select", "nominal/top")}


def test_times_alone_are_no_reason(plan: Plan) -> None:
    """Nor is a copy, nor a link to it: what a file holds is what counts."""
    for name in ("jes.json", "golden.json", "pu.json", "b.txt"):
        (plan.folder / name).touch()
    assert plan.jobs() == set()
    (plan.folder / "elsewhere").mkdir()
    for name in ("jes.json", "golden.json"):
        (plan.folder / name).rename(plan.folder / "elsewhere" / name)
    plan.config["select"]["corrections"] = "elsewhere/jes.json"
    plan.config["samples"]["run"]["golden_json"] = "elsewhere/golden.json"
    assert read_again(plan) == {CHECK} | {("ingest", "nominal/run/0")} | of_sample("run")


def clone(folder: Path) -> Path:
    """What a clone of the repository has that rules are read from, and the files it brings."""
    folder.mkdir()
    shutil.copy(REPOSITORY / "Snakefile", folder)
    for part in ("config", "envs"):
        shutil.copytree(REPOSITORY / part, folder / part)
    shutil.copytree(
        REPOSITORY / "workflow",
        folder / "workflow",
        ignore=lambda path, names: ["boostflow"] if Path(path).name == "workflow" else [],
    )
    return folder / "Snakefile"


def test_another_clone_of_the_repository(plan: Plan) -> None:
    """The corrections that the repository brings are the same there, and newer than the results."""
    del plan.config["select"]
    plan.snakefile = clone(plan.folder / "one")
    plan.finish()
    assert plan.jobs() == set()
    told = plan.parameters(("select", "jes_up/a"))
    assert told["corrections"] == [str(plan.folder / "one/config/corrections/jetmet.json")]
    plan.snakefile = clone(plan.folder / "two")
    assert plan.jobs() == set()
    shipped = plan.folder / "two/config/corrections/jetmet.json"
    put(shipped, shipped.read_text(encoding="utf-8").replace("0.", "0.0", 1))
    assert read_again(plan) == SHIFTED


def test_results_that_another_folder_got(plan: Plan, tmp_path: Path) -> None:
    """Copied with their times, as `rsync -a` does; Snakemake's notes stay where they were."""
    for block in plan.config["samples"].values():
        block["files"] = [str(tmp_path / file) for file in block["files"]]
    put(tmp_path / "b.txt", f"{tmp_path}/b1.root\n{tmp_path}/b2.root\n")
    plan.finish()
    other = tmp_path / "other"
    other.mkdir()
    shutil.copytree(tmp_path / "out", other / "out")
    for name in ("jes.json", "golden.json", "pu.json"):
        shutil.copy(tmp_path / name, other / name)  # these are newer than the results
    assert Plan(other, plan.config, plan.systematics).jobs() == set()


def state_of(plan: Plan) -> str:
    with plan._dag(()) as dag:
        return state(dag.workflow.globals["ANALYSIS"])


@pytest.mark.parametrize("name", ["jes.json", "golden.json", "pu.json", "b.txt", "b2.root"])
def test_results_of_a_killed_run_are_not_kept_for_other_files(plan: Plan, name: str) -> None:
    """The configuration is the same, but what it names is not."""
    before = state_of(plan)
    assert state_of(plan) == before
    path = plan.folder / name
    put(path, "b2.root\n" if name == "b.txt" else path.read_text(encoding="utf-8") + "\n")
    assert state_of(plan) != before

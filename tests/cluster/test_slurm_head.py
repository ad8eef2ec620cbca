"""The head as a SLURM job goes on after its time limit, `scancel` and the loss of its node."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import yaml

from support.rootfiles import write_nano
from support.slurmcluster import Cluster, until

CONFIG = {
    "output": "out",
    "systematics": None,
    "models": {},
    "infer": None,
    "samples": {"w": {"source": "root", "files": ["w.root"], "label": "w", "xsec": 1.0}},
}
CHECK = "out/check.json"
FAULTS = {"time": "TIMEOUT", "cancelled": "CANCELLED", "node": "NODE_FAIL"}


@dataclass
class Seen:
    """What has been seen of the heads of one analysis."""

    folder: Path
    heads: list[str] = field(default_factory=list)
    """Numbers of their jobs."""
    ends: dict[str, str] = field(default_factory=dict)
    """What SLURM said of the job of a head that was struck, by the fault."""
    refused: str = ""
    working: str = ""
    done: str = ""
    """What `boostflow status` said while a head ran, and at the end."""


def boostflow(cluster: Cluster, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command on the head node."""
    return cluster.run(sys.executable, "-m", "boostflow.cli", *words, folder=folder)


@pytest.fixture(scope="module")
def seen(cluster: Cluster, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """An analysis of one file whose job waits until three heads were struck."""
    seen = Seen(tmp_path_factory.mktemp("head"))
    folder = seen.folder
    write_nano(folder / "w.root")
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    # Heads in one partition, jobs in the other.
    submit = (
        *("submit", "--profile", str(repository / "profiles/slurm"), "--configfile", "config.yaml"),
        *("--sbatch=--partition=gpu", "--"),
        *("--slurm-init-seconds-before-status-checks", "3", CHECK),
    )
    cluster.control("PartitionName=cpu", "State=DOWN", folder=folder)
    submitted = boostflow(cluster, folder, *submit)
    assert submitted.returncode == 0, submitted.stdout

    submitted_before: set[str] = set()

    def state() -> dict:
        return json.loads((folder / ".snakemake/head/head.json").read_text())

    def working() -> bool:
        """A head that is not known yet has a job of its own in the queue."""
        now = state()
        if now["number"] <= len(seen.heads) or not now["successor"]:
            return False
        fresh = [
            job.number
            for job in cluster.jobs(folder) or []
            if job.comment.startswith(("rule_", "group_")) and job.number not in submitted_before
        ]
        submitted_before.update(fresh)
        return bool(fresh)

    try:
        for fault in FAULTS:
            assert until(working, 300), printed(folder)
            job = state()["job"]
            seen.heads.append(job)
            if fault == "time":  # as if its time were over: SLURM looks every half minute
                seen.refused = boostflow(cluster, folder, *submit).stdout
                over = ("scontrol", "update", f"JobId={job}", "EndTime=now")
                # No time is shorter than a minute.
                ending = partial(cluster.run, *over, folder=folder)
                assert until(lambda call=ending: call().returncode == 0, 120)
            elif fault == "cancelled":
                seen.working = boostflow(cluster, folder, "status").stdout
                cluster.run("scancel", job, folder=folder)
            else:
                node = re.search(r"BatchHost=(\w+)", cluster.show(job, folder))[1]
                assert cluster.lose(node) > 1
                cluster.control(f"NodeName={node}", "State=DOWN", "Reason=lost", folder=folder)
            assert until(lambda job=job: ended(cluster.show(job, folder)), 300)
            seen.ends[fault] = cluster.show(job, folder)
        cluster.bring_back(node, folder)
        cluster.control("PartitionName=cpu", "State=UP", folder=folder)
        assert until(lambda: state()["end"], 300), printed(folder)
        seen.heads.append(state()["job"])
        seen.done = boostflow(cluster, folder, "status").stdout
    finally:
        cluster.control("PartitionName=cpu", "State=UP", folder=folder)
        boostflow(cluster, folder, "stop")
        shutil.copytree(folder / ".snakemake/head", folder / "heads")
    return seen


def ended(shown: str) -> bool:
    """Whether SLURM's words about a job say that it is over."""
    return not re.search(r"JobState=(PENDING|RUNNING|COMPLETING)", shown)


def printed(folder: Path) -> str:
    """What all heads have printed."""
    logs = sorted((folder / ".snakemake/head").glob("*.log"))
    return "\n".join(f"{log.name}:\n{log.read_text()}" for log in logs)


def test_each_fault_is_what_slurm_calls_it(seen: Seen) -> None:
    assert {fault: state in seen.ends[fault] for fault, state in FAULTS.items()} == dict.fromkeys(
        FAULTS, True
    )
    assert len(set(seen.heads)) == len(FAULTS) + 1


def test_the_last_head_ends_the_analysis(seen: Seen, cluster: Cluster) -> None:
    assert (seen.folder / CHECK).exists(), printed(seen.folder)
    assert printed(seen.folder).count("taking over from a run that was killed") == len(FAULTS)
    assert cluster.jobs(seen.folder) == []
    assert cluster.processes("boostflow.cli head") == []


def test_a_second_head_is_refused_in_one_message(seen: Seen) -> None:
    (line,) = seen.refused.splitlines()
    assert re.match("boostflow: error: a head works in this folder already, SLURM job ", line)


def test_status_says_what_runs_and_what_is_done(seen: Seen) -> None:
    assert re.search(
        rf"^head: SLURM job {seen.heads[1]}, running on node\d, number 2,", seen.working
    )
    assert re.search(r"^pending: 1 \(1 \w+\)$", seen.working, re.MULTILINE)
    assert re.search(r"^done: 0 of \d+ jobs$", seen.working, re.MULTILINE)
    assert seen.done.startswith("head: has ended: done (")
    assert re.search(r"^done: [1-9]\d* of \d+ jobs$", seen.done, re.MULTILINE)

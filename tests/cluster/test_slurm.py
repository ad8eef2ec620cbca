"""The slurm profile on a real SLURM: UCluster trained on two nodes, cancelled, and resumed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import yaml

from boostflow.io import read_json
from boostflow.models.ucluster.block import UCluster
from boostflow.paths import CHECKPOINT, LOG, MODEL, PREPARED
from support.slurmcluster import Cluster, slurm, until
from support.ucluster_jets import SMALL, files

TIMEOUT = 600
CANCEL_AFTER = 3
"""Epoch: pre-training is over, k-means and the compilation of the joint step come next."""

BLOCK = SMALL | {"epochs": [3, 5], "batch": 32, "learning_rate": 5e-4, "processes": 2}
CONFIG = {
    "output": "out",
    "systematics": None,
    "infer": None,
    "samples": {
        name: {"source": "simulation", "process": name, "label": name} for name in ("w", "z", "top")
    },
    # The same model twice: one is cancelled. Their packed jets are made once.
    "models": {"cancelled": BLOCK, "whole": BLOCK},
}


@dataclass
class Training:
    """What has been seen of a run of both models."""

    folder: Path
    printed: str = ""
    jobs: dict[str, str] = field(default_factory=dict)
    """Numbers of the first jobs of the models."""
    details: dict[str, str] = field(default_factory=dict)
    """What SLURM said of them while they ran."""
    model_after_cancel: bool = True
    seconds_to_end: float = 0.0

    def path(self, pattern: str, model: str) -> Path:
        """A path of a model."""
        name = (UCluster(**BLOCK)).prepared_name()
        return self.folder / "out" / pattern.format(model=model, variation="nominal", prepared=name)

    def log(self, model: str) -> str:
        """The log of a model's training so far."""
        path = self.path(f"{LOG}/{MODEL}.log", model)
        return path.read_text() if path.exists() else ""

    def final(self, model: str) -> dict[str, float]:
        """Its figures at the end."""
        return read_json(self.path(MODEL, model) / "metrics.json")["final"]


@pytest.fixture(scope="module")
def training(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Both models trained with the slurm profile; the first job of one is cancelled on its way."""
    seen = Training(tmp_path_factory.mktemp("training"))
    jets = seen.folder / "out/select/nominal"
    jets.mkdir(parents=True)
    files(jets, 400)
    config = seen.folder / "config.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    log = seen.folder / "snakemake.log"
    snakemake = cluster.snakemake(
        seen.folder,
        config,
        # The jets of the stage before are given.
        *("--allowed-rules", "prepare_ucluster", "train_ucluster", "--"),
        *(str(seen.path(MODEL, model).relative_to(seen.folder)) for model in CONFIG["models"]),
        log=log,
    )
    end = time.monotonic() + TIMEOUT
    try:
        while snakemake.poll() is None and time.monotonic() < end:
            watch(cluster, seen)
            time.sleep(0.1)
    finally:
        snakemake.kill()
        snakemake.wait()
        seen.printed = log.read_text()
    assert snakemake.returncode == 0, seen.printed[-6000:] + seen.log("whole")[-3000:]
    return seen


def watch(cluster: Cluster, seen: Training) -> None:
    """Look at each training once it runs, and cancel one."""
    for model in CONFIG["models"]:
        epoch = CANCEL_AFTER if model == "cancelled" else 1
        if model in seen.details or f"epoch {epoch}/" not in seen.log(model):
            continue
        jobs = cluster.run("squeue", "--noheader", "--format=%i %k", folder=seen.folder).stdout
        job = re.search(rf"^(\d+) rule_train_ucluster\S*{model}", jobs, re.MULTILINE)
        assert job, jobs
        seen.jobs[model] = job[1]
        seen.details[model] = cluster.show(seen.jobs[model], seen.folder)
        if model == "cancelled":
            cluster.run("scancel", job[1], folder=seen.folder)
            start = time.monotonic()
            while cluster.processes(f"--output out/models/{model}/") and seen.seconds_to_end < 60:
                seen.seconds_to_end = time.monotonic() - start
                time.sleep(0.1)
            seen.model_after_cancel = seen.path(MODEL, model).exists()


@pytest.fixture(scope="module")
def reference(training: Training, repository: Path) -> dict[str, float]:
    """The figures of the same training on two processes of this machine."""
    output = training.folder / "local"
    tools = Path(sys.executable).parent
    subprocess.run(
        [
            *(sys.executable, "-m", "boostflow.cli", "train"),
            json.dumps({"name": "local", "model": BLOCK}),
            *("--prepared", training.path(PREPARED, "cancelled"), "--output", output),
        ],
        env=os.environ
        | {
            "PYTHONPATH": str(repository / "workflow"),
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        },
        check=True,
        timeout=240,
        capture_output=True,
    )
    return read_json(output / "metrics.json")["final"]


def test_each_rank_has_its_node_and_gpu(training: Training) -> None:
    job = training.details["whole"]
    assert "JobState=RUNNING" in job
    assert re.search(r"NumNodes=2 NumCPUs=\d+ NumTasks=2 ", job)
    assert re.search(r"Nodes=node\[1-2\] .*GRES=gpu:1\(", job)
    for rank, node in enumerate(("node1", "node2")):
        assert f"rank {rank} of 2 on {node}, GPU 0\n" in training.log("whole")


def test_the_result_is_that_of_a_run_without_slurm(training: Training, reference: dict) -> None:
    final = training.final("whole")
    assert final["processes"] == 2
    for name in ("loss", "validation_loss"):
        assert abs(final[name] - reference[name]) < 1e-6


def test_a_cancelled_job_ends_all_ranks(training: Training, cluster: Cluster) -> None:
    assert "JobState=RUNNING" in training.details["cancelled"]
    assert "JobState=CANCELLED" in cluster.show(training.jobs["cancelled"], training.folder)
    assert training.seconds_to_end < 30
    assert not training.model_after_cancel


def test_the_retry_resumes_and_ends_with_the_same_loss(training: Training, reference: dict) -> None:
    epoch = re.search(r"resumed after epoch (\d+)", training.log("cancelled"))
    assert epoch and int(epoch[1]) >= CANCEL_AFTER
    assert training.printed.count("trying again: ") == 1
    for name in ("loss", "validation_loss"):
        assert abs(training.final("cancelled")[name] - reference[name]) < 1e-6
    left = training.path(CHECKPOINT, "cancelled").iterdir()
    assert [path.name for path in left] == ["tensorboard"]


def test_no_process_is_left(training: Training, cluster: Cluster) -> None:
    for words in ("boostflow.cli train", "horovodrun", "snakemake"):
        assert cluster.processes(words) == []


@pytest.mark.parametrize(
    ("allocation", "message"),
    [
        (["--nodes=2", "--ntasks=2"], "SLURM job .* has tasks for 2 of them: set `tasks`"),
        (["--ntasks=1", "--cpus-per-task=2"], "SLURM job .* has CPUs for 2 of them"),
        (["--ntasks=3", "--nodes=1", "--gres=gpu:1"], "but 1 of its GPUs: ask for 3 in `gres`"),
    ],
)
def test_too_small_a_job_says_so(
    cluster: Cluster, repository: Path, tmp_path: Path, allocation: list[str], message: str
) -> None:
    batch = tmp_path / "batch.sh"
    launch = f"{sys.executable} -m boostflow.cli launch --processes 3 -- true"
    batch.write_text(f"#!/bin/sh\nexec {launch}\n")
    out = tmp_path / "out"
    done = cluster.run(
        *("sbatch", "--wait", "--partition=gpu", f"--output={out}", *allocation, str(batch)),
        folder=tmp_path,
    )
    assert done.returncode == 1
    assert re.fullmatch(rf"boostflow: error: 3 processes.*{message}.*\n", out.read_text())


def test_a_terminated_horovodrun_ends_the_ranks_of_other_nodes(
    cluster: Cluster, repository: Path, tmp_path: Path
) -> None:
    batch = tmp_path / "batch.sh"
    launch = f"{sys.executable} -m boostflow.cli launch --processes 2 -- sleep 1234"
    batch.write_text(f"#!/bin/sh\n{launch}\nsleep 600\n")
    options = ("--parsable", "--nodes=2", "--ntasks=2", f"--output={tmp_path / 'out'}")
    job = cluster.run("sbatch", *options, str(batch), folder=tmp_path).stdout.strip()
    try:
        ranks = cluster.processes
        assert until(lambda: [p.args for p in ranks("sleep 1234")].count("sleep 1234") == 2, 120)
        launcher = next(p for p in ranks("bin/horovodrun -np 2") if "sleep 1234" in p.args)
        os.kill(launcher.pid, signal.SIGTERM)
        assert until(lambda: not ranks("sleep 1234"), 20)
        assert until(lambda: ranks("sleep 600"), 60)  # the job goes on when its launcher has ended
    finally:
        cluster.run("scancel", job, folder=tmp_path)


def test_nothing_outlives_the_harness(repository: Path, tmp_path: Path) -> None:
    with slurm(tmp_path, repository) as other:
        init = psutil.Process(other.init)
        inside = [init, *init.children(recursive=True)]
        assert len(inside) > 3
        sleep = other.start("sleep", "600", folder=tmp_path, log=tmp_path / "sleep.log")
    assert sleep.wait(10) != 0
    assert not any(process.is_running() for process in inside)

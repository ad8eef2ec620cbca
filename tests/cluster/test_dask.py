"""Ingestion whose dask workers are SLURM jobs on two nodes."""

from __future__ import annotations

import os
import shlex
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from boostflow.config.chain import Ingest
from support.rootfiles import write_nano
from support.slurmcluster import Cluster, until
from support.stages import TOP, boostflow, ingest

JOBS = ("squeue", "--noheader", "--name=boostflow-ingest", "--format=%i %T %N")


@dataclass
class Run:
    """An ingest job and what was seen of it."""

    folder: Path
    cluster: Cluster
    job: str = ""
    nodes: set[str] = field(default_factory=set)

    def submit(self, **execution: object) -> None:
        """Start it in the queue."""
        options = {
            **{"executor": "dask", "workers": 2, "chunksize": 100},
            "dask": {"cluster": "slurm", "mem_mb": 1000, "runtime": 10},
            **execution,
        }
        files = {"file": "a.root", "table": "out/j.parquet", "meta": "out/j.json"}
        command = boostflow("ingest", {**TOP, "ingest": options}, **files)
        batch = self.folder / "batch.sh"
        batch.write_text(f"#!/bin/sh\nexec {shlex.join(command)}\n")
        submitted = self.run(
            *("sbatch", "--parsable", "--job-name=ingest", "--partition=cpu", "--mem=1000"),
            # Its node has room for one worker.
            *("--cpus-per-task=3", "--output=log", str(batch)),
        )
        self.job = submitted.strip()
        assert self.job.isdecimal(), submitted

    def run(self, *command: str) -> str:
        """What a command prints on the head node."""
        return self.cluster.run(*command, folder=self.folder).stdout

    def log(self) -> str:
        """What the job has printed."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def workers(self) -> list[str]:
        """Numbers of the worker jobs in the queue; notes the nodes of those that run."""
        found = []
        for line in self.run(*JOBS).splitlines():
            job, state, *node = line.split()
            if state in ("PENDING", "RUNNING"):
                found.append(job)
                self.nodes |= set(node) if state == "RUNNING" else set()
        return found

    def state(self) -> str:
        """Of the job itself."""
        return self.run("squeue", "--noheader", "--states=all", f"--jobs={self.job}", "--format=%T")

    def left(self) -> list[str]:
        """Processes of workers."""
        return [process.args for process in self.cluster.processes("distributed.cli.dask_worker")]


@pytest.fixture
def job(cluster: Cluster, tmp_path: Path) -> Run:
    """An ingest job of a file of many chunks."""
    write_nano(tmp_path / "a.root", 6000, constituents=True)
    return Run(tmp_path, cluster)


def reads(job: Run) -> bool:
    """Whether some chunks have been worked on."""
    return bool(list(job.folder.glob("out/.j.parquet.chunks.*/*.arrow")))


def test_two_nodes_give_the_same_table(job: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    job.submit()
    assert until(lambda: job.workers() and len(job.nodes) == 2, 120), job.log()
    assert until(lambda: "COMPLETED" in job.state() or "FAILED" in job.state(), 240), job.log()
    assert "COMPLETED" in job.state(), job.log()
    assert job.nodes == {"node1", "node2"}
    assert until(lambda: not job.workers() and not job.left(), 20)
    alone = job.folder / "alone.parquet", job.folder / "alone.json"
    monkeypatch.chdir(job.folder)
    ingest("a.root", *alone, Ingest(chunksize=100), **TOP)
    assert alone[0].read_bytes() == (job.folder / "out/j.parquet").read_bytes()
    assert alone[1].read_bytes() == (job.folder / "out/j.json").read_bytes()
    assert sorted(p.name for p in (job.folder / "out").iterdir()) == ["j.json", "j.parquet"]


def test_a_cancelled_job_takes_its_workers_along(job: Run) -> None:
    job.submit()
    assert until(lambda: reads(job), 120), job.log()
    job.run("scancel", job.job)
    assert until(lambda: not job.workers() and not job.left(), 30), job.log()
    assert not (job.folder / "out/j.parquet").exists()


def test_workers_end_without_the_job_that_was_killed(job: Run) -> None:
    job.submit()
    assert until(lambda: reads(job), 120), job.log()
    for process in job.cluster.processes("-m boostflow.cli ingest"):
        os.kill(process.pid, signal.SIGKILL)
    assert until(lambda: not job.workers() and not job.left(), 120), job.log()
    assert not (job.folder / "out/j.parquet").exists()


def test_what_sbatch_refuses_is_said(job: Run) -> None:
    job.submit(dask={"cluster": "slurm", "sbatch": ["--partition=nowhere"]})
    assert until(lambda: "FAILED" in job.state(), 60), job.log()
    assert "error: SLURM takes no dask worker: " in job.log()
    assert "invalid partition specified: nowhere" in job.log()
    assert "Traceback" not in job.log()

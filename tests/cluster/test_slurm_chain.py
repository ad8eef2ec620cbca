"""The whole chain with the slurm profile, through every fault, ends as a local run does.

One run of snakemake meets an out-of-memory kill, a cancelled job and a time limit, and is killed
itself; the same command goes on while the controller is away for a minute and a node dies under the
training.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import yaml

from boostflow.io import read_json
from boostflow.templates.files import read
from support.analyses import Analysis
from support.slurmcluster import Cluster, until
from support.ucluster_jets import SMALL

TIMEOUT = 1200
OUTAGE = 55
"""Seconds without a controller: longer than the plugin's five attempts by default."""
SAMPLES = ("top", "w", "z")
SIMULATION = "bin/boostflow simulate"
"""Of the process itself: the shell around it says `boostflow` without a folder."""
TRAINING = "logs/models/ucluster/nominal.log"

CONFIG = {
    "output": "out",
    "samples": {
        name: {
            **{"source": "simulation", "process": name, "label": name},
            **{"parts": 1, "events": 120},
        }
        for name in SAMPLES
    },
    "simulation": {"mpi": False},
    "models": {
        "bdt": {"kind": "bdt", "rounds": 50},
        "ucluster": SMALL | {"epochs": [2, 6], "batch": 32, "processes": 2},
    },
}
SYSTEMATICS = {
    "lumi": {"kind": "rate", "value": 0.016},
    "jes": {"kind": "shift", "correction": "jes"},
    "isr": {"kind": "weight", "group": "model", "up": "weight_isr_up", "down": "weight_isr_down"},
    "bdt_depth": {"kind": "model", "model": "bdt", "up": {"max_depth": 5}},
}
SAME = (
    *("ingest/*/*/*", "select/**/*", "prepared/**/*", "models/bdt/**/model.ubj", "scores/bdt/*"),
    *("evaluation/bdt.json", "inference/*", "plots/cutflow.png", "plots/bdt/*"),
    *("plots/inference/*", "config.yaml", "systematics.yaml"),
)
"""Equal byte for byte; ROOT files hold the time, and the training sums in another order."""


@dataclass
class Seen:
    """What has been seen of the runs."""

    folder: Path
    first: dict[str, str] = field(default_factory=dict)
    """What SLURM said of the first job of each fault: memory, cancelled, time."""
    again: list[str] = field(default_factory=list)
    """What it said of the jobs that replaced them."""
    doubled: set[str] = field(default_factory=set)
    """Command lines that two jobs have run at the same time."""
    kept: str = ""
    """State of a job after the head was killed and started again."""
    training: str = ""
    """What SLURM said of the training."""
    lost: int = 0
    """Processes of the node that died."""
    requeued: str = ""
    """What SLURM said of the training after that."""
    printed: str = ""

    @property
    def out(self) -> Path:
        return self.folder / "out"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """The same analysis without SLURM."""
    folder = tmp_path_factory.mktemp("local")
    (folder / "systematics.yaml").write_text(yaml.safe_dump(SYSTEMATICS, sort_keys=False))
    analysis = Analysis(folder, {**CONFIG, "systematics": str(folder / "systematics.yaml")})
    done = analysis.snakemake()
    assert done.returncode == 0, done.stdout[-6000:]
    return analysis


@pytest.fixture(scope="module")
def chain(
    cluster: Cluster,
    repository: Path,
    local: Analysis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Seen:
    """The run through all faults."""
    seen = Seen(tmp_path_factory.mktemp("chain"))
    config = seen.folder / "config.yaml"
    config.write_text(yaml.safe_dump(local.config))
    logs = [seen.folder / "first.log", seen.folder / "second.log"]
    # One job for each sample, so that each meets a fault of its own.
    profile = yaml.safe_load((repository / "profiles/slurm/config.yaml").read_text())
    sizes = profile["group-components"] | {"parts": 1}
    alone = (
        "--latency-wait",
        "10",
        "--group-components",
        *(f"{group}={size}" for group, size in sizes.items()),
    )
    heads: list[subprocess.Popen] = []
    try:
        cluster.control("PartitionName=cpu", "State=DOWN", folder=seen.folder)
        heads.append(cluster.snakemake(seen.folder, config, *alone, log=logs[0]))
        strike_jobs(cluster, seen)
        frozen, job = kill_head(cluster, seen)
        before = {old.number for old in cluster.jobs(seen.folder) or []}
        heads.append(cluster.snakemake(seen.folder, config, *alone, log=logs[1]))
        assert until(lambda: "which still run" in logs[1].read_text(), 300), logs[1].read_text()
        seen.kept = cluster.show(job, seen.folder)
        os.kill(frozen, signal.SIGCONT)
        submitted = until(
            lambda: {new.number for new in cluster.jobs(seen.folder) or []} - before, 300
        )
        assert submitted, logs[1].read_text()
        cluster.stop_controller()
        time.sleep(OUTAGE)
        cluster.start_controller(seen.folder)
        watch(cluster, seen, heads[1])
    finally:
        for head in heads:
            head.kill()
            head.wait()
        seen.printed = "\n".join(log.read_text() for log in logs if log.exists())
    assert heads[1].returncode == 0, seen.printed[-8000:]
    return seen


def strike_jobs(cluster: Cluster, seen: Seen) -> None:
    """The simulations of the three samples: too little memory, cancelled, and hung."""
    folder = seen.folder
    assert until(lambda: len(cluster.jobs(folder) or []) == 3, 300)
    numbers = {job.number for job in cluster.jobs(folder)}
    poor = min(numbers)
    seen.first["memory"] = cluster.show(poor, folder)
    cluster.control(f"JobId={poor}", "MinMemoryNode=150", folder=folder)
    cluster.control("PartitionName=cpu", "State=UP", folder=folder)
    stopped: set[str] = set()

    def hold_others() -> bool:
        for process in cluster.processes(SIMULATION):
            os.kill(process.pid, signal.SIGSTOP)
            stopped.update(cluster.running(process.args).get(process.args, ()))
        return numbers - {poor} <= stopped

    assert until(hold_others, 300)
    cancelled, hung = sorted(numbers - {poor})
    for fault, job in (("cancelled", cancelled), ("time", hung)):
        seen.first[fault] = cluster.show(job, folder)
    cluster.run("scancel", cancelled, folder=folder)
    # As if its time were over: SLURM looks every half minute.
    cluster.control(f"JobId={hung}", "EndTime=now", folder=folder)

    def replaced() -> bool:
        for job in cluster.jobs(folder) or []:
            text = cluster.show(job.number, folder)
            if job.number not in numbers and "JobState=" in text:
                numbers.add(job.number)
                seen.again.append(text)
        return len(seen.again) == 3

    assert until(replaced, 300), seen.again
    for fault, job in (("memory", poor), ("cancelled", cancelled), ("time", hung)):
        seen.first[fault] += cluster.show(job, folder)


def kill_head(cluster: Cluster, seen: Seen) -> tuple[int, str]:
    """Kill snakemake while a simulation, which is halted, runs; its process and job."""
    found: list[tuple[int, str]] = []

    def hold_one() -> bool:
        for process in cluster.processes(SIMULATION):
            jobs = cluster.running(process.args).get(process.args)
            if jobs:
                os.kill(process.pid, signal.SIGSTOP)
                found.append((process.pid, jobs.pop()))
                return True
        return False

    assert until(hold_one, 300)
    for process in cluster.processes("--slurm-init-seconds-before-status-checks"):
        os.kill(process.pid, signal.SIGKILL)
    return found[0]


def watch(cluster: Cluster, seen: Seen, head: subprocess.Popen) -> None:
    """Until the end: count each job, and lose a node when the training has begun."""
    end = time.monotonic() + TIMEOUT
    log = seen.out / TRAINING
    job = None
    while head.poll() is None and time.monotonic() < end:
        running = cluster.running("bin/boostflow ")
        seen.doubled |= {line for line, jobs in running.items() if len(jobs) > 1}
        if not job and log.exists() and "epoch 2/" in log.read_text():
            jobs = {job for jobs in cluster.running("horovodrun").values() for job in jobs}
            if jobs:
                job = jobs.pop()
                seen.training = cluster.show(job, seen.folder)
                seen.lost = cluster.lose("node1")
        elif job and not seen.requeued:
            text = cluster.show(job, seen.folder)
            if "Restarts=1" in text and "JobState=PENDING" in text:
                seen.requeued = text
                cluster.bring_back("node1", seen.folder)
                # SLURM lets a job that it puts back wait for two minutes.
                cluster.control(f"JobId={job}", "StartTime=now", folder=seen.folder)
        time.sleep(0.3)


def number(pattern: str, text: str) -> int:
    """The first number that a pattern finds."""
    found = re.search(pattern, text)
    assert found, text
    return int(found[1])


def test_results_are_those_of_the_local_run(chain: Seen, local: Analysis) -> None:
    compared = 0
    for pattern in SAME:
        files = sorted(path for path in local.out.glob(pattern) if path.is_file())
        assert files, pattern
        for file in files:
            if file.name in (".snakemake_timestamp", "manifest.json"):
                continue
            other = chain.out / file.relative_to(local.out)
            assert file.read_bytes() == other.read_bytes(), other
            compared += 1
    assert compared > 50
    for file in sorted(local.out.glob("templates/*.root")):
        one, two = read(file), read(chain.out / file.relative_to(local.out))
        for region, samples in one.items():
            for sample, template in samples.items():
                np.testing.assert_array_equal(template.values, two[region][sample].values)
                np.testing.assert_array_equal(template.variances, two[region][sample].variances)


def test_so_is_the_training(chain: Seen, local: Analysis) -> None:
    path = "models/ucluster/nominal/metrics.json"
    here, there = (read_json(out / path)["final"] for out in (local.out, chain.out))
    for name in ("loss", "validation_loss"):
        assert abs(here[name] - there[name]) < 1e-6


def test_the_training_had_two_nodes_tasks_and_gpus(chain: Seen) -> None:
    assert "JobState=RUNNING" in chain.training
    assert re.search(r"NumNodes=2 NumCPUs=\d+ NumTasks=2 ", chain.training)
    nodes = re.findall(r" Nodes=(\S+) .*GRES=gpu:1\(", chain.training)
    assert nodes in (["node[1-2]"], ["node1", "node2"])
    log = (chain.out / TRAINING).read_text()
    for rank, node in enumerate(("node1", "node2")):
        assert f"rank {rank} of 2 on {node}, GPU 0\n" in log


def test_a_lost_node_puts_the_training_back_and_it_resumes(chain: Seen) -> None:
    assert chain.lost > 5
    assert "Restarts=1" in chain.requeued
    assert re.search(r"resumed after epoch [2-9]", (chain.out / TRAINING).read_text())


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        ("memory", "JobState=FAILED|JobState=OUT_OF_MEMORY"),
        ("cancelled", "JobState=CANCELLED"),
        ("time", "JobState=TIMEOUT"),
    ],
)
def test_a_job_ends_by_each_fault(chain: Seen, fault: str, end: str) -> None:
    assert re.search(end, chain.first[fault])


def test_jobs_are_tried_again_with_twice_the_memory_and_time(chain: Seen) -> None:
    asked = number(r"MinMemoryNode=(\d+)M", chain.first["memory"])
    minutes = number(r"TimeLimit=0(\d):00:00", chain.first["memory"])
    for again in chain.again:
        assert number(r"MinMemoryNode=(\d+)M", again) == 2 * asked
        assert number(r"TimeLimit=0(\d):00:00", again) == 2 * minutes
    assert chain.printed.count("trying again: ") >= 3


def test_the_next_run_waits_for_the_jobs_of_a_killed_one(chain: Seen) -> None:
    assert "JobState=RUNNING" in chain.kept
    assert "taking over from a run that was killed" in chain.printed
    assert "jobs that ended after it was killed are kept" in chain.printed
    assert not chain.doubled


def test_nothing_is_left(chain: Seen, cluster: Cluster) -> None:
    assert cluster.jobs(chain.folder) == []
    for words in ("boostflow", "horovodrun", "snakemake"):
        assert cluster.processes(words) == []
    left = [p for p in chain.out.rglob(".*.part.*") if "logs" not in p.parts]
    assert not left


def test_a_full_disk_loses_nothing(cluster: Cluster, local: Analysis, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(local.config))
    (tmp_path / "out").mkdir()
    mounted = cluster.run(
        *("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(tmp_path / "out")), folder=tmp_path
    )
    assert mounted.returncode == 0, mounted.stdout
    out = Path(f"/proc/{cluster.init}/root{tmp_path}/out")
    sample, table = "samples/nominal/w/0.root", "select/nominal/w.parquet"
    (out / sample).parent.mkdir(parents=True)
    shutil.copyfile(local.out / sample, out / sample)
    ballast = out / "ballast"

    def run() -> tuple[int, str]:
        log = tmp_path / "log"
        rules = ("--allowed-rules", "ingest", "list_parts", "select", "--retries", "0", "--")
        head = cluster.snakemake(tmp_path, config, *rules, f"out/{table}", log=log)
        return head.wait(600), log.read_text()

    for left in (32, 0):  # kB: enough for the log, and not even for that
        free = os.statvfs(out)
        ballast.write_bytes(bytes(free.f_bavail * free.f_bsize - 1024 * left))
        code, printed = run()
        ballast.unlink()
        assert code == 1
        assert "boostflow: no space left for out (0.0 MB): free some" in printed
        assert left == 0 or "No space left on device" in printed
        assert "Traceback" not in printed
        assert not list(out.glob("ingest/nominal/w/*"))
    code, printed = run()
    assert code == 0, printed
    assert (out / table).read_bytes() == (local.out / table).read_bytes()

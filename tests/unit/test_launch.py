"""Where the ranks of a training go: the arithmetic, without SLURM (tests/cluster has the rest)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from boostflow.config.chain import Dask
from boostflow.errors import BoostflowError
from boostflow.launch import (
    SHIMS,
    Allocation,
    check_gpus,
    has_slurm,
    interface_to,
    spread,
    take_gpu,
)


def held(*cpus: int, tasks: int, cpus_per_task: int = 1) -> Allocation:
    """A job on nodes n1, n2, ... with these CPUs."""
    return Allocation("7", {f"n{i + 1}": n for i, n in enumerate(cpus)}, tasks, cpus_per_task)


@pytest.mark.parametrize(
    ("processes", "job", "slots"),
    [
        (2, held(2, 2, tasks=2, cpus_per_task=2), {"n1": 1, "n2": 1}),
        (4, held(4, 4, tasks=4, cpus_per_task=2), {"n1": 2, "n2": 2}),
        (3, held(4, 4, tasks=4, cpus_per_task=2), {"n1": 2, "n2": 1}),
        # SLURM gave three tasks on one node and one on the other.
        (4, held(3, 1, tasks=4), {"n1": 3, "n2": 1}),
        # SLURM gives whole cores: more CPUs than the tasks asked for.
        (2, held(4, 4, tasks=2, cpus_per_task=2), {"n1": 1, "n2": 1}),
        (1, held(1, 1, tasks=2), {"n1": 1}),
        # One task of several CPUs, as Snakemake asks for a rule with threads.
        (2, held(2, tasks=1, cpus_per_task=2), {"n1": 2}),
    ],
)
def test_ranks_are_spread_over_the_tasks_of_a_job(
    processes: int, job: Allocation, slots: dict[str, int]
) -> None:
    assert spread(processes, job, "n1") == slots


def test_rank_0_is_where_horovodrun_is() -> None:
    assert list(spread(3, held(1, 1, 1, tasks=3), "n2")) == ["n2", "n1", "n3"]


def test_more_ranks_than_tasks_are_refused() -> None:
    with pytest.raises(BoostflowError, match="3 processes, but SLURM job 7 has tasks for 2"):
        spread(3, held(4, 4, tasks=2, cpus_per_task=2), "n1")
    with pytest.raises(BoostflowError, match="3 processes, but SLURM job 7 has CPUs for 2"):
        spread(3, held(2, tasks=1, cpus_per_task=2), "n1")


def test_horovodrun_must_be_on_a_node_of_the_job() -> None:
    with pytest.raises(BoostflowError, match=r"not a node of SLURM job 7 \(n1, n2\)"):
        spread(2, held(1, 1, tasks=2), "login")


@pytest.mark.parametrize(
    ("given", "local_rank", "taken"),
    [
        ("0", "0", "0"),
        ("2,5", "1", "5"),
        ("GPU-1a,GPU-2b,GPU-3c", "1", "GPU-2b"),
        ("0", "1", "0"),
        ("NoDevFiles", "0", "NoDevFiles"),
        ("", "1", ""),
        ("0,1", None, "0,1"),
    ],
)
def test_each_rank_takes_one_gpu(given: str, local_rank: str | None, taken: str) -> None:
    environment = {"CUDA_VISIBLE_DEVICES": given}
    if local_rank is not None:
        environment["HOROVOD_LOCAL_RANK"] = local_rank
    take_gpu(environment)
    assert environment["CUDA_VISIBLE_DEVICES"] == taken


def test_ranks_without_a_gpu_are_refused_where_there_are_some() -> None:
    check_gpus(2, {"CUDA_VISIBLE_DEVICES": "0,1"})
    check_gpus(2, {})
    with pytest.raises(BoostflowError, match=r"2 processes on node .*, but 1 of its GPUs"):
        check_gpus(2, {"CUDA_VISIBLE_DEVICES": "0"})


def test_the_interface_to_this_machine_is_the_loopback() -> None:
    assert interface_to("127.0.0.1") == "lo"
    with pytest.raises(BoostflowError, match=r"does not reach node no-such-host\.invalid"):
        interface_to("no-such-host.invalid")


@pytest.mark.parametrize(
    ("job", "message"),
    [("7", "no scontrol on PATH"), (None, "no horovodrun on PATH")],
)
def test_a_missing_program_is_named(
    repository: Path, tmp_path: Path, job: str | None, message: str
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM")}
    environment |= {"PATH": str(tmp_path), "PYTHONPATH": str(repository / "workflow")}
    if job:
        environment["SLURM_JOB_ID"] = job
    done = subprocess.run(
        [sys.executable, "-m", "boostflow.cli", "launch", "--processes", "2", "--", "true"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("boostflow: error: ") and message in done.stderr
    assert "Traceback" not in done.stderr


UNCONFIGURED = "sinfo: error: fetch_config: DNS SRV lookup failed"
BUSY = "slurm_load_partitions: Unable to contact slurm controller (connect failure)"


@pytest.mark.parametrize(
    ("programs", "expected"),
    [
        ({}, False),  # our own sbatch alone, which snakemake has put on PATH
        ({"sbatch": ""}, False),
        ({"sbatch": "", "sinfo": f"echo '{UNCONFIGURED}' >&2; exit 1"}, False),
        ({"sbatch": "", "sinfo": f"echo '{BUSY}' >&2; exit 1"}, True),
        ({"sbatch": "", "sinfo": "echo n1"}, True),
    ],
)
def test_dask_believes_in_slurm_where_there_is_one(
    programs: dict[str, str], expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{SHIMS / 'submit'}{os.pathsep}{tmp_path}")
    has_slurm.cache_clear()
    try:
        assert Dask().on_slurm() is expected
        assert Dask(cluster="slurm").on_slurm()
        assert not Dask(cluster="local").on_slurm()
    finally:
        has_slurm.cache_clear()

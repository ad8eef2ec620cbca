"""Dask workers as SLURM jobs; imported only where they are asked for."""

from __future__ import annotations

import logging
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dask_jobqueue import SLURMCluster
from dask_jobqueue.slurm import SLURMJob
from distributed import Client
from distributed.deploy.spec import ProcessInterface
from distributed.scheduler import NoWorkerError

from boostflow.config.chain import Dask
from boostflow.errors import BoostflowError
from boostflow.launch import interface_to, slurm

log = logging.getLogger("ingest")

LOGS = Path(".snakemake/slurm_logs/dask")
"""Logs of worker jobs, beside those of Snakemake's own."""
ALIVE = {"PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "REQUEUED"}


class Job(SLURMJob):
    """A worker's job; one that SLURM refuses is no exception that dask prints, but is noted."""

    refused = ""

    async def start(self) -> None:
        """Submit the job to SLURM."""
        try:
            await super().start()
        except RuntimeError as error:
            self.refused = " ".join(str(error).partition("stderr:\n")[2].split()) or str(error)
            await ProcessInterface.start(self)


@contextmanager
def workers(number: int, block: Dask, patience: int) -> Iterator[Client]:
    """A client of so many workers, at least one of which is there; they end with the block.

    Args:
        number: of workers.
        block: their jobs.
        patience: seconds after which a worker that lost its scheduler ends.

    Raises:
        BoostflowError: SLURM takes no job, or all of them have ended.
    """
    partition = block.partition or os.environ.get("SLURM_JOB_PARTITION")
    # Jobs inherit the environment on most sites, not on all.
    exported = {name: os.environ.get(name, "") for name in ("PATH", "PYTHONPATH")}
    with (
        SLURMCluster(
            job_cls=Job,
            queue=partition,
            account=block.account,
            cores=1,
            processes=1,
            memory=f"{block.mem_mb} MiB",
            job_mem=f"{block.mem_mb}M",
            walltime=str(block.runtime),
            job_name="boostflow-ingest",
            job_extra_directives=block.sbatch,
            job_script_prologue=[f"export {k}={shlex.quote(v)}" for k, v in exported.items()],
            python=sys.executable,
            log_directory=str(LOGS),
            death_timeout=patience,
            scheduler_options={"interface": _interface(partition), "dashboard_address": ":0"},
        ) as cluster,
        Client(cluster) as client,
    ):
        _wait(cluster, client, number, patience)
        try:
            yield client
        except NoWorkerError:
            raise BoostflowError(
                f"all dask workers have ended (at their time limit, ingest.dask.runtime: "
                f"{block.runtime} min?): {LOGS} has their logs"
            ) from None


def _interface(partition: str | None) -> str:
    """The network interface by which nodes that may get a worker are reached."""
    only = [f"--partition={partition}"] if partition else []
    nodes = slurm("sinfo", "--noheader", "--Node", "--format=%N", *only).split()
    if not nodes:
        raise BoostflowError(f"SLURM has no partition {partition!r}: see ingest.dask.partition")
    here = os.environ.get("SLURMD_NODENAME", socket.gethostname())
    return interface_to(next((node for node in nodes if node != here), nodes[0]))


def _wait(cluster: SLURMCluster, client: Client, number: int, patience: int) -> None:
    """Submit the jobs and wait until one worker has come; the others may come later."""

    async def submitted() -> None:
        await cluster

    cluster.scale(jobs=number)
    cluster.sync(submitted)
    refused = [job.refused for job in cluster.workers.values() if job.refused]
    jobs = ",".join(job.job_id for job in cluster.workers.values() if job.job_id)
    if not jobs:
        raise BoostflowError(
            f"SLURM takes no dask worker: {refused[0]}: see ingest.dask (`cluster: local` needs no"
            " SLURM)"
        )
    log.info("%d dask workers are SLURM jobs %s", number - len(refused), jobs)
    if refused:
        log.warning("%d more were refused: %s", len(refused), refused[0])
    while True:
        try:
            client.wait_for_workers(1, timeout=patience)
            return
        except TimeoutError:
            states = slurm("squeue", "--noheader", "--states=all", f"--jobs={jobs}", "--format=%T")
        if not ALIVE & set(states.split()):
            raise BoostflowError(f"no dask worker has come: {LOGS} has the logs of jobs {jobs}")
        log.info("waiting for a worker: %s", " ".join(states.split()))

"""What HTCondor is asked and told of the jobs that snakemake has submitted, by its own commands."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from boostflow.errors import BoostflowError

HERE = frozenset({2, 6, 7})
"""Numbers of the states in which a job runs: running, its output on its way, suspended."""
ENDED = frozenset({3, 4})
"""Of those that have ended: removed, completed."""


@dataclass(frozen=True)
class Job:
    """A job in HTCondor's queue."""

    number: str
    state: str
    """RUNNING or PENDING; one that is held waits."""


def ask(*command: str) -> str:
    """What a command of HTCondor prints.

    Raises:
        BoostflowError: it fails; with what it says.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise BoostflowError(f"{command[0]}: {said}")
    return done.stdout


def queued(folder: str) -> list[Job]:
    """The jobs that snakemake has submitted from a folder and that have not ended.

    Raises:
        BoostflowError: the schedd does not answer.
    """
    wanted = f"Iwd == {json.dumps(folder)} && Cmd == {json.dumps(sys.executable)}"
    told = ask(
        *("condor_q", "-json", "-constraint", wanted),
        *("-attributes", "ClusterId,JobStatus"),
    )
    jobs = json.loads(told) if told.strip() else []
    return [
        Job(str(job["ClusterId"]), "RUNNING" if job["JobStatus"] in HERE else "PENDING")
        for job in jobs
        if job["JobStatus"] not in ENDED
    ]

"""What SLURM is asked and told, in words of its own commands."""

from __future__ import annotations

import os
import subprocess

from boostflow.errors import BoostflowError

ENDED = frozenset(
    {
        *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL"),
        *("OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT"),
    }
)
"""States of SLURM jobs that have come to their end."""


def outside() -> dict[str, str]:
    """The environment without what the SLURM job around us, if any, has put there."""
    return {k: v for k, v in os.environ.items() if not k.startswith("SLURM_") or k == "SLURM_CONF"}


def ask(*command: str) -> str:
    """What a command of SLURM prints.

    Raises:
        BoostflowError: there is no such command, or it fails; with what it says.
    """
    # The user's own filters, such as SQUEUE_PARTITION, would hide some.
    plain = {name: text for name, text in outside().items() if not name.startswith("SQUEUE_")}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=plain,
            stdin=subprocess.DEVNULL,
        )
    except OSError:
        raise BoostflowError(
            f"there is no {command[0]} here: `make submit` and a head's state need SLURM's commands"
        ) from None
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise BoostflowError(f"{command[0]}: {said}")
    return done.stdout.strip()


def states(*jobs: str) -> dict[str, tuple[str, str]]:
    """State and node (or reason) of those of some SLURM jobs that have not ended.

    Raises:
        BoostflowError: SLURM does not answer.
    """
    # One by one: an unknown number, which means the same as an ended job, is an error.
    found = {}
    for job in filter(None, jobs):
        try:
            said = ask("squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T|%R")
        except BoostflowError as error:
            if "Invalid job id" in str(error):
                continue
            raise
        for line in said.splitlines()[:1]:
            state, _, where = line.partition("|")
            if state not in ENDED:
                found[job] = (state, where)
    return found


def ended(job: str) -> bool:
    """Whether a SLURM job has come to its end, as far as SLURM says so."""
    try:
        return not states(job)
    except BoostflowError:
        return False

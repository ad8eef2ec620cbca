"""Taking over from a snakemake that was killed, so that the same command is all that is needed.

Each run keeps a note in `.snakemake/runs` while it lives. A run that finds the note of a dead one

* cancels its waiting SLURM jobs, and lets those that run come to their end: none is started twice,
* ends the processes it left on this machine,
* removes the lock by which Snakemake would refuse to start,
* sees to results that its jobs finished without it: Snakemake has no record of what made them, so
  a change of the configuration would never make them again. They are recorded if the configuration
  is still the same, and made again otherwise.

Nothing is touched while another run in this folder lives, or may live on another machine or in
another container.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boostflow import condor
from boostflow.errors import BoostflowError
from boostflow.slurm import ended

if TYPE_CHECKING:
    import psutil

NOTES = Path(".snakemake/runs")
LOCKS = Path(".snakemake/locks")
RUN = "BOOSTFLOW_RUN"
"""Environment variable by which a process knows its run."""
HEAD = "BOOSTFLOW_HEAD"
"""Environment variable of a snakemake that is a SLURM job itself: the number of that job."""
PATIENCE = 30
"""Seconds that a process may take to end."""
EVERY = 5
"""Seconds between looks at the jobs."""
FULL = 10_000_000
"""Bytes free on a disk that counts as full."""
SAME_TIME = 1e-3
"""Seconds by which the age of a result and that in its record may differ."""
STARTS_NOTHING = {
    *("--unlock", "--report", "--lint", "--list-rules", "--list-target-rules", "--list", "-l"),
    *("--dag", "--rulegraph", "--filegraph", "--d3dag", "--summary", "-S", "--detailed-summary"),
    *("-D", "--list-changes", "--cleanup-metadata", "--print-compilation", "--archive"),
    *("--delete-all-output", "--delete-temp-output", "--touch", "-t"),
}
"""Options of snakemake with which no job is started."""


@dataclass(frozen=True)
class Run:
    """One snakemake: the process, and what it was told to do."""

    host: str
    pid: int
    started: float
    """Seconds since the machine was booted, which no setting of the clock changes; a process id
    alone is used again."""
    digest: str
    """Digest of the configuration."""
    output: str
    """Output folder of the configuration."""
    submits: bool = False
    """Whether it has sent jobs to SLURM."""
    job: str = ""
    """Number of the SLURM job that it runs in, if `boostflow.head` has started it."""
    given_up: bool = False
    """The user has said `--unlock`: it is dead, wherever it was."""
    boot: str = field(default_factory=lambda: _boot())
    namespace: str = field(default_factory=lambda: _namespace())
    """Namespace of process ids: a container may have its own."""

    @property
    def name(self) -> str:
        """Name of the run, unique among all: host, process and start."""
        return f"{self.host}-{self.pid}-{self.started:.0f}"

    @property
    def note(self) -> Path:
        """Path of the note that the run leaves while it lives."""
        return NOTES / f"{self.name}.json"

    def write(self) -> None:
        """Leave or renew the note."""
        from boostflow.io import write_json

        write_json(self.note, asdict(self))

    def elsewhere(self) -> bool:
        """Whether it was started where nobody can look from here: a machine, a container."""
        contained = self.boot == _boot() and self.namespace != _namespace()
        return self.host != socket.gethostname() or contained

    def remote(self) -> bool:
        """Whether it may live elsewhere. Of a head SLURM knows, wherever that is."""
        if self.given_up or not self.elsewhere():
            return False
        return not (self.job and ended(self.job))

    def alive(self) -> bool:
        """Whether it runs on this machine."""
        import psutil

        if self.given_up or self.elsewhere() or self.boot != _boot():
            return False
        try:
            process = psutil.Process(self.pid)
            return (
                abs(started(process) - self.started) < 1
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False


def started(process: psutil.Process) -> float:
    """When a process was started, in seconds since the machine was booted."""
    import psutil

    return process.create_time() - psutil.boot_time()


def _boot() -> str:
    """What no other boot of a machine has."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()


def _namespace() -> str:
    return str(Path("/proc/self/ns/pid").readlink())


@dataclass
class Session:
    """State of this run, and of the dead ones whose results are yet to be recorded."""

    run: Run
    dead: list[Run] = field(default_factory=list)

    def start(self, workflow: Any) -> None:
        """Begin the run when the jobs are known and none has been started (`onstart`).

        Records what the jobs of dead runs have finished, as if they had lived.
        """
        if not workflow.local_exec:
            replace(self.run, submits=True).write()
        if not self.dead:
            return
        adopted = [
            job
            for job in workflow.dag.jobs
            if job.output
            and not workflow.dag.needrun(job)
            and not workflow.persistence.has_metadata(job)
        ]
        for job in adopted:
            workflow.async_run(_record(workflow.persistence, job))
        if adopted:
            _say(f"results of {len(adopted)} jobs that ended after it was killed are kept")
        for run in self.dead:
            run.note.unlink(missing_ok=True)


async def _record(persistence: Any, job: Any) -> None:
    if all(await asyncio.gather(*(output.exists() for output in job.output))):
        await persistence.finished(job)


def session(workflow: Any, digest: str, output: str) -> Session | None:
    """What `begin` says, if this is a snakemake that will start jobs.

    Args:
        workflow: Snakemake's.
        digest: of the configuration.
        output: output folder of the configuration.

    Raises:
        BoostflowError: the note cannot be written, or `--unlock` is given while a run lives.
    """
    if not workflow.is_main_process or workflow.output_settings.dryrun:
        return None
    if {*sys.argv, *(argument.partition("=")[0] for argument in sys.argv)} & STARTS_NOTHING:
        if "--unlock" in sys.argv:
            give_up()
        return None
    try:
        return begin(digest, workflow.workdir_init, output)
    except OSError as error:
        raise BoostflowError(f"{error.filename or NOTES}: {error.strerror}") from None


def begin(digest: str, folder: str, output: str) -> Session:
    """Leave a note of this run, and take over from dead ones.

    Args:
        digest: of the configuration.
        folder: where jobs are submitted from.
        output: output folder of the configuration.
    """
    import psutil

    job = os.getenv(HEAD, "")
    begun = started(psutil.Process())
    run = Run(socket.gethostname(), os.getpid(), begun, digest, output, job=job)
    run.write()  # before it looks: of two that start at once none takes over
    others = [other for other in notes() if other.name != run.name]
    # Snakemake leaves the folder of --directory before.
    atexit.register(run.note.absolute().unlink, missing_ok=True)
    os.environ[RUN] = run.name
    for other in others:
        if other.remote():
            where = "in another container on" if other.host == run.host else "on"
            if other.job:
                _say(f"a head works in this folder (SLURM job {other.job}): see `make status`")
                continue
            _say(
                f"a run that was started {where} {other.host} (process {other.pid}) may still work"
                " in this folder. If it does not: `snakemake --unlock`, then the same command again"
            )
    living = [other for other in others if other.alive()]
    if living and len(living) < len(others):
        _say(f"{_processes(living)} still works here: what was killed is taken over after its end")
    if living or any(other.remote() for other in others):
        return Session(run)
    for jobs in NOTES.glob("*.jobs"):  # of the `squeue` in boostflow/shims/submit
        jobs.unlink(missing_ok=True)
    if not others:
        return Session(run)
    _say(f"taking over from a run that was killed ({', '.join(o.name for o in others)})")
    end_processes([other.name for other in others])
    submitting = [other for other in others if other.submits]
    same = all(other.digest == digest for other in submitting)
    if submitting:
        settle_jobs(folder, keep=same)
        for written in sorted({output, *(other.output for other in submitting)}):
            unrecorded(written, discard=not same)
    shutil.rmtree(LOCKS, ignore_errors=True)
    if same:
        return Session(run, others)
    for other in others:
        other.note.unlink(missing_ok=True)
    return Session(run)


def give_up() -> None:
    """The user says that no run lives in this folder: the next one takes over from all.

    Raises:
        BoostflowError: one does, on this machine.
    """
    runs = notes()
    if living := [run for run in runs if run.alive()]:
        raise BoostflowError(
            f"--unlock: {_processes(living)} still works in this folder: let it end, or end it"
        )
    for run in runs:
        replace(run, given_up=True).write()


def _processes(runs: Sequence[Run]) -> str:
    return f"snakemake (process {', '.join(str(run.pid) for run in runs)})"


def notes(folder: Path = Path()) -> list[Run]:
    """The runs that have left a note in the folder that they work in, dead or alive."""
    runs = []
    for path in sorted((folder / NOTES).glob("*.json")):
        try:
            runs.append(Run(**json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError):
            continue  # just removed by its run, or cut short by a full disk
    return runs


def end_processes(names: Sequence[str]) -> None:
    """End what dead runs left on this machine, outside of SLURM jobs."""
    import psutil

    mine = os.environ.get("SLURM_JOB_ID")
    left = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        if environment.get(RUN) in names and environment.get("SLURM_JOB_ID") == mine:
            left.append(process)
    for process in left:
        _signal(process.terminate)
        _signal(process.resume)  # one that is halted
    _, stubborn = psutil.wait_procs(left, timeout=PATIENCE)
    for process in stubborn:
        _signal(process.kill)
    psutil.wait_procs(stubborn, timeout=PATIENCE)
    if left:
        _say(f"ended {len(left)} processes that it had left")


def _signal(send: Any) -> None:
    import psutil

    try:
        send()
    except psutil.NoSuchProcess:
        return


@dataclass(frozen=True)
class Job:
    """A job in SLURM's queue."""

    number: str
    state: str
    name: str
    folder: str
    comment: str


def queued(folder: str) -> list[Job]:
    """The jobs that snakemake has submitted from a folder and that have not ended.

    Waits while SLURM does not answer.
    """
    command = ["squeue", "--noheader", f"--user={os.getuid()}", "--format=%i|%T|%j|%Z|%k"]
    # The user's own filters, such as SQUEUE_PARTITION, would hide some.
    plain = {name: text for name, text in os.environ.items() if not name.startswith("SQUEUE_")}
    silent = False
    while True:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=plain)
        if done.returncode == 0:
            break
        if not silent:
            _say(f"waiting for SLURM, which says: {done.stderr.strip()}")
        silent = True
        time.sleep(EVERY)
    jobs = [Job(*line.split("|", 4)) for line in done.stdout.splitlines() if line.count("|") > 3]
    # The plugin names jobs by a UUID, and their rule or group in the comment.
    return [
        job
        for job in jobs
        if job.folder == folder
        and re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", job.name)
        and re.match("(rule|group)_", job.comment)
    ]


def settle_jobs(folder: str, keep: bool) -> None:
    """Wait until the jobs of dead runs have ended: those that wait, or all, are cancelled.

    They are SLURM's, or HTCondor's where that is all there is.
    """
    said: list[str] = []
    cancelled: set[str] = set()
    pool = bool(shutil.which("condor_q")) and not shutil.which("squeue")
    system, cancel = ("HTCondor", "condor_rm") if pool else ("SLURM", "scancel")
    while jobs := condor.queued(folder) if pool else queued(folder):
        unwanted = [
            job.number
            for job in jobs
            if (job.state == "PENDING" or not keep) and job.number not in cancelled
        ]
        if unwanted:
            _say(f"cancelling {len(unwanted)} of its {system} jobs: {' '.join(unwanted)}")
            subprocess.run([cancel, *unwanted], check=False)
            cancelled.update(unwanted)
        numbers = [job.number for job in jobs if job.number not in cancelled]
        if numbers and numbers != said:
            _say(
                f"waiting for {len(numbers)} of its {system} jobs, which still run:"
                f" {' '.join(numbers)} (`{cancel}` starts one anew)"
            )
            said = numbers
        time.sleep(EVERY if numbers else 1)


def unrecorded(output: str, discard: bool) -> None:
    """Forget what snakemake knows of results that were written after it noted them.

    Args:
        output: output folder.
        discard: mark all results without a record as incomplete: they are made again.
    """
    from snakemake.persistence.file import FilePersistence

    persistence = FilePersistence(path=LOCKS.parent.resolve())
    for path in Path(output).rglob("*"):
        # Snakemake knows a file by its name in the rule, which is not always normal.
        key = f"{output}/{path.relative_to(output)}"
        record = persistence._read_record(key)
        dated = path / ".snakemake_timestamp" if path.is_dir() else path
        if record and dated.exists() and abs(dated.stat().st_mtime - record.endtime) > SAME_TIME:
            persistence._delete_record(key)
            record = None
        if discard and record is None:
            persistence._mark_incomplete(key, None)


def warn_if_full(output: str) -> None:
    """Say so if there is hardly any space left for results."""
    folder = Path(output)
    if folder.is_dir() and (free := shutil.disk_usage(folder).free) < FULL:
        _say(
            f"no space left for {output} ({free / 1e6:.1f} MB): free some, then the same command"
            " again goes on"
        )


def _say(text: str) -> None:
    print(f"boostflow: {text}", file=sys.stderr, flush=True)

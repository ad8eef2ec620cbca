"""The head of an analysis, the snakemake that submits its jobs, as a small SLURM job of its own.

Each head submits its successor as soon as it starts, to begin when it has ended: by its time
limit, `scancel`, the loss of its node or of its memory. The successor takes over as any snakemake
does from one that was killed (`boostflow.takeover`). A head whose snakemake comes to its own end,
well or not, cancels its successor: the analysis is done, or somebody has to look.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from boostflow.errors import BoostflowError
from boostflow.slurm import ask, ended, outside, states
from boostflow.takeover import HEAD, notes, queued

FOLDER = Path(".snakemake/head")
STATE = FOLDER / "head.json"
LONGEST = 24 * 60
"""Minutes that a head asks for, unless its partition allows less."""
SHORT = 300
"""Seconds: a head that lived no longer has done nothing."""
MOST_SHORT = 5
"""Short lives in a row after which there is no further head."""


@dataclass(frozen=True)
class Head:
    """What is known of the heads of a folder; `head.json`."""

    chain: str
    """Told to each head: one that was submitted before another `submit` does nothing."""
    profile: str
    configfiles: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    """Further ones of snakemake."""
    options: tuple[str, ...] = ()
    """Of `sbatch`."""
    job: str = ""
    """Number of the SLURM job that is the head."""
    successor: str = ""
    """Number of the one that begins when it has ended."""
    number: int = 0
    """How many heads have begun."""
    short: int = 0
    """How many of the last ones lived less than five minutes."""
    began: float = 0.0
    """When the head began (s since 1970)."""
    end: str = ""
    """How the last one came to its own end: `done`, or what was wrong."""

    @property
    def log(self) -> Path:
        """What the head prints."""
        return FOLDER / f"{self.job}.log"

    def write(self) -> None:
        """Write it down."""
        from boostflow.io import write_json

        write_json(STATE, asdict(self))


def read() -> Head | None:
    """What is known of the heads of this folder; None where there never was one.

    Raises:
        BoostflowError: the note cannot be read.
    """
    from boostflow.io import read_json

    if not STATE.exists():
        return None
    known: dict[str, Any] = read_json(STATE)
    try:
        return Head(**{k: tuple(v) if isinstance(v, list) else v for k, v in known.items()})
    except (TypeError, AttributeError):
        raise BoostflowError(f"{STATE}: is no note of a head: remove it") from None


@contextmanager
def alone() -> Iterator[None]:
    """One at a time looks, submits and writes it down."""
    from boostflow.io import exclusive

    FOLDER.mkdir(parents=True, exist_ok=True)
    with exclusive(FOLDER / "lock", wait=True):
        yield


def submit(
    profile: str, configfiles: Sequence[Path], arguments: Sequence[str], options: Sequence[str]
) -> Head:
    """Submit a head that works in this folder until the analysis is done.

    Args:
        profile: folder of the profile that its snakemake uses.
        configfiles: as for `snakemake --configfile`.
        arguments: further ones of snakemake.
        options: of `sbatch`, in place of those that are said here.

    Raises:
        BoostflowError: another head or another snakemake works here, or SLURM refuses.
    """
    defaults = _defaults(Path(profile))
    with alone():
        old = read()
        if old and (living := states(old.job, old.successor)):
            told = ", ".join(f"{job} ({state})" for job, (state, _) in living.items())
            raise BoostflowError(
                f"a head works in this folder already, SLURM job {told}: `make status` says how far"
                " it is, `make stop` ends it"
            )
        if working := [run for run in notes() if run.alive() or run.remote()]:
            run = working[0]
            raise BoostflowError(
                f"snakemake works in this folder already (process {run.pid} on {run.host}): let it"
                " end, or end it; if it is dead, `snakemake --unlock`"
            )
        head = Head(
            uuid.uuid4().hex[:8],
            profile,
            tuple(str(path.resolve()) for path in configfiles),
            tuple(arguments),
            (*defaults, *options),
        )
        head = replace(head, job=_sbatch(head))
        head.write()
    return head


def _defaults(profile: Path) -> list[str]:
    """Options of `sbatch` that a profile and its partition say.

    Raises:
        BoostflowError: there is no such profile.
    """
    import yaml

    path = profile / "config.yaml"
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BoostflowError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    if said.get("executor") != "slurm":
        raise BoostflowError(f"{path}: `executor` is not slurm: only a SLURM job can be the head")
    wanted = said.get("default-resources") or {}
    options = []
    for name, option in (("slurm_partition", "partition"), ("slurm_account", "account")):
        if isinstance(wanted, Mapping) and (text := str(wanted.get(name) or "").strip("'\"")):
            options.append(f"--{option}={text}")
    partition = next((o for o in options if o.startswith("--partition=")), "")
    limits = ask("sinfo", "--noheader", "--format=%l", *([partition] if partition else []))
    return [*options, f"--time={min([LONGEST, *map(minutes, limits.split())])}"]


def minutes(limit: str) -> int:
    """A time limit of SLURM (`[days-]hours:minutes:seconds`) in minutes; a day if there is none."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)
    if not found:
        return LONGEST
    days, hours, rest, _ = (int(number or 0) for number in found.groups())
    return max(1, (days * 24 + hours) * 60 + rest)


def _sbatch(head: Head, after: str = "") -> str:
    """Submit a head; the number of its job.

    Args:
        head: what it is to do.
        after: number of the job whose end it waits for.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "boostflow.cli", "head", head.chain]
    # --no-requeue: after the loss of a node the successor goes on, as after any other end.
    return ask(
        *("sbatch", "--parsable", "--job-name=boostflow-head", "--comment=boostflow head"),
        *("--ntasks=1", "--cpus-per-task=1", "--mem=4000", "--no-requeue"),
        f"--chdir={Path.cwd()}",
        f"--output={FOLDER}/%j.log",
        *([f"--dependency=afterany:{after}"] if after else []),
        *head.options,
        *("--wrap", f"exec {shlex.join(command)}"),
    ).partition(";")[0]


def stop() -> list[str]:
    """End the head of this folder and its jobs in the queue; the numbers of what is cancelled.

    Raises:
        BoostflowError: there is no head, or SLURM does not answer.
    """
    with alone():
        head = read()
        living = states(head.job, head.successor) if head else {}
        if head is None or not living:
            raise BoostflowError("no head works in this folder")
        # The successor first: it would begin.
        heads = [job for job in (head.successor, head.job) if job in living]
        replace(head, chain="", end="stopped by `make stop`").write()
        ask("scancel", *heads)
    until = time.monotonic() + 60
    while states(*heads) and time.monotonic() < until:
        time.sleep(1)
    jobs = [job.number for job in queued(str(Path.cwd()))]
    if jobs:
        ask("scancel", *jobs)
    return heads + jobs


def run(chain: str) -> int:
    """Be the head: start snakemake, and see to what comes after. The exit code of this job.

    Args:
        chain: what `submit` has told the heads that belong together.

    Raises:
        BoostflowError: this is no job of SLURM, or not the one that is wanted here.
    """
    me = os.environ.get("SLURM_JOB_ID", "")
    if not me:
        raise BoostflowError("`boostflow head` is what a job of `make submit` runs")
    over: list[int] = []
    children: list[subprocess.Popen[bytes]] = []

    def leave(number: int, frame: object) -> None:
        """The job is to end: snakemake at once, so that its own jobs go on."""
        over.append(number)
        for child in children:
            child.kill()

    with alone():
        head = read()
        if head is None or head.chain != chain:
            raise BoostflowError("another `make submit` or `make stop` has taken this head's place")
        lived = time.time() - head.began if head.began else SHORT + 1
        short = head.short + 1 if lived < SHORT else 0
        head = replace(head, job=me, successor="", number=head.number + 1, short=short)
        head = replace(head, began=time.time(), end="")
        if short >= MOST_SHORT:
            replace(head, end=f"{short} heads in a row lived less than five minutes").write()
            return 1
        signal.signal(signal.SIGTERM, leave)
        try:
            head = replace(head, successor=_sbatch(head, after=me))
        except BoostflowError as error:
            print(f"boostflow: no head comes after this one: {error}", file=sys.stderr, flush=True)
        head.write()
    print(f"boostflow: head {head.number}, SLURM job {me}", file=sys.stderr, flush=True)
    children.append(subprocess.Popen(_command(head), env=_environment(me)))
    if over:
        children[0].kill()
    code = children[0].wait()
    if over or code < 0:  # ended from outside: the successor goes on
        return 128 + signal.SIGTERM
    if code == 0:
        code = _report(head)
    with alone():
        now = read()
        if now and now.job == me and now.chain == chain:
            replace(now, successor="", end="done" if code == 0 else f"exit code {code}").write()
            if head.successor and not ended(head.successor):
                ask("scancel", head.successor)
    return code


def _environment(me: str) -> dict[str, str]:
    """What snakemake finds: nothing of the job around it, of which its own jobs know nothing."""
    return outside() | {HEAD: me}


def _command(head: Head) -> list[str]:
    """The snakemake of a head."""
    command = [sys.executable, "-m", "snakemake", "--profile", head.profile]
    command += ["--snakefile", str(Path(__file__).parents[1] / "Snakefile")]
    # Snakemake would take a file that follows for one more of the configuration.
    command += head.arguments
    return command + (["--configfile", *head.configfiles] if head.configfiles else [])


def _report(head: Head) -> int:
    """Write the report, as `make run` does; of a part of the analysis there is none."""
    makefile = Path(__file__).parents[2] / "Makefile"
    if head.arguments or not makefile.is_file() or makefile.parent != Path.cwd():
        return 0
    config = [f"CONFIG={head.configfiles[0]}"] if len(head.configfiles) == 1 else []
    make = ["make", "--no-print-directory", "report", *config]
    return subprocess.run(make, env=_environment(head.job), check=False).returncode

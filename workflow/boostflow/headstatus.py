"""What an analysis on a cluster is doing: its head, its jobs, what is done, what failed."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from boostflow import head
from boostflow.display import LAST_LINES, MOST_FAILED, last_lines
from boostflow.slurm import states as slurm_states
from boostflow.takeover import notes, queued

MESSAGES = Path(".snakemake/log")
"""Snakemake's own log files."""
CHECK = r" \(check log file\(s\) for error details\)$"
FAILED = re.compile(
    r"^Error in rule (\w+):\n(?:    (?!output|log).*\n)*"
    rf"    output: (.*)\n(?:    log: (.*){CHECK})?",
    re.MULTILINE,
)
"""Snakemake's message about a job: rule, files, log."""
GROUP = re.compile(rf"^    log: (.*){CHECK}\n    jobs:\n((?:        .*\n)+)", re.MULTILINE)
"""Its message about a group: the logs of the cluster job, and all jobs in it."""
MEMBER = re.compile(
    rf"^ +rule (\w+):\n +jobid: .*\n +output: (.*)\n(?: +log: (.*){CHECK})?", re.MULTILINE
)


@dataclass(frozen=True)
class Failure:
    """A job that failed and whose files are not there yet."""

    rule: str
    output: str
    log: str


def status(snakefile: Path, configfiles: Sequence[Path]) -> str:
    """The state of the analysis in this folder, in lines for a terminal.

    Args:
        snakefile: of boostflow.
        configfiles: as for `snakemake --configfile`; of none those of the head, if there was one.

    Raises:
        BoostflowError: SLURM does not answer, or the configuration is wrong.
    """
    from boostflow.states import states

    known = head.read()
    if known and not configfiles:
        configfiles = [Path(path) for path in known.configfiles]
    lines = [about_head(known)]
    if known and not known.end:
        lines += about_jobs()
    found = states(snakefile, configfiles)
    jobs, left = sum(row.jobs for row in found), sum(row.missing + row.outdated for row in found)
    lines.append(f"done: {jobs - left} of {jobs} jobs")
    failures = failed()
    if failures:
        lines.append(f"failed: {len(failures)}, in the last run")
    for number, failure in enumerate(failures):
        lines.append(f"  {failure.rule}: {failure.log or failure.output}")
        if number < MOST_FAILED and failure.log:
            lines += [f"    {line}" for line in last_lines(failure.log, LAST_LINES)]
    return "\n".join(lines)


def about_head(known: head.Head | None) -> str:
    """What the head does, or how it ended; of a run without one, whether it works."""
    if known is None:
        working = [run for run in notes() if run.alive() or run.remote()]
        told = [f"snakemake, process {run.pid} on {run.host}" for run in working]
        return f"head: {', '.join(told) or 'none works here'}"
    living = {} if known.end else slurm_states(known.job, known.successor)
    if known.job in living:
        state, where = living[known.job]
        text = (
            f"SLURM job {known.job}, {state.lower()} {'on ' if state == 'RUNNING' else ''}{where}"
        )
        if known.began:
            text += f", number {known.number}, since {_clock(known.began)}"
    elif known.successor in living:
        state, where = living[known.successor]
        text = (
            f"SLURM job {known.job} was ended; {known.successor} goes on ({state.lower()} {where})"
        )
    elif known.end:
        text = f"has ended: {known.end}"
    else:
        text = f"SLURM job {known.job} was ended, and none comes after it: `make submit` goes on"
    return f"head: {text} ({known.log})"


def _clock(when: float) -> str:
    return time.strftime("%d %b %H:%M", time.localtime(when))


def about_jobs() -> list[str]:
    """How many jobs of this folder SLURM has, by state and by rule or group."""
    counts: dict[str, Counter[str]] = {}
    for job in queued(str(Path.cwd())):
        _, _, name = job.comment.partition("_")
        counts.setdefault(job.state.lower(), Counter())[re.sub("_wildcards.*", "", name)] += 1
    return [
        f"{state}: {sum(names.values())} ({', '.join(f'{n} {name}' for name, n in names.items())})"
        for state, names in sorted(counts.items(), reverse=True)
    ] or ["no jobs in SLURM"]


def failed() -> list[Failure]:
    """The jobs that failed in the last run, but for those whose files are there by now.

    Of a group Snakemake names all jobs: those that the cluster job's log blames, else the first.
    """
    logs = sorted(MESSAGES.glob("*.snakemake.log"))
    text = logs[-1].read_text(encoding="utf-8", errors="replace") if logs else ""
    jobs = FAILED.findall(text)
    for outer, members in GROUP.findall(text):
        told = "\n".join(line for log in outer.split(", ") for line in last_lines(log, 10_000))
        group = MEMBER.findall(members)
        jobs += [job for job in group if job[2] and f" log: {job[2]} " in told] or group[:1]
    found = {
        output: Failure(rule, output.split(", ")[0], log.split(", ")[0])
        for rule, output, log in jobs
        if not all(Path(path).exists() for path in output.split(", "))
    }
    return list(found.values())

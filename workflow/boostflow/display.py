"""What a run shows on the terminal: a line a finished job, how far it is, and what failed.

Snakemake's own messages, which tell why each job runs with all its files, stay in its log file.
`VERBOSE=1` brings them back to the terminal, and so do Snakemake's options for its messages.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from snakemake_interface_logger_plugins.common import LogEvent

if TYPE_CHECKING:
    from rich.progress import Progress

VERBOSE = "VERBOSE"
"""Variable of the environment: with any value but 0 Snakemake shows its own messages."""
CLEAR = "BOOSTFLOW_CLEAR"
"""Variable that jobs find while there is a bar: what clears its line, for a line of their own."""
LAST_LINES = 20
"""Lines of a failed job's log that are shown."""
MOST_FAILED = 5
"""Failed jobs whose logs are shown; of the others only the paths."""
HIDDEN = re.compile(
    "Assuming unrestricted shared|Building DAG of jobs|Workflow has started|Using shell: "
    "|Provided |Rules claiming more threads|Group jobs: inactive|(Conda|Singularity) .*: ignored"
    r"|Select jobs to execute|Execute \d+ jobs|Job rate limit reached|Removing output files of"
    "|Removing temporary output|Would remove temporary|Touching output file|Shutting down, this"
    "|Exiting because a job execution failed|Complete log|Elapsed time|This was a dry-run"
    r"|Some jobs were triggered by prov|Job \d+ has been submitted with SLURM|SLURM run ID"
    "|Cleaning up SLURM log|(WorkflowError:\n)?At least one job did not complete"
)
"""Messages that say nothing to somebody who waits for results."""
COMMAND_FAILED = re.compile(r"returned non-zero exit status|Command .* died with")
"""How Snakemake says that the command of a job failed, beside the error of the job itself."""
AGAIN = re.compile(r"Trying to restart job (\S+)\.$")
"""Before another attempt: the number of a job, or some letters for a group."""
FURTHER = re.compile(r"[.\s]*For further error details.*", re.S)
"""What Snakemake adds to a scheduler's reason."""
ABOVE = "\n    (check individual jobs above for details)"
"""What Snakemake says of jobs that are not shown here."""


def wanted(settings: Any, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal is ours, and nobody has asked for Snakemake's messages.

    Args:
        settings: `output_settings` of Snakemake's workflow.
        environment: variables, among them `VERBOSE`.
    """
    asked = (
        environment.get(VERBOSE, "0") not in ("", "0")
        or settings.verbose
        or settings.debug_dag
        or settings.printshellcmds
        or settings.quiet
        or settings.log_handler_settings
    )
    return not asked


def install(workflow: Any) -> Display | None:
    """Put a display in the place of Snakemake's messages on the terminal.

    Args:
        workflow: Snakemake's; a job of a cluster, whose output is a log, is left as it is.

    Returns:
        The display, or nothing where the messages stay Snakemake's.
    """
    settings = workflow.output_settings
    if not workflow.is_main_process or not wanted(settings):
        return None
    logger = workflow.logger_manager.logger
    display = Display(
        sys.stdout if settings.stdout else sys.stderr,
        dry=settings.dryrun,
        # On a cluster the time since a job was submitted is no property of the job.
        timed=workflow.nodes is None,
        colour=not settings.nocolor,
    )
    for handler in list(logger.handlers):
        if handler.name == "DefaultStreamHandler":
            logger.removeHandler(handler)
            logger.addHandler(display)
            return display
    return None


def lasted(seconds: float) -> str:
    """A time as it is read: 3.2 s, 4:05 min, 1:02:03 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def last_lines(path: str, number: int = LAST_LINES) -> list[str]:
    """The last lines of a log that hold something, or what is wrong with it."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return [f"({error.strerror or error})"]
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return lines[-number:] or ["(empty: the job was killed, or could not start)"]


@dataclass
class Job:
    """What is known of a job that was started."""

    text: str
    """What it does, in words."""
    logs: Sequence[str] = ()
    makes: bool = True
    """Whether it has an output; one that has none only gathers others."""
    grouped: bool = False
    begun: float = field(default_factory=time.monotonic)
    outer: Sequence[str] = ()
    """Logs of the cluster job around it, once it has failed."""


class Display(logging.Handler):
    """Shows the records of Snakemake's logger: as lines, and below them a bar on a terminal.

    Args:
        stream: where to.
        dry: whether this is a dry run, which shows its jobs by rule.
        timed: whether lines say how long a job took.
        colour: whether there may be colours on a terminal.
    """

    def __init__(
        self, stream: TextIO, dry: bool = False, timed: bool = True, colour: bool = True
    ) -> None:
        from rich.console import Console

        super().__init__()
        self.dry, self.timed = dry, timed
        # None: as NO_COLOR says.
        no_color = None if colour else True
        self.console = Console(file=stream, markup=False, emoji=False, no_color=no_color)
        # FORCE_COLOR makes a log coloured, but no terminal.
        self.live = stream.isatty() and not self.console.is_dumb_terminal
        self.jobs: dict[int, Job] = {}
        self.running: set[int] = set()
        self.failed: dict[int, Job] = {}
        self.done = self.total = 0
        self.shown = self.ended = False
        self.begun = time.monotonic()
        self.bar: Progress | None = None
        self.receive = {
            LogEvent.RUN_INFO: self.run_info,
            LogEvent.JOB_INFO: self.job_info,
            LogEvent.JOB_FINISHED: self.job_finished,
            LogEvent.JOB_ERROR: self.job_error,
            LogEvent.GROUP_ERROR: self.group_error,
            LogEvent.ERROR: self.message,
            None: self.message,
        }
        """What is done about a record of each event; others are not shown."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, or what of it is for a terminal."""
        try:
            receive = self.receive.get(getattr(record, "event", None))
            if receive and (record.levelno > logging.DEBUG):
                receive(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self.end()
        super().close()

    def line(self, text: str, style: str | None = None) -> None:
        """Write one or more lines above the bar."""
        self.console.print(text, style=style, highlight=False, soft_wrap=True)

    def run_info(self, record: Any) -> None:
        """The jobs by rule, before the first one starts."""
        self.total = record.stats["total"]
        if self.shown:  # a dry run tells it at its end, too
            return
        self.shown = True
        if self.dry:
            self.line(record.getMessage())
            return
        self.line(f"{self.total} jobs")
        if self.live:
            self.start_bar()

    def start_bar(self) -> None:
        """Show how far the run is, once a second and after each job."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.table import Column

        self.bar = Progress(
            BarColumn(bar_width=min(30, self.console.width // 5)),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", table_column=Column(no_wrap=True, ratio=1)),
            console=self.console,
            refresh_per_second=1,
            transient=True,
            redirect_stdout=False,
            expand=True,
        )
        self.task = self.bar.add_task("", total=self.total)
        self.bar.start()
        os.environ[CLEAR] = "\r\x1b[2K"

    def move_bar(self) -> None:
        """Show what is done, and which of the running jobs is the oldest."""
        if self.bar is None:
            return
        oldest = min(self.running, key=lambda i: self.jobs[i].begun, default=None)
        now = ""
        if oldest is not None:
            others = len(self.running) - 1
            now = self.jobs[oldest].text + (f" and {others} more" if others else "")
        self.bar.update(self.task, completed=self.done, description=now, refresh=True)

    def job_info(self, record: Any) -> None:
        """A job is started, or would be."""
        job = Job(
            text=record.rule_msg or record.rule_name,
            logs=record.log,
            makes=bool(record.output),
            grouped=record.indent,
        )
        if not job.makes and record.rule_msg:
            self.line(job.text)
        if not self.dry:
            self.jobs[record.jobid] = job
            if job.makes:
                self.running.add(record.jobid)
            self.move_bar()

    def job_finished(self, record: Any) -> None:
        """A job has ended well."""
        self.done += 1
        self.running.discard(record.job_id)
        self.failed.pop(record.job_id, None)
        job = self.jobs.get(record.job_id)
        if job and job.makes:
            took = ""
            if self.timed and not job.grouped:
                took = f", {lasted(time.monotonic() - job.begun)}"
            width = len(str(self.total))
            self.line(f"[{self.done:{width}}/{self.total}] {job.text}{took}")
        self.move_bar()

    def job_error(self, record: Any) -> None:
        """A job has failed, perhaps to be tried again; of a group its `group_error` has told."""
        if not record.indent:
            self.fail(record.jobid, record.log, reason=FURTHER.sub("", record.rule_msg or ""))

    def group_error(self, record: Any) -> None:
        """A cluster job has failed: its log says which of its jobs did."""
        outer = list(record.aux_logs)
        told = "\n".join(line for log in outer for line in last_lines(log, 10_000))
        infos = record.job_error_info
        guilty = [info for info in infos if any(f" log: {log} " in told for log in info["log"])]
        for info in infos:
            self.running.discard(info["jobid"])
        for info in guilty or infos[:1]:
            self.fail(info["jobid"], info["log"] if guilty else (), outer)

    def fail(
        self, jobid: int, logs: Sequence[str], outer: Sequence[str] = (), reason: str = ""
    ) -> None:
        """Tell that a job has failed, for a cluster's reason, and keep it for the end."""
        self.running.discard(jobid)
        job = self.jobs.setdefault(jobid, Job(f"job {jobid}"))
        job.logs, job.outer = logs, outer
        self.failed[jobid] = job
        self.line(f"failed: {job.text}" + (f" ({reason})" if reason else ""), "red")
        self.move_bar()

    def message(self, record: Any) -> None:
        """Any other message: errors, warnings, and what a user can do something with."""
        text = record.getMessage().rstrip().replace(ABOVE, "")
        if again := AGAIN.match(text):
            job = self.jobs.get(int(again[1])) if again[1].isdigit() else None
            self.line(f"trying again: {job.text if job else 'all jobs of its cluster job'}")
        elif text and text != "None" and not HIDDEN.match(text) and not COMMAND_FAILED.search(text):
            styles = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "red"}
            self.line(text, styles.get(record.levelno))

    def end(self, logfiles: Sequence[str] = ()) -> None:
        """Take the bar away, show what failed, and say what was done, once.

        Args:
            logfiles: where all messages are.
        """
        if self.ended:
            return
        self.ended = True
        if self.bar:
            self.bar.stop()
            self.bar = None
            os.environ.pop(CLEAR, None)
        if not self.shown or self.dry:
            return
        for number, job in enumerate(self.failed.values()):
            self.show_failed(job, number < MOST_FAILED)
        took = lasted(time.monotonic() - self.begun)
        if self.failed:
            self.line(f"{len(self.failed)} failed, {self.done} of {self.total} jobs done, {took}")
        else:
            self.line(f"{self.done} of {self.total} jobs done, {took}")
        for path in logfiles:
            self.line(f"all messages: {os.path.relpath(path)}")

    def show_failed(self, job: Job, whole: bool) -> None:
        """A failed job with the last lines of its logs, or with their paths alone."""
        self.line("")
        self.line(f"failed: {job.text}", "bold red")
        for path in [*job.logs, *job.outer]:
            self.line(f"  {path}:")
            # The cluster job's own log tells what no log of the job does: that it was killed, say.
            if whole and (path in job.logs or not job.logs):
                for text in last_lines(path):
                    self.line(f"    {text}")

"""What the terminal shows of Snakemake's records."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from boostflow.display import Display, last_lines, lasted, wanted

QUIET = {
    **{"verbose": False, "debug_dag": False, "printshellcmds": False},
    **{"quiet": None, "log_handler_settings": {}},
}


def record(event: LogEvent | None, level: int = logging.INFO, **extra: Any) -> logging.LogRecord:
    """A record as Snakemake makes them."""
    message = extra.pop("msg", None)
    made = logging.LogRecord("snakemake", level, "", 0, message, (), None)
    vars(made).update(event=event, **extra)
    return made


def started(jobid: int, text: str, log: str, **other: Any) -> logging.LogRecord:
    """A job is started."""
    told = {"rule_name": "select", "output": ["x"], "indent": False, **other}
    return record(LogEvent.JOB_INFO, jobid=jobid, rule_msg=text, log=[log], **told)


def failed(jobid: int, log: Path, grouped: bool = False) -> logging.LogRecord:
    """A job has failed."""
    told = {"log": [str(log)], "rule_msg": None, "indent": grouped}
    return record(LogEvent.JOB_ERROR, logging.ERROR, jobid=jobid, **told)


def shown(*records: logging.LogRecord, **options: Any) -> str:
    """What is written without a terminal."""
    stream = io.StringIO()
    display = Display(stream, **options)
    display.emit(record(LogEvent.RUN_INFO, stats={"total": 12}, msg="Job stats:\nselect 12\n"))
    for one in records:
        display.emit(one)
    display.end(["/log"])
    display.close()
    return stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.21, "3.2 s"), (59.94, "59.9 s"), (245, "4:05 min"), (3723.4, "1:02:03 h")],
)
def test_times_as_they_are_read(seconds: float, text: str) -> None:
    assert lasted(seconds) == text


def test_who_asks_for_snakemakes_messages_gets_them() -> None:
    assert wanted(SimpleNamespace(**QUIET), {})
    assert wanted(SimpleNamespace(**QUIET), {"VERBOSE": "0"})
    assert not wanted(SimpleNamespace(**QUIET), {"VERBOSE": "1"})
    for name in QUIET:
        assert not wanted(SimpleNamespace(**{**QUIET, name: {"all": 1}}), {})


def test_the_last_lines_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes("\n".join(f"line {i}\n" for i in range(30)).encode() + b"no text \xff\n\n")
    assert last_lines(str(log), 2) == ["line 29", "no text �"]
    log.write_text("\n")
    assert last_lines(str(log)) == ["(empty: the job was killed, or could not start)"]
    assert last_lines(str(tmp_path / "none")) == ["(No such file or directory)"]


def test_names_are_no_markup_and_lines_are_not_wrapped() -> None:
    text = "Selecting [red]top[/red] :cat: " + 200 * "x"
    lines = shown(
        started(3, text, "a.log"), record(LogEvent.JOB_FINISHED, job_id=3), timed=False
    ).splitlines()
    assert lines[1] == f"[ 1/12] {text}"


def test_what_gathers_others_has_no_line_but_its_message() -> None:
    both = [
        started(0, "a rate has no templates", "", output=[]),
        record(LogEvent.JOB_FINISHED, job_id=0),
    ]
    assert shown(*both).splitlines()[:-2] == ["12 jobs", "a rate has no templates"]
    assert shown(*both, dry=True) == "Job stats:\nselect 12\n\na rate has no templates\n"


def test_noise_is_hidden_and_the_rest_is_shown() -> None:
    messages = [
        ("Select jobs to execute...", logging.INFO, False),
        ("Building DAG of jobs...", logging.INFO, False),
        ("Job 7 has been submitted with SLURM jobid 99 (log: x).", logging.INFO, False),
        ("Nothing to be done (all requested files are present).", logging.INFO, True),
        ("Terminating processes on user request", logging.INFO, True),
        ("Resources before job selection", logging.DEBUG, False),
        ("the disk is slow", logging.WARNING, True),
        ("MissingOutputException: x is not there", logging.ERROR, True),
    ]
    written = shown(*(record(None, level, msg=text) for text, level, _ in messages))
    for text, _, seen in messages:
        assert (text in written) == seen


def test_a_job_that_works_at_the_second_try_has_not_failed(tmp_path: Path) -> None:
    log = str(tmp_path / "a.log")
    late = failed(1, tmp_path / "a.log")
    late.rule_msg = (
        "SLURM status is: 'TIMEOUT'. For further error details see the cluster/cloud log"
    )
    again = record(None, msg="Trying to restart job 1.")
    text = shown(
        started(1, "Fitting", log),
        late,
        again,
        started(1, "Fitting", log),
        record(LogEvent.JOB_FINISHED, job_id=1),
    )
    assert text.splitlines()[1:3] == [
        "failed: Fitting (SLURM status is: 'TIMEOUT')",
        "trying again: Fitting",
    ]
    assert text.splitlines()[-2].startswith("1 of 12 jobs done")


def test_of_a_failed_group_the_job_that_failed(tmp_path: Path) -> None:
    """The log of the cluster job, written by the Snakemake in it, says which it was."""
    logs = [tmp_path / f"{i}.log" for i in range(3)]
    for i, log in enumerate(logs):
        log.write_text(f"what {i} says\n")
    outer = tmp_path / "slurm.log"
    infos = [{"jobid": i, "log": [str(log)]} for i, log in enumerate(logs)]
    group = record(LogEvent.GROUP_ERROR, logging.ERROR, aux_logs=[str(outer)], job_error_info=infos)
    inner = [failed(i, log, grouped=True) for i, log in enumerate(logs)]
    start = [started(i, f"Selecting {i}", str(log), indent=True) for i, log in enumerate(logs)]
    outer.write_text(f"Error in rule select:\n    log: {logs[1]} (check log file(s) for details)\n")
    again = record(None, msg="Trying to restart job 6a3e-12.")
    text = shown(*start, group, *inner, again)
    assert "trying again: all jobs of its cluster job\n" in text
    assert text.count("failed: Selecting 1\n") == 2
    assert f"  {logs[1]}:\n    what 1 says\n  {outer}:\n1 failed, 0 of 12" in text
    assert "Selecting 0" not in text
    # Killed from outside, the cluster job names none: its log is all there is.
    outer.write_text("slurmstepd: error: Detected 1 oom_kill event\n")
    text = shown(*start, group, *inner)
    assert f"  {outer}:\n    slurmstepd: error: Detected 1 oom_kill event\n" in text


def test_of_many_that_failed_the_logs_are_named(tmp_path: Path) -> None:
    logs = [tmp_path / f"{i}.log" for i in range(8)]
    for log in logs:
        log.write_text("wrong\n")
    ends = [failed(i, log) for i, log in enumerate(logs)]
    text = shown(*(started(i, f"Job {i}", str(log)) for i, log in enumerate(logs)), *ends)
    assert text.count("    wrong\n") == 5
    assert all(f"  {log}:\n" in text for log in logs)
    assert text.splitlines()[-2].startswith("8 failed, 0 of 12 jobs done")


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("plain", [False, True])
def test_a_narrow_terminal_says_what_runs_and_no_color_is_obeyed(
    monkeypatch: pytest.MonkeyPatch, plain: bool
) -> None:
    for name, value in (("TERM", "xterm"), ("COLUMNS", "40"), ("LINES", "24")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    if plain:
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    display = Display(stream)
    display.emit(record(LogEvent.RUN_INFO, stats={"total": 99}, msg=""))
    display.emit(started(3, "Ingesting wjet (nominal), part 0", "a.log"))
    display.close()
    written = stream.getvalue()
    assert "Ingesting" in written
    assert ("\x1b[31m" in written or "\x1b[32m" in written) is not plain

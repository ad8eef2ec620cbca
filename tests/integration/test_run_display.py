"""What a run of Snakemake shows: lines and a bar, its own messages where they are asked for."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

SNAKEFILE = """
from boostflow import display

DISPLAY = display.install(workflow)

def end():
    if DISPLAY:
        DISPLAY.end(workflow.logger_manager.get_logfile())

onsuccess:
    end()
    print("the figures")

onerror:
    end()

rule all:
    input: expand("drawn-{i}", i=range(3))

rule fill:
    output: "filled-{i}"
    log: "logs/fill-{i}.log"
    message: "Filling {wildcards.i}"
    shell: "touch {output}"

rule draw:
    input: "filled-{i}"
    output: "drawn-{i}"
    log: "logs/draw-{i}.log"
    message: "Drawing {wildcards.i}"
    shell:
        "(seq 1 40; echo 'no such colour: {wildcards.i}') > {log}"
        " && test {wildcards.i} != \\"$(cat bad)\\""
        " && echo \\"${{BOOSTFLOW_CLEAR-}}epoch of {wildcards.i}\\" >&2 && touch {output}"
"""


def command(folder: Path, bad: str, *more: str) -> list[str]:
    """A run of three times two jobs, of which `bad` fails."""
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "bad").write_text(bad)
    return [sys.executable, "-m", "snakemake", "--cores", "1", *more]


def without_terminal(
    folder: Path, bad: str = "none", *more: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The run with its output in pipes."""
    environment = {k: v for k, v in os.environ.items() if k != "VERBOSE"} | variables
    return subprocess.run(
        command(folder, bad, *more), cwd=folder, env=environment, capture_output=True, text=True
    )


def on_terminal(folder: Path) -> str:
    """What the run writes to a terminal."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "90", "VERBOSE": "0"}
    process = subprocess.Popen(
        command(folder, "none"), cwd=folder, env=environment, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not read:
            break
        written += read
    os.close(ours)
    assert process.wait() == 0
    return written.decode()


def logfile(folder: Path) -> str:
    """Snakemake's own log of the run."""
    (log,) = (folder / ".snakemake/log").glob("*.log")
    return log.read_text()


def test_a_line_for_each_finished_job(tmp_path: Path) -> None:
    done = without_terminal(tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("epoch of")]
    finished = lines[1:-2]
    assert lines[0] == "7 jobs"
    assert re.fullmatch(r"7 of 7 jobs done, [\d.]+ s", lines[-2])
    assert (tmp_path / lines[-1].removeprefix("all messages: ")).is_file()
    assert [line[:5] for line in finished] == [f"[{i}/7]" for i in range(1, 7)]
    texts = sorted(re.fullmatch(r"\[./7\] (.*), [\d.]+ s", line)[1] for line in finished)
    assert texts == [f"{what} {i}" for what in ("Drawing", "Filling") for i in range(3)]
    assert "\x1b" not in done.stderr and "Reason" not in done.stderr
    assert "Input files updated by another job: filled-0" in logfile(tmp_path)
    again = without_terminal(tmp_path)
    assert "Nothing to be done" in again.stderr
    assert "jobs" not in again.stderr


def test_what_failed_is_shown_at_the_end(tmp_path: Path) -> None:
    done = without_terminal(tmp_path, "1", "--keep-going", "--retries", "1")
    assert done.returncode == 1
    assert done.stderr.count("trying again: Drawing 1\n") == 1
    before, after = done.stderr.split("\n\n")
    assert before.count("failed: Drawing 1") == 2
    assert before.count("[") == 5
    lines = after.splitlines()
    assert lines[:2] == ["failed: Drawing 1", "  logs/draw-1.log:"]
    assert lines[2:22] == [f"    {i}" for i in range(22, 41)] + ["    no such colour: 1"]
    assert lines[22].startswith("1 failed, 5 of 7 jobs done, ")
    assert len(lines) == 24
    assert "Traceback" not in done.stderr and "non-zero" not in done.stderr


def test_snakemakes_own_messages(tmp_path: Path) -> None:
    done = without_terminal(tmp_path, VERBOSE="1")
    assert "Input files updated by another job: filled-0" in done.stderr
    assert "7 of 7 steps (100%) done" in done.stderr
    assert "jobs done" not in done.stderr


def test_a_dry_run_counts_the_jobs(tmp_path: Path) -> None:
    done = without_terminal(tmp_path, "none", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.count("Job stats:") == 1
    assert re.search(r"^total +7$", done.stdout, re.M)
    assert "input files updated by another job:\n        all, draw\n" in done.stdout
    assert "Drawing" not in done.stdout
    assert not (tmp_path / "filled-0").exists()


def test_a_terminal_has_a_bar_below_the_lines(tmp_path: Path) -> None:
    written = on_terminal(tmp_path)
    assert "━" in written
    plain = re.sub(r"\x1b\[[\d;]*m", "", written)
    assert re.search(r"\d/7 0:00:\d\d Drawing 2 *\r", plain)
    # What a job writes for itself has a line for itself, and the bar is gone at the end.
    assert "\r\x1b[2Kepoch of 2\r\n" in written
    assert re.search(r"\[6/7\] \w+ \d, [\d.]+ s\r\n", plain)
    end = written[written.index("jobs done") :]
    assert "the figures" in end and "━" not in end
    assert "\x1b[?25h" in written  # the cursor is back

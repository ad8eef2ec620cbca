"""The head as a SLURM job: what it refuses, when it goes on, what is said of it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from boostflow import head, headstatus
from boostflow.errors import BoostflowError
from boostflow.head import Head, minutes
from boostflow.takeover import NOTES, Run

SLURM = """\
#!{python}
import json, os, sys
from pathlib import Path
name, folder = Path(sys.argv[0]).name, Path({folder!r})
with (folder / "asked").open("a") as file:
    file.write(json.dumps([name, *sys.argv[1:], os.getenv("SLURM_NTASKS", "")]) + "\\n")
if name == "sbatch":
    jobs = json.loads((folder / "jobs").read_text())
    number = str(100 + len(jobs))
    (folder / "jobs").write_text(json.dumps(jobs | {{number: "PENDING"}}))
    print(number)
elif name == "squeue":
    number = next((word[7:] for word in sys.argv if word.startswith("--jobs=")), None)
    jobs = json.loads((folder / "jobs").read_text())
    if number and number not in jobs:
        sys.exit("slurm_load_jobs error: Invalid job id specified")
    if number:
        print(f"{{jobs[number]}}|node1")
elif name == "scancel":
    jobs = json.loads((folder / "jobs").read_text())
    (folder / "jobs").write_text(json.dumps(jobs | dict.fromkeys(sys.argv[1:], "CANCELLED")))
elif name == "sinfo":
    print("2:00:00")
"""
"""A SLURM that notes what it is asked and never runs anything."""


class Queue:
    """The jobs of that SLURM."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.set({})

    def set(self, jobs: dict[str, str]) -> None:
        (self.folder / "jobs").write_text(json.dumps(jobs))

    def jobs(self) -> dict[str, str]:
        return json.loads((self.folder / "jobs").read_text())

    def asked(self, program: str) -> list[list[str]]:
        """The words that a program was called with, and the tasks that it saw."""
        lines = (self.folder / "asked").read_text().splitlines()
        return [words[1:] for words in map(json.loads, lines) if words[0] == program]


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """A working directory with a profile, and that SLURM."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sbatch", "squeue", "scancel", "sinfo"):
        path = programs / name
        path.write_text(SLURM.format(python=sys.executable, folder=str(programs)))
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_NTASKS", "7")
    monkeypatch.chdir(tmp_path)
    Path("profile").mkdir()
    text = "executor: slurm\ndefault-resources:\n  slurm_partition: \"'cpu'\"\n"
    Path("profile/config.yaml").write_text(text)
    return Queue(programs)


def test_submit(queue: Queue) -> None:
    submitted = head.submit("profile", [Path("mine.yaml")], ["--keep-going"], ["--mem=9000"])
    assert head.read() == submitted
    assert (submitted.job, submitted.configfiles) == ("100", (str(Path("mine.yaml").resolve()),))
    (words,) = queue.asked("sbatch")
    for option in ("--partition=cpu", "--time=120", "--no-requeue", f"--chdir={Path.cwd()}"):
        assert option in words
    assert words.index("--mem=9000") > words.index("--mem=4000")  # the last one counts
    assert words[-2].endswith(f"-m boostflow.cli head {submitted.chain}")
    assert words[-1] == ""  # nothing of a job in which `submit` may have been typed


def test_one_head_at_a_time(queue: Queue) -> None:
    first = head.submit("profile", [], [], [])
    for jobs in ({"100": "RUNNING"}, {"100": "COMPLETED", "101": "PENDING"}):
        queue.set(jobs)
        replace(first, successor="101").write()
        with pytest.raises(BoostflowError, match=r"head works in this folder already, SLURM job"):
            head.submit("profile", [], [], [])
    queue.set({"100": "TIMEOUT"})
    assert head.submit("profile", [], [], []).chain != first.chain


def test_a_run_without_head_is_not_disturbed(queue: Queue) -> None:
    Run("elsewhere", 17, 1.0, "digest", "out").write()
    with pytest.raises(BoostflowError, match=r"snakemake works .*process 17 on elsewhere"):
        head.submit("profile", [], [], [])


def test_slurm_knows_of_a_head_elsewhere(queue: Queue) -> None:
    run = Run("elsewhere", 17, 1.0, "digest", "out", job="100")
    queue.set({"100": "RUNNING"})
    assert run.remote()
    for jobs in ({"100": "NODE_FAIL"}, {}):
        queue.set(jobs)
        assert not run.remote() and not run.alive()
    assert replace(run, job="").remote()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "profile/config.yaml: cannot be read: .*No such file"),
        ("cores: all", "profile/config.yaml: `executor` is not slurm"),
    ],
)
def test_profiles_that_are_none(queue: Queue, text: str | None, message: str) -> None:
    Path("profile/config.yaml").unlink()
    if text:
        Path("profile/config.yaml").write_text(text)
    with pytest.raises(BoostflowError, match=message):
        head.submit("profile", [], [], [])


def test_without_slurm(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BoostflowError, match="there is no sinfo here"):
        head.submit("profile", [], [], [])


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("30:00", 30), ("2:00:00", 120), ("1-12:30:00", 2190), ("infinite", 1440), ("0:30", 1)],
)
def test_limits_of_partitions(limit: str, expected: int) -> None:
    assert minutes(limit) == expected


def test_a_head_that_comes_to_its_end_has_no_successor(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = head.submit("profile", [], ["something"], []).chain
    monkeypatch.setenv("SLURM_JOB_ID", "100")
    for code, end in ((0, "done"), (3, "exit code 3")):
        told = "import os; assert os.environ['BOOSTFLOW_HEAD'] == '100'"
        told += f" and 'SLURM_NTASKS' not in os.environ; raise SystemExit({code})"
        monkeypatch.setattr(head, "_command", lambda known, told=told: [sys.executable, "-c", told])
        assert head.run(chain) == code
        known = head.read()
        assert known is not None and known.end == end and known.successor == ""
        assert queue.jobs()[max(queue.jobs())] == "CANCELLED"
        assert "--dependency=afterany:100" in queue.asked("sbatch")[-1]


def test_a_head_whose_snakemake_is_killed_leaves_its_successor(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = head.submit("profile", [], [], []).chain
    monkeypatch.setenv("SLURM_JOB_ID", "100")
    dies = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    monkeypatch.setattr(head, "_command", lambda known: dies)
    assert head.run(chain) == 143
    known = head.read()
    assert known is not None and known.successor == "101" and not known.end
    assert queue.jobs()["101"] == "PENDING"
    # Not for ever, if none comes to anything.
    for _ in range(head.MOST_SHORT - 1):
        assert head.run(chain) == 143
    assert head.run(chain) == 1
    known = head.read()
    assert known is not None and "5 heads in a row lived less than" in known.end


def test_a_head_of_an_older_submit_does_nothing(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    head.submit("profile", [], [], [])
    monkeypatch.setenv("SLURM_JOB_ID", "99")
    with pytest.raises(BoostflowError, match="has taken this head's place"):
        head.run("older")
    monkeypatch.delenv("SLURM_JOB_ID")
    with pytest.raises(BoostflowError, match="is what a job of `make submit` runs"):
        head.run("older")


def test_stop_ends_the_successor_first(queue: Queue) -> None:
    with pytest.raises(BoostflowError, match="no head works in this folder"):
        head.stop()
    replace(head.submit("profile", [], [], []), successor="101").write()
    queue.set({"100": "RUNNING", "101": "PENDING"})
    assert head.stop() == ["101", "100"]
    assert queue.asked("scancel") == [["101", "100", ""]]
    assert set(queue.jobs().values()) == {"CANCELLED"}


def test_what_is_said_of_a_head(queue: Queue) -> None:
    assert headstatus.about_head(None) == "head: none works here"
    known = replace(Head("a", "profile"), job="100", successor="101", number=2, began=1.0)
    for jobs, words in (
        ({"100": "RUNNING", "101": "PENDING"}, "SLURM job 100, running on node1, number 2, since"),
        ({"101": "PENDING"}, "SLURM job 100 was ended; 101 goes on"),
        ({}, "100 was ended, and none comes after it: `make submit` goes on"),
    ):
        queue.set(jobs)
        assert words in headstatus.about_head(known)
    assert "has ended: done" in headstatus.about_head(replace(known, end="done"))


LOG = """\
[Mon Nov 30 08:22:58 2026]
Error in rule infer:
    message: None
    jobid: 89
    input: out/templates/nominal.root
    output: out/fit.json, out/yields.json
    log: out/logs/fit.log (check log file(s) for error details)
    shell:
        boostflow infer
        (command exited with non-zero exit code)
Error in rule ingest:
    jobid: 3
    output: out/there.parquet
    log: out/logs/there.log (check log file(s) for error details)
[Mon Nov 30 08:23:58 2026]
    message: None
    log: outer.log (check log file(s) for error details)
    jobs:
        rule select:
            jobid: 5
            output: out/select.parquet
            log: out/logs/select.log (check log file(s) for error details)
        rule score:
            jobid: 6
            output: out/score.parquet
            log: out/logs/score.log (check log file(s) for error details)
"""
"""As Snakemake writes it: a job, one that was mended by a later try, and a group."""


def test_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert headstatus.failed() == []
    headstatus.MESSAGES.mkdir(parents=True)
    (headstatus.MESSAGES / "2026-11-30T08.snakemake.log").write_text(LOG)
    Path("out").mkdir()
    Path("out/there.parquet").touch()
    Path("outer.log").write_text("    log: out/logs/score.log (check log file(s) ...)\n")
    found = [(failure.rule, failure.log) for failure in headstatus.failed()]
    assert found == [("infer", "out/logs/fit.log"), ("score", "out/logs/score.log")]
    assert not NOTES.exists()

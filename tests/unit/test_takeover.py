"""Which runs are dead, and what is left alone."""

from __future__ import annotations

import json
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from boostflow import takeover
from boostflow.errors import BoostflowError
from boostflow.takeover import LOCKS, NOTES, Run, begin, give_up, notes, warn_if_full

HERE = socket.gethostname()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with snakemake's lock in it; no handler outlives the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(takeover.atexit, "register", lambda *args, **options: None)
    monkeypatch.setenv(takeover.RUN, "")
    LOCKS.mkdir(parents=True)
    return tmp_path


def run(pid: int = 2**22 + 1, host: str = HERE, started: float = 1.0, **options: object) -> Run:
    """The note of a run; by default of one that is dead: no process has that number."""
    note = Run(host, pid, started, "digest", "out", **options)
    note.write()
    return note


def living() -> Run:
    """The note of this process's parent."""
    parent = psutil.Process(os.getppid())
    return run(parent.pid, started=takeover.started(parent))


def test_a_dead_run_is_taken_over(folder: Path, capsys: pytest.CaptureFixture) -> None:
    dead = run()
    assert not dead.alive() and not dead.remote()
    session = begin("digest", str(folder), "out")
    assert session.dead == [dead]
    assert not LOCKS.exists()
    assert "taking over from a run that was killed" in capsys.readouterr().err
    assert os.environ[takeover.RUN] == session.run.name


def test_a_number_that_another_process_has_got_is_no_sign_of_life(folder: Path) -> None:
    assert not run(os.getppid(), started=1.0).alive()
    assert not replace(living(), boot="before").alive()
    # Its processes are told by the name of their run, so the name is not that of a new run.
    for note in NOTES.iterdir():
        note.unlink()
    mine = run(os.getpid(), started=1.0)
    assert begin("digest", str(folder), "out").dead == [mine]
    assert os.environ[takeover.RUN] != mine.name


def test_a_clock_that_is_set_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    alive = living()
    for name, owner in (("create_time", psutil.Process), ("boot_time", psutil)):
        now = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *args, now=now: now(*args) + 3600)
    assert alive.alive()


def test_a_run_in_another_container_may_live(folder: Path, capsys: pytest.CaptureFixture) -> None:
    contained = run(namespace="pid:[1]")
    assert contained.remote() and not contained.alive()
    assert begin("digest", str(folder), "out").dead == []
    assert LOCKS.exists()
    assert f"in another container on {HERE}" in capsys.readouterr().err
    assert not replace(contained, boot="before").remote()


def test_of_two_that_start_at_once_none_takes_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each leaves its note before it looks for others."""
    run()
    seen = []
    look = takeover.notes
    monkeypatch.setattr(takeover, "notes", lambda: seen.extend(look()) or look())
    session = begin("digest", str(folder), "out")
    assert session.run in seen


def test_beside_a_living_run_nothing_is_touched(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    run()
    assert living().alive()
    assert begin("digest", str(folder), "out").dead == []
    assert LOCKS.exists()
    assert len(notes()) == 3
    assert f"process {os.getppid()}) still works here" in capsys.readouterr().err


def test_a_run_on_another_machine_may_live_until_the_user_says_unlock(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    elsewhere = run(host="login2")
    session = begin("digest", str(folder), "out")
    assert session.dead == [] and LOCKS.exists()
    said = capsys.readouterr().err
    assert "started on login2" in said and "snakemake --unlock" in said
    session.run.note.unlink()
    give_up()
    (dead,) = begin("digest", str(folder), "out").dead
    assert dead.host == elsewhere.host and dead.given_up
    assert not LOCKS.exists()


def test_unlock_is_refused_while_a_run_lives() -> None:
    """Another one could start its jobs once more."""
    alive = living()
    dead = run()
    with pytest.raises(BoostflowError, match=rf"process {alive.pid}\) still works in this folder"):
        give_up()
    assert {*notes()} == {alive, dead}


def test_a_broken_note_is_none(folder: Path) -> None:
    NOTES.mkdir(parents=True)
    (NOTES / "head-1.json").write_text("{")
    assert notes() == []
    assert begin("digest", str(folder), "out").dead == []


def test_a_full_disk_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    warn_if_full(str(folder))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(takeover, "FULL", 2**70)
    warn_if_full(str(folder))
    assert "no space left for" in capsys.readouterr().err


CONDOR = """\
#!{python}
import json, sys
from pathlib import Path
folder = Path(sys.argv[0]).parent
jobs = json.loads((folder / "jobs").read_text())
if sys.argv[0].endswith("condor_rm"):
    jobs = [job for job in jobs if str(job["ClusterId"]) not in sys.argv[1:]]
else:
    (folder / "asked").write_text(" ".join(sys.argv[1:]))
    print(json.dumps(jobs) if jobs else "")
    jobs = [job for job in jobs if job["JobStatus"] != 2]
(folder / "jobs").write_text(json.dumps(jobs))
"""
"""An HTCondor whose running jobs have ended when it is asked again."""


def test_jobs_of_htcondor_are_settled_as_those_of_slurm(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    for name in ("condor_q", "condor_rm"):
        (folder / name).write_text(CONDOR.format(python=sys.executable))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(takeover, "EVERY", 0)
    states = {1: 1, 2: 2, 3: 5, 4: 4}
    jobs = [{"ClusterId": number, "JobStatus": state} for number, state in states.items()]
    (folder / "jobs").write_text(json.dumps(jobs))
    takeover.settle_jobs("/somewhere/here", keep=True)
    told = capsys.readouterr().err
    assert "cancelling 2 of its HTCondor jobs: 1 3" in told
    assert "waiting for 1 of its HTCondor jobs, which still run: 2 (`condor_rm`" in told
    assert 'Iwd == "/somewhere/here"' in (folder / "asked").read_text()
    left = json.loads((folder / "jobs").read_text())
    assert [job["ClusterId"] for job in left] == [4]

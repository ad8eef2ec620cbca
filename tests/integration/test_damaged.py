"""Damaged files at large, and libraries that crash on them: a message, whatever the bytes are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from boostflow.io import read_json
from support.damage import KINDS
from support.rootfiles import write_nano
from support.stages import words

pytestmark = pytest.mark.integration
REPOSITORY = Path(__file__).resolve().parents[2]

CRASHING = """
import ctypes, os, signal, sys, time
import uproot

opened = uproot.open

def open_(files, **options):
    if "bad" in str(files):
        {what}
    return opened(files, **options)

uproot.open = open_
from boostflow.cli import main
main()
"""
"""The command, with an uproot that ends the process in some way where a file's name has `bad`."""
SEGFAULT = "ctypes.string_at(0)"


def test_mutations_of_every_kind() -> None:
    """A few of each; `make bench-damaged` makes 1,000 of them."""
    # In a process without the threads of other tests.
    done = subprocess.run(
        [sys.executable, "benchmarks/damaged.py", "--number", str(5 * len(KINDS))],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of a sample, on one of which the reader crashes."""
    for number, name in enumerate(("good", "bad")):
        write_nano(tmp_path / f"{name}.root", 20, run=number, seed=number)
    return tmp_path


def start(folder: Path, what: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CRASHING.format(what=what), *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, what: str, *arguments: str) -> tuple[int, str, str]:
    process = start(folder, what, *arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def check(folder: Path, what: str, **ingest: str) -> tuple[int, str, str]:
    sample = {"source": "root", "files": ["good.root", "bad.root"], "label": "top", "xsec": 1.0}
    config = {"systematics": None, "models": {}, "samples": {"top": sample}, "ingest": ingest}
    (folder / "c.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return run(folder, what, "check", "--configfile", "c.yaml")


def ingest(name: str, **block: str) -> list[str]:
    made = {"table": "t.parquet", "meta": "t.json"}
    return words("ingest", {"label": "top", "ingest": block}, file=f"{name}.root", **made)


def test_a_check_names_the_file_that_crashed_its_reader(folder: Path) -> None:
    code, out, err = check(folder, SEGFAULT)
    assert code == 1
    assert err.endswith(
        "bad.root: the library that reads it crashed (SIGSEGV); the file is damaged\n"
    )
    assert "Traceback" not in err
    rows = [line.split()[1:3] for line in out.splitlines() if line.startswith(" top")]
    assert rows == [["good.root", "20"], ["bad.root", "-"]]


def test_it_is_left_out_where_bad_files_are(folder: Path) -> None:
    code, out, _ = check(folder, SEGFAULT, on_bad_file="skip")
    assert code == 0
    assert "1 of 2 files skipped" in out
    assert run(folder, SEGFAULT, *ingest("good"))[0] == 0
    assert read_json(folder / "t.json")["events"] == 20
    before = (folder / "t.json").read_bytes()
    code, _, err = run(folder, "os.abort()", *ingest("bad"))
    assert code == 1
    assert "error: bad.root: the library that reads it crashed (SIGABRT); the file is d" in err
    assert (folder / "t.json").read_bytes() == before
    assert {path.name for path in folder.iterdir() if path.name.startswith(".")} == set()


def test_a_reader_that_is_killed_says_so(folder: Path) -> None:
    code, _, err = run(folder, "os.kill(os.getpid(), signal.SIGKILL)", *ingest("bad"))
    assert code == 128 + signal.SIGKILL
    assert "was killed, for want of memory most likely" in err


@pytest.mark.parametrize("ended", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_of_a_command_that_is_ended(folder: Path, ended: signal.Signals) -> None:
    what = "open('there', 'w').write(str(os.getpid())); time.sleep(100)"
    process = start(folder, what, *ingest("bad"))
    there = folder / "there"
    until = time.monotonic() + 60
    while not (there.is_file() and there.read_text(encoding="utf-8")):
        assert time.monotonic() < until
        time.sleep(0.05)
    child = int(there.read_text(encoding="utf-8"))
    assert child != process.pid
    process.send_signal(ended)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (-signal.SIGKILL, 128 + ended, 1)
    assert process.returncode != 0, err
    while Path(f"/proc/{child}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)

"""snakemake killed with -9 on one machine: the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import yaml

from boostflow.takeover import RUN

CONFIG = {
    "output": "out",
    "systematics": None,
    "infer": None,
    "models": {},
    "simulation": {"mpi": False},
    "samples": {
        "w": {"source": "simulation", "process": "w", "label": "w", "parts": 1, "events": 60}
    },
}


def of_run(name: str) -> list[psutil.Process]:
    """The processes that a run has started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN) == name:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_the_same_command_goes_on(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(repository / "Snakefile")),
        *("--configfile", "config.yaml", "--cores", "1", "out/samples/nominal/w/0.root"),
    ]
    first = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 120
    left: list[psutil.Process] = []
    try:
        while not left and time.monotonic() < end:
            (note,) = list((tmp_path / ".snakemake/runs").glob("*.json")) or [Path("none.json")]
            left = [p for p in of_run(note.stem) if "boostflow simulate" in " ".join(p.cmdline())]
            time.sleep(0.1)
    finally:
        first.kill()
        first.wait()
    assert left
    for process in left:  # halted: it would be ready before the next one looks
        os.kill(process.pid, signal.SIGSTOP)
    assert list((tmp_path / ".snakemake/locks").iterdir())
    again = subprocess.run(
        command, cwd=tmp_path, text=True, capture_output=True, timeout=300, check=False
    )
    assert again.returncode == 0, again.stderr
    assert f"taking over from a run that was killed ({note.stem})" in again.stderr
    assert not any(process.is_running() for process in left)
    assert (tmp_path / "out/samples/nominal/w/0.root").stat().st_size > 0
    assert not list((tmp_path / ".snakemake/runs").iterdir())

"""A real SLURM of two nodes on this machine: tests/cluster/slurm.sh."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

SCRIPT = Path(__file__).with_name("cluster") / "slurm.sh"


class Process(NamedTuple):
    """A process on the cluster, with its number on this machine."""

    pid: int
    args: str


class Cluster:
    """A running SLURM; commands are run on its head node."""

    def __init__(self, init: int, repository: Path) -> None:
        self.init = init
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(repository / "workflow"),
        }

    def start(self, *command: str, folder: Path, log: Path) -> subprocess.Popen:
        """Start a command; what it prints goes to `log`."""
        enter = ["nsenter", "--target", str(self.init), *("--mount", "--uts", "--net", "--pid")]
        with log.open("w") as out:
            return subprocess.Popen(
                [*enter, f"--wd={folder}", *command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def run(self, *command: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; what it prints is in `stdout`."""
        log = folder / "printed"
        code = self.start(*command, folder=folder, log=log).wait(120)
        return subprocess.CompletedProcess(command, code, log.read_text())

    def processes(self, words: str) -> list[Process]:
        """Processes on the cluster with some words in their command lines."""
        home = Path(f"/proc/{self.init}/ns/pid").readlink()
        found = []
        for process in psutil.process_iter():
            try:
                inside = Path(f"/proc/{process.pid}/ns/pid").readlink() == home
                line = " ".join(process.cmdline())
            except (psutil.Error, OSError):
                continue
            if inside and words in line:
                found.append(Process(process.pid, line))
        return found


@contextmanager
def slurm(folder: Path, repository: Path) -> Iterator[Cluster]:
    """A SLURM whose files are in `folder`; it ends, with all its processes, with its input."""
    with subprocess.Popen(
        [SCRIPT, "up", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as script:
        try:
            line = script.stdout.readline()
            assert line, "SLURM did not start: see above"
            yield Cluster(int(line), repository)
        finally:
            script.stdin.close()
            script.wait(30)

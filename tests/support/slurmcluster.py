"""A real SLURM of two nodes on this machine: tests/cluster/slurm.sh."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

SCRIPT = Path(__file__).parents[1] / "cluster" / "slurm.sh"


class Process(NamedTuple):
    """A process on the cluster, with its number on this machine."""

    pid: int
    args: str


class Job(NamedTuple):
    """A job in SLURM's queue."""

    number: str
    state: str
    comment: str
    """Rule and wildcards, or the group."""


class Cluster:
    """A running SLURM; commands are run on its head node."""

    def __init__(self, init: int, repository: Path) -> None:
        self.init, self.repository = init, repository
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(repository / "workflow"),
        }

    def start(self, *command: str, folder: Path, log: Path) -> subprocess.Popen:
        """Start a command; what it prints goes to `log`."""
        enter = ["nsenter", "--target", str(self.init), *("--mount", "--uts", "--net", "--pid")]
        with log.open("w") as out:
            return subprocess.Popen(
                [*enter, f"--wdns={folder}", *command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def run(self, *command: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; what it prints is in `stdout`."""
        log = folder / "printed"
        code = self.start(*command, folder=folder, log=log).wait(300)
        return subprocess.CompletedProcess(command, code, log.read_text())

    def snakemake(self, folder: Path, config: Path, *arguments: str, log: Path) -> subprocess.Popen:
        """Start snakemake with the slurm profile; it looks at its jobs often."""
        return self.start(
            *(sys.executable, "-m", "snakemake"),
            *("--snakefile", str(self.repository / "Snakefile")),
            *("--profile", str(self.repository / "profiles/slurm"), "--configfile", str(config)),
            *("--slurm-init-seconds-before-status-checks", "3", *arguments),
            folder=folder,
            log=log,
        )

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

    def jobs(self, folder: Path) -> list[Job] | None:
        """The jobs that have not ended; None while the controller does not answer."""
        done = self.run("squeue", "--noheader", "--format=%i|%T|%k", folder=folder)
        if done.returncode:
            return None
        return [Job(*line.split("|", 2)) for line in done.stdout.splitlines()]

    def running(self, words: str) -> dict[str, set[str]]:
        """Command lines with some words, and the numbers of the jobs that run each."""
        found: dict[str, set[str]] = {}
        for process in self.processes(words):
            try:
                job = psutil.Process(process.pid).environ().get("SLURM_JOB_ID")
            except psutil.Error:
                continue
            if job:
                found.setdefault(process.args, set()).add(job)
        return found

    def show(self, job: str, folder: Path) -> str:
        """What SLURM knows of a job."""
        return self.run("scontrol", "show", "job", "--details", job, folder=folder).stdout

    def control(self, *words: str, folder: Path) -> None:
        """Change something: `scontrol update ...`."""
        done = self.run("scontrol", "update", *words, folder=folder)
        assert done.returncode == 0, done.stdout

    def lose(self, node: str) -> int:
        """End everything on a node at once, without a word; how many processes that were."""
        network = Path(f"/proc/{self.init}/root/run/netns/{node}").stat().st_ino
        lost = 0
        for process in psutil.process_iter():
            try:
                if Path(f"/proc/{process.pid}/ns/net").stat().st_ino == network:
                    os.kill(process.pid, signal.SIGKILL)
                    lost += 1
            except OSError:
                continue
        return lost

    def bring_back(self, node: str, folder: Path) -> None:
        """Start a lost node again."""
        assert self.run(str(SCRIPT), "node", node, folder=folder).returncode == 0

    def stop_controller(self) -> None:
        """End slurmctld, which saves its state."""
        for process in self.processes("slurmctld"):
            os.kill(process.pid, signal.SIGTERM)
        assert until(lambda: not self.processes("slurmctld"), 60)

    def start_controller(self, folder: Path) -> None:
        """Start slurmctld: it goes on from the state it has saved."""
        assert self.run("slurmctld", folder=folder).returncode == 0


def until(true: Callable[[], object], seconds: float) -> bool:
    """Wait until something is true; false if that takes too long."""
    end = time.monotonic() + seconds
    while not (done := bool(true())) and time.monotonic() < end:
        time.sleep(0.1)
    return done


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

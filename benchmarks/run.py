"""A run in a fresh folder: CPU time by rule, Snakemake's own, and bare Pythia's for its events.

The analysis and its report are made as `make run` does. Then the jobs of the simulation are
repeated by Pythia alone: the same settings and seeds, nothing but `next()`, on as many cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from boostflow import seeds
from boostflow.errors import BoostflowError
from boostflow.jobs.chain import Simulate
from command import run

REPOSITORY = Path(__file__).resolve().parents[1]
GOALS = {"ratio": 1.8, "head": 40.0}
HEAD = "Snakemake itself"


@dataclass(frozen=True)
class Cost:
    """Of some processes."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: the default run")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), metavar="N")
    parser.add_argument(
        "--share", type=float, default=0.2, metavar="X", help="of the events, for bare Pythia"
    )
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="new folder that keeps the results"
    )


def main(args: argparse.Namespace) -> None:
    """Run, measure and print the tables."""
    if not 0 < args.share <= 1:
        raise BoostflowError("--share: must be more than 0, at most 1")
    if args.config and not args.config.is_file():
        raise BoostflowError(f"--config: no such file: {args.config}")
    if args.folder and args.folder.exists():
        raise BoostflowError(f"--folder: is there already: {args.folder}")
    with tempfile.TemporaryDirectory(prefix="boostflow-run-") as name:
        folder = (args.folder or Path(name) / "run").resolve()
        usage = Path(name) / "usage"
        folder.mkdir(parents=True)
        usage.mkdir()
        measure(args, folder, usage)


def measure(args: argparse.Namespace, folder: Path, usage: Path) -> None:
    """The run and bare Pythia, one after the other.

    Args:
        args: of the command line.
        folder: of the run; empty.
        usage: folder of what each command has cost.
    """
    print(f"{args.cores} cores, load {os.getloadavg()[0]:.1f} before the run", flush=True)
    whole = snakemake(args, folder, usage)
    report = snakemake(args, folder, usage, "--quiet", "all", "--report", "report.html")
    rules = by_rule(usage)
    jobs = [
        Simulate.model_validate_json(file.read_text())
        for file in sorted((folder / ".snakemake/boostflow").glob("simulate-*.json"))
    ]
    total = whole.cpu + report.cpu
    known = sum(cpu for _, cpu in rules.values())
    rows = sorted(rules.items(), key=lambda row: -row[1][1])
    print(f"\n{'':24s}{'jobs':>6s}{'CPU-s':>9s}{'share':>8s}")
    for name, (number, cpu) in [*rows, ("shells and the like", (0, total - known))]:
        print(f"{name:24s}{number or '':>6}{cpu:9.1f}{100 * cpu / total:7.1f} %")
    print(f"{'all':24s}{'':>6s}{total:9.1f}")
    print(f"wall time: {whole.wall:.0f} s, and {report.wall:.0f} s for the report", flush=True)
    head = rules[HEAD][1]
    print(f"{HEAD}: {head:.1f} CPU-s (goal: below {GOALS['head']:.0f})")
    if jobs:
        compare(total, jobs, args.share, args.cores)


def compare(total: float, jobs: list[Simulate], share: float, cores: int) -> None:
    """The CPU time of the run over that of bare Pythia.

    Args:
        total: CPU-s of the run.
        jobs: of the simulation.
        share: of each job's events that Pythia generates here.
        cores: jobs at a time.
    """
    with ProcessPoolExecutor(cores) as pool:
        found = list(pool.map(bare, [job.model_dump_json() for job in jobs], [share] * len(jobs)))
    start, events = (sum(column) for column in zip(*found, strict=True))
    number = sum(job.events for job in jobs)
    print(
        f"bare Pythia: {number} events in {len(jobs)} files, {events:.1f} CPU-s and"
        f" {start:.1f} CPU-s to start (from {100 * share:.0f} % of the events),"
        f" load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"all CPU-s over bare Pythia: {total / (start + events):.2f}"
        f" (goal: at most {GOALS['ratio']}); without its start {total / events:.2f}"
    )


def snakemake(args: argparse.Namespace, folder: Path, usage: Path, *more: str) -> Cost:
    """One call of Snakemake, with all that it starts.

    Raises:
        BoostflowError: it failed.
    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
    command += ["--directory", str(folder), "--cores", str(args.cores), *more]
    command += ["--configfile", str(args.config.resolve())] if args.config else []
    path = os.pathsep.join(
        filter(None, [str(Path(__file__).parent / "usage"), os.getenv("PYTHONPATH")])
    )
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--config", "output=out"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "BOOSTFLOW_USAGE": str(usage)},
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise BoostflowError("snakemake failed")
    return Cost(time.perf_counter() - start, used.ru_utime + used.ru_stime)


def by_rule(usage: Path) -> dict[str, tuple[int, float]]:
    """Number of jobs and CPU-s by stage, of trainings by model; and those of Snakemake itself."""
    found: dict[str, list[float]] = defaultdict(list)
    for file in usage.iterdir():
        cost = json.loads(file.read_text())
        program, *words = cost["command"]
        if program == "snakemake":
            found["report" if "--report" in words else HEAD].append(cost["own"])
        else:
            kind = name(words) if program == "boostflow" else "train by horovodrun"
            found[kind].append(cost["own"] + cost["others"])
    return {key: (len(values), sum(values)) for key, values in found.items()}


def name(words: Iterable[str]) -> str:
    """The stage of a job, of a training with its model."""
    stage, *others = words
    if stage == "train":
        return f"train {Path(others[others.index('--output') + 1]).parent.name}"
    return stage


def bare(text: str, share: float) -> tuple[float, float]:
    """CPU-s that Pythia alone takes to start and to generate the events of a job.

    Args:
        text: the job as JSON.
        share: of the events that are generated; the time is scaled up.
    """
    import pythia8mc

    from boostflow.processes import PROCESSES
    from boostflow.simulate.generator import settings

    job = Simulate.model_validate_json(text)
    seed = seeds.derive(job.seed, "simulate", job.variation, job.sample, job.part)
    lines = settings(PROCESSES[job.process], job.simulation, job.settings, seed, job.shower_weights)
    begin = time.process_time()
    pythia = pythia8mc.Pythia("", False)
    for line in lines:
        pythia.readString(line)
    pythia.init()
    started = time.process_time()
    events = max(1, round(share * job.events))
    for _ in range(events):
        pythia.next()
    return started - begin, (time.process_time() - started) * job.events / events


if __name__ == "__main__":
    run(main, arguments, __doc__)

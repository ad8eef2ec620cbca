"""What one more systematic variation costs on a finished analysis, beside the nominal chain.

The default analysis, with fewer events (`--size`), is run once with rates alone, in a temporary
folder. Then one entry of each kind at a time is added to it, in turns, and taken away again. Two
calls of Snakemake: `snakemake variation_<entry>` makes the entry's own files, and a second one what
follows from any change of the fit's inputs (the fit, its plots, systematic errors of the models,
summary, record), once for all that was added. CPU time is that of Snakemake and all of its jobs as
the kernel counts it: Snakemake's benchmark files sample it every few seconds, and most of these
jobs are shorter. At the end several shifts are added at once, to see how their cost grows.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from boostflow.config.samples import default_samples
from boostflow.errors import BoostflowError
from command import run

REPOSITORY = Path(__file__).resolve().parents[1]
RATES: dict[str, Any] = {"lumi": {"kind": "rate", "value": 0.016}}
MARK = "added"
"""Names of what is added begin with it."""
KINDS: dict[str, dict[str, Any]] = {
    "rate": {"kind": "rate", "value": 0.02, "samples": ["top"]},
    "weight": {"kind": "weight", "up": "weight_mur05", "down": "weight_mur2"},
    "shift": {"kind": "shift", "correction": "jes_absolute"},
    "constituent": {"kind": "constituent", "quantity": "neutral_scale", "value": 0.02},
    "model": {"kind": "model", "model": "bdt", "up": {"max_depth": 5}, "down": {"max_depth": 3}},
    "sample": {
        "kind": "sample",
        "up": ["TimeShower:renormMultFac = 0.25"],
        "down": ["TimeShower:renormMultFac = 4.0"],
        "parts": 1,
    },
}
"""Both sides of one entry of each kind, for all samples."""
GOALS = {"weight": 0.02, "shift": 0.15}
"""Own CPU time relative to that of the nominal chain, at most."""
MANY = 100
SMALLEST = 50
"""Events in a file, at least."""


@dataclass(frozen=True)
class Cost:
    """Of a call of Snakemake."""

    jobs: int
    wall: float
    """Seconds."""
    cpu: float
    """Seconds."""


class Analysis:
    """An analysis in a folder of its own."""

    def __init__(self, folder: Path, size: float, cores: int) -> None:
        self.folder, self.cores = folder, cores
        samples = {
            name: block.model_dump()
            | {"events": max(SMALLEST, round(block.events * size / block.parts) * block.parts)}
            for name, block in default_samples().items()
        }
        self.config = {"output": "out", "samples": samples}

    def snakemake(self, added: Mapping[str, Any], *arguments: str) -> Cost:
        """One call with these entries beside the rates.

        Raises:
            BoostflowError: it failed.
        """
        declared = self.folder / "systematics.yaml"
        declared.write_text(yaml.safe_dump({**RATES, **added}))
        config = self.folder / "config.yaml"
        config.write_text(yaml.safe_dump({**self.config, "systematics": str(declared)}))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
        command += ["--directory", str(self.folder), "--cores", str(self.cores)]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [*command, *arguments, "--configfile", str(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
        )
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise BoostflowError(f"snakemake failed: {done.stdout[-3000:]}")
        steps = re.findall(r"(\d+) of \d+ jobs done", done.stdout)
        # The target that has been asked for is a step, too.
        jobs = (
            int(steps[-1]) - max(sum(not a.startswith("-") for a in arguments), 1) if steps else 0
        )
        cpu = sum(getattr(after, key) - getattr(before, key) for key in ("ru_utime", "ru_stime"))
        return Cost(jobs, wall, cpu)

    def add(self, entries: Mapping[str, Any]) -> tuple[Cost, Cost]:
        """Own cost of some entries and that of what follows; they are taken away again."""
        targets = [f"variation_{name}" for name in entries if entries[name]["kind"] != "rate"]
        own = self.snakemake(entries, *targets) if targets else Cost(0, 0.0, 0.0)
        rest = self.snakemake(entries)
        for path in list(self.folder.glob(f"out/**/*{MARK}_*")):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        return own, rest


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--size", type=float, default=1.0, metavar="X", help="events, relative to the default"
    )
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="repetitions")
    parser.add_argument(
        "--counts", type=int, nargs="*", default=[1, 2, 5], metavar="N", help="shifts at once"
    )
    parser.add_argument("--cores", type=int, default=os.cpu_count(), metavar="N")
    parser.add_argument(
        "--kinds", nargs="+", default=list(KINDS), choices=list(KINDS), metavar="KIND"
    )


def main(args: argparse.Namespace) -> None:
    """Measure and print the tables."""
    with tempfile.TemporaryDirectory(prefix="boostflow-systematics-") as name:
        analysis = Analysis(Path(name), args.size, args.cores)
        nominal = analysis.snakemake({})
        idle = analysis.snakemake({})
        events = sum(s["parts"] * s["events"] for s in analysis.config["samples"].values())
        print(f"{events} simulated events, {args.cores} cores, load {os.getloadavg()[0]:.1f}")
        print(f"nominal chain: {nominal.jobs} jobs, {nominal.wall:.0f} s, {nominal.cpu:.0f} CPU-s")
        print(f"nothing to do: {idle.wall:.1f} s, {idle.cpu:.1f} CPU-s, in each call below, too")
        print(
            f"{'one more':14s}{'own jobs':>9s}{'wall s':>8s}{'CPU-s':>8s}{'of nominal':>18s}"
            f"{'then':>7s}{'wall s':>8s}{'CPU-s':>8s}"
        )
        found: dict[str, list[tuple[Cost, Cost]]] = {kind: [] for kind in args.kinds}
        for _ in range(args.rounds):
            for kind, costs in found.items():
                costs.append(analysis.add({f"{MARK}_{kind}": KINDS[kind]}))
        for kind, costs in found.items():
            line(kind, costs, nominal)
        print(
            "then: health check, fit, plots, summary, record; once for all that is added together"
        )
        growth(analysis, args.counts, nominal)


def line(kind: str, costs: list[tuple[Cost, Cost]], nominal: Cost) -> None:
    """Print the row of a kind: medians, and whether it meets its goal."""
    own, rest = ([pair[i] for pair in costs] for i in (0, 1))
    wall, cpu = (float(np.median([getattr(c, key) for c in own])) for key in ("wall", "cpu"))
    after = [float(np.median([getattr(c, key) for c in rest])) for key in ("wall", "cpu")]
    part = cpu / nominal.cpu
    goal = ""
    if kind in GOALS:
        goal = f"  goal {100 * GOALS[kind]:g} %: {'met' if part <= GOALS[kind] else 'missed'}"
    print(
        f"{kind:14s}{own[0].jobs:9d}{wall:8.1f}{cpu:8.1f}{100 * part:9.1f} % CPU"
        f"{rest[0].jobs:11d}{after[0]:8.1f}{after[1]:8.1f}{goal}"
    )


def growth(analysis: Analysis, counts: list[int], nominal: Cost) -> None:
    """Print the cost of several shifts at once, and what a straight line says of `MANY`."""
    if not counts:
        return
    print("\nshifts at once")
    costs = []
    for count in counts:
        entries = {f"{MARK}_shift_{i}n": KINDS["shift"] for i in range(count)}
        own, rest = analysis.add(entries)
        costs.append((own.wall, own.cpu, rest.wall, rest.cpu))
        print(
            f"{count:4d}: {own.jobs} own jobs, {own.wall:.1f} s, {own.cpu:.1f} CPU-s; then"
            f" {rest.jobs} jobs, {rest.wall:.1f} s, {rest.cpu:.1f} CPU-s",
            flush=True,
        )
    names = ("own wall", "own CPU", "then wall", "then CPU")
    # Two points always lie on a line.
    for name, values in zip(names, np.array(costs).T, strict=True) if len(counts) > 2 else ():
        slope, start = np.polyfit(counts, values, 1)
        off = np.max(np.abs(np.polyval([slope, start], counts) - values))
        print(
            f"{name:10s} {start:7.1f} s + {slope:6.2f} s a shift (largest residual {off:.1f} s);"
            f" {MANY} by extrapolation: {start + MANY * slope:.0f} s,"
            f" {(start + MANY * slope) / (nominal.cpu if 'CPU' in name else nominal.wall):.1f}"
            " times the nominal chain"
        )
    entries = {f"{MARK}_shift_{i}n": KINDS["shift"] for i in range(MANY)}
    plan = analysis.snakemake(entries, "--dry-run", "--quiet")
    print(f"planning {MANY} of them (dry run, measured): {plan.wall:.1f} s, {plan.cpu:.1f} CPU-s")


if __name__ == "__main__":
    run(main, arguments, __doc__)

"""UCluster on several Horovod processes: throughput against one, and where the time goes.

Each process has one thread and the same number of jets in a step; a round is an epoch of the
package's own loop. In one job: several at once that know nothing of each other (the machine's own
ceiling), first and last without Horovod; in between, taking turns, one, several that know nothing
of each other while Horovod idles, and several with shared gradients. Each setting of Horovod is a
job. At the end a cost model predicts many GPUs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import simulated
from boostflow.errors import BoostflowError
from boostflow.io import read_json
from boostflow.models.ucluster import store
from boostflow.models.ucluster.block import UCluster
from boostflow.training.environment import environment
from command import run

WORKER = Path(__file__).with_name("ranks_worker.py")
GOAL = 0.92
"""Shared gradients against none, without Horovod, on two idle cores."""
TRAINING = "as in training"
SETTINGS: dict[str, tuple[dict[str, str], bool]] = {
    TRAINING: ({}, False),
    "fp16 compression": ({}, True),
    "no fusion": ({"HOROVOD_FUSION_THRESHOLD": "0"}, False),
    "any core": ({"RANKS_CORES": "any"}, False),
    **{
        f"cycle {cycle} ms": ({"HOROVOD_CYCLE_TIME": cycle}, False)
        for cycle in ("0.1", "1", "2.5", "5", "10")
    },
}
"""Environment of the job, and whether gradients are compressed."""
COUNTS = (1, 2, 4, 8, 16, 32, 64)
SMALL = 1000
"""Bytes of the sums of one batch normalisation, about."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    simulated.arguments(parser)
    parser.add_argument("--processes", type=int, default=2, metavar="N")
    parser.add_argument("--preset", default="default", choices=["default", "paper"])
    parser.add_argument(
        "--batch", type=int, default=128, metavar="N", help="jets in a step of each process"
    )
    parser.add_argument("--epoch", type=int, default=4096, metavar="N", help="jets in a round")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="repetitions")
    parser.add_argument(
        "--settings",
        nargs="+",
        default=[TRAINING],
        choices=list(SETTINGS),
        metavar="NAME",
        help=f"of Horovod: {', '.join(SETTINGS)}",
    )
    model = parser.add_argument_group("assumptions of the cost model")
    model.add_argument("--speedup", type=float, default=50, help="of a GPU over one CPU thread")
    model.add_argument("--bandwidth", type=float, default=10, help="of the network, GB/s")
    model.add_argument("--latency", type=float, default=10, help="of one message, microseconds")
    model.add_argument("--cycle", type=float, default=1, help="Horovod's cycle, ms")


def main(args: argparse.Namespace) -> None:
    """Measure and print the tables."""
    jets = simulated.simulated(args.cache, args.jets, args.mean)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulated.repeated(jets, args.epoch, 64, folder / "jets.parquet")
        store.write([folder / "jets.parquet"], UCluster(preset=args.preset), folder / "packed")
        found = {}
        for setting in args.settings:
            found[setting] = launch(folder, args, *SETTINGS[setting])
            if len(found) == 1:
                head(found[setting], args)
            line(setting, found[setting])
    first = next(iter(found.values()))
    print(f"goal: {GOAL} of bare, on two idle cores")
    print("one all-reduce:", end="")
    for size, seconds in first["all_reduce"].items():
        print(f" {int(size) / 1000:g} kB {1e3 * seconds:.2f} ms", end=";")
    print()
    predict(first, args)


def launch(
    folder: Path, args: argparse.Namespace, setting: dict[str, str], compression: bool
) -> dict[str, Any]:
    """One job; what its rank 0 found.

    Raises:
        BoostflowError: it failed.
    """
    job = Path(tempfile.mkdtemp(dir=folder))
    options = {
        "packed": str(folder / "packed"),
        "preset": args.preset,
        "batch": args.batch,
        "rounds": args.rounds,
        "compression": compression,
    }
    n = str(args.processes)
    command = [str(Path(sys.executable).with_name("horovodrun")), "-np", n, "-H", f"localhost:{n}"]
    command += ["--gloo", sys.executable, str(WORKER), str(job), json.dumps(options)]
    done = subprocess.run(
        command,
        env=os.environ | environment(threads=1) | setting,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BoostflowError(f"the job of {n} processes failed: {done.stdout}{done.stderr}")
    return read_json(job / "ranks.json")


def head(found: dict[str, Any], args: argparse.Namespace) -> None:
    """Print what all settings share, and the titles of the columns."""
    print(
        f"preset {args.preset}, {args.batch} jets a step of each process, {found['gradients']}"
        f" gradients of {found['gradient_bytes'] / 1000:.0f} kB, {found['norms']} batch"
        " normalisations"
    )
    n = found["size"]
    print(
        f"jets/s of one process; of {n} that know nothing of each other, bare: without Horovod, and"
        f" apart: beside it; of {n} that share gradients"
    )
    print(
        f"{'':18s} {'one':>7s} {'bare':>7s} {'apart':>7s} {'shared':>7s} | {'of bare':>8s}"
        f" {'of apart':>8s} {'of one':>7s} | {'ms of a step':^39s} | {'idle':>6s} {'load':>5s}"
    )
    print(
        f"{'':18s} {'':7s} {'':7s} {'':7s} {'':7s} | {'':8s} {'':8s} {'':7s} | {'grad':>7s}"
        f" {'wait':>7s} {'barrier':>7s} {'reduce':>7s} {'Adam':>7s} |"
    )


def line(setting: str, found: dict[str, Any]) -> None:
    """Print the row of a setting: medians; ratios to what takes turns round by round.

    `idle` is the share of a core that Horovod uses while nothing is to do.
    """
    one, bare, apart, shared = (np.array(found[key]) for key in ("one", "bare", "apart", "shared"))
    rates = " ".join(f"{np.median(rate):7.0f}" for rate in (one, bare, apart, shared))
    shares = " ".join(f"{1e3 * part:7.2f}" for part in found["parts"])
    print(
        f"{setting:18s} {rates} | {np.median(shared) / np.median(bare):8.3f}"
        f" {np.median(shared / apart):8.3f} {np.median(shared / one):6.2f}x | {shares} |"
        f" {100 * found['idle']:4.1f} % {found['load']:5.1f}",
        flush=True,
    )


def predict(found: dict[str, Any], args: argparse.Namespace) -> None:
    """Print what the cost model says of many GPUs, each with the same number of jets in a step.

    A step is the gradients and Adam, sped up by the GPU, and the collectives one after the other:
    one of the gradients and two of each batch normalisation (forward, backward). A ring all-reduce
    of S bytes takes 2 (N - 1) (latency + S / N / bandwidth) (Patarasuk & Yuan, J. Parallel Distrib.
    Comput. 69 (2009) 117), and waits half a cycle of Horovod before. Nothing overlaps, all ranks
    are equally fast, and the input keeps up.
    """
    parts = found["parts"]
    work = (parts[0] + parts[4]) / args.speedup
    collectives = [found["gradient_bytes"]] + 2 * found["norms"] * [SMALL]
    print(
        f"cost model: GPU {args.speedup:g} x one thread, network {args.bandwidth:g} GB/s,"
        f" {args.latency:g} us a message, cycle {args.cycle:g} ms"
    )
    print(f"{'GPUs':>5s} {'ms a step':>10s} {'jets/s':>10s} {'ratio':>8s} {'efficiency':>11s}")
    for n in COUNTS:
        ring = [
            2 * (n - 1) * (1e-6 * args.latency + size / n / (1e9 * args.bandwidth))
            for size in collectives
        ]
        waiting = len(collectives) * args.cycle / 2 * 1e-3 if n > 1 else 0.0
        step = work + sum(ring) + waiting
        ratio = n * work / step
        print(
            f"{n:5d} {1e3 * step:10.2f} {n * args.batch / step:10.0f} {ratio:7.1f}x"
            f" {100 * ratio / n:9.0f} %"
        )


if __name__ == "__main__":
    run(main, arguments, __doc__)

"""Peak memory of packing and of training against the number of jets.

The real stages pack and train a small network for two epochs; the jets of the larger samples are
those of the smaller one, repeated. What the network needs does not matter here, what grows does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import simulated
from boostflow.errors import BoostflowError
from command import run

SMALL = {
    "kind": "ucluster",
    "epochs": [1, 1],
    "attention": [2, 2],
    "hidden": [[4], [4]],
    "mass_channels": 2,
    "restarts": 1,
}
"""Everything that is kept for each jet or particle is as in the default."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    simulated.arguments(parser)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[20_000, 200_000], metavar="N", help="training jets"
    )


def main(args: argparse.Namespace) -> None:
    """Measure and print a table."""
    jets = simulated.simulated(args.cache, args.jets, args.mean)
    print(f"{'jets':>8s} {'packing':^24s} {'training':^24s} {'packed':>8s} {'load':>5s}")
    print(f"{'':8s} {'peak MB':>12s} {'seconds':>11s} {'peak MB':>12s} {'seconds':>11s} {'MB':>8s}")
    for size in args.sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            table, packed = folder / "jets.parquet", folder / "packed"
            simulated.repeated(jets, size, size // 4, table)
            model = folder / "model"
            training = ("--prepared", str(packed), "--output", str(model))
            figures = [
                peak("prepare", {}, packed, "--jets", str(table), "--prepared", str(packed)),
                peak("train", {"name": "small"}, model, *training),
            ]
            disk = sum(file.stat().st_size for file in packed.iterdir()) / 1e6
        text = " ".join(f"{memory:12.0f} {seconds:11.1f}" for memory, seconds in figures)
        print(f"{size:8d} {text} {disk:8.0f} {os.getloadavg()[0]:5.1f}", flush=True)


def peak(stage: str, job: dict[str, str], output: Path, *files: str) -> tuple[float, float]:
    """Peak memory (MB) and wall time (s) of a stage, on one process.

    Args:
        stage: name of the command.
        job: its settings besides the model.
        output: what it writes.
        files: its options.

    Raises:
        BoostflowError: it failed.
    """
    settings = json.dumps(job | {"model": SMALL | {"processes": 1}})
    command = [sys.executable, "-m", "boostflow.cli", stage, settings, *files]
    log = output.with_suffix(".log")
    begin = time.monotonic()
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        # Of this process alone: RUSAGE_CHILDREN is the maximum of all that ever ran.
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BoostflowError(f"{stage} failed: {log.read_text()}")
    return usage.ru_maxrss * 1024 / 1e6, time.monotonic() - begin


if __name__ == "__main__":
    run(main, arguments, __doc__)

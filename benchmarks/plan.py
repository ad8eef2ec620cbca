"""What Snakemake needs to resolve a large analysis, and how many cluster jobs it makes of it.

A dry run with the slurm profile: samples of ROOT files that exist (but are empty), a BDT, and
variations of kind shift, each up and down, the most expensive ones that read no file again.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from boostflow.errors import BoostflowError
from command import run

REPOSITORY = Path(__file__).resolve().parents[1]
LABELS = ("top", "w", "z", "quark", "gluon")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--samples", type=int, default=20, metavar="N")
    parser.add_argument("--files", type=int, default=50, metavar="N", help="of each sample")
    parser.add_argument("--variations", type=int, default=100, metavar="N", help="up and down each")


def main(args: argparse.Namespace) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = write_analysis(folder, args.samples, args.files, args.variations)
        start = time.perf_counter()
        with (folder / "printed").open("w+") as printed:
            child = subprocess.Popen(
                [
                    *(sys.executable, "-m", "snakemake", "--dry-run"),
                    *("--snakefile", REPOSITORY / "Snakefile"),
                    *("--profile", REPOSITORY / "profiles/slurm", "--configfile", config),
                ],
                cwd=folder,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.perf_counter() - start
            printed.seek(0)
            text = printed.read()
    found = re.search(r"^cluster jobs .*?^\d+ cluster jobs for \d+ .*?$", text, re.DOTALL | re.M)
    if status or not found:
        raise BoostflowError(f"the dry run failed:\n{text[-3000:]}")
    print(
        f"{args.samples} samples x {args.files} files x {args.variations} variations, up and down"
    )
    print(found[0])
    print(
        f"{seconds:.1f} s, of the CPU {usage.ru_utime + usage.ru_stime:.1f} s; "
        f"peak {usage.ru_maxrss / 1024:.0f} MB; load {os.getloadavg()[0]:.1f}"
    )


def write_analysis(folder: Path, samples: int, files: int, variations: int) -> Path:
    """Write the configuration and the empty input files; returns the path of the former."""
    blocks = {}
    for i in range(samples):
        inputs = folder / "inputs" / f"sample{i}"
        inputs.mkdir(parents=True)
        for j in range(files):
            (inputs / f"{j}.root").touch()
        label = LABELS[i % len(LABELS)]
        blocks[f"sample{i}"] = {
            "source": "root",
            "files": [f"inputs/sample{i}/*.root"],
            "label": label,
            "xsec": 1.0,
        }
    shift = {"kind": "shift", "correction": "jes"}
    declared = folder / "systematics.yaml"
    declared.write_text(yaml.safe_dump({f"shift{i}": shift for i in range(variations)}))
    config = {
        "output": "out",
        "systematics": str(declared),
        "samples": blocks,
        "models": {"bdt": {"kind": "bdt"}},
        "infer": {"signal": ["sample0"]},
        "evaluate": {"rejection": [["w", ["quark"]]]},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


if __name__ == "__main__":
    run(main, arguments, __doc__)

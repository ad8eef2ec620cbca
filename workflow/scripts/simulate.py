"""Simulate one part of one sample: Pythia 8, toy detector, FastJet -> a NanoAOD-like ROOT file.

Example: simulate.py --sample top --process top --part 0 --events 1000 --seed 1 --output top_0.root
"""

from __future__ import annotations

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run
from boostflow.config.chain import Simulation
from boostflow.processes import PROCESSES
from boostflow.simulate import simulate


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--sample", required=True, metavar="NAME", help="name of the sample")
    parser.add_argument(
        "--process", required=True, metavar="NAME", help=f"hard process: {', '.join(PROCESSES)}"
    )
    parser.add_argument("--variation", default="nominal", metavar="NAME", help="which variation")
    parser.add_argument("--part", type=int, default=0, metavar="N", help="file number, from 0")
    parser.add_argument("--events", type=int, required=True, metavar="N", help="events to generate")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the run")
    parser.add_argument(
        "--setting",
        action="append",
        default=[],
        metavar="S",
        help="a Pythia setting of the sample or variation, read last; may be repeated",
    )
    parser.add_argument(
        "--config",
        type=json_argument,
        default={},
        metavar="JSON",
        help="the `simulation` block of the configuration: JSON or @file",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="ROOT file")


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    simulate(
        args.output,
        sample=args.sample,
        process=args.process,
        part=args.part,
        events=args.events,
        seed=args.seed,
        variation=args.variation,
        config=parse_config(Simulation, args.config),
        settings=args.setting,
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

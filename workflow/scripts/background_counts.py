"""Count events in the regions of the background estimates (ROOT histograms) for one variation."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--select", type=Path, nargs="+", required=True, help="selected jets, {sample}.parquet"
    )
    parser.add_argument(
        "--scores", type=Path, nargs="*", default=[], help="score tables, {model}/*.parquet"
    )
    parser.add_argument("--output", type=Path, required=True, help="ROOT file to write")
    parser.add_argument(
        "--config", type=json_argument, required=True, help="background block as JSON, or @file"
    )
    parser.add_argument(
        "--templates", type=json_argument, default={}, help="variable, bins and range as JSON"
    )
    parser.add_argument("--luminosity", type=float, required=True, help="in 1/fb")
    parser.add_argument("--weight", help="column of relative event weights")
    parser.add_argument("--weighted", nargs="+", help="samples that get it (default: all)")
    parser.add_argument(
        "--source",
        choices=["simulation", "pseudo", "observed"],
        default="simulation",
        help="simulation: test split; pseudo: drawn from the validation split; observed: all",
    )
    parser.add_argument(
        "--unblind", action="store_true", help="collision data also where they are hidden"
    )


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.background.counts import count
    from boostflow.config.background import Background
    from boostflow.config.statistics import Templates
    from boostflow.templates.build import Weighting

    samples = tuple(args.weighted) if args.weighted else None
    weighting = Weighting(args.weight, samples) if args.weight else None
    count(
        args.select,
        args.scores,
        args.output,
        parse_config(Background, args.config),
        parse_config(Templates, args.templates),
        args.luminosity,
        weighting,
        args.source,
        args.unblind,
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

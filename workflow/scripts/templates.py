"""Make the templates (ROOT histograms per region and sample) of one variation."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--select", type=Path, nargs="+", required=True, help="selected jets, {sample}.parquet"
    )
    parser.add_argument(
        "--scores", type=Path, nargs="+", required=True, help="score tables, {model}/*.parquet"
    )
    parser.add_argument("--output", type=Path, required=True, help="ROOT file to write")
    parser.add_argument(
        "--config", type=json_argument, default={}, help="templates block as JSON, or @file"
    )
    parser.add_argument("--luminosity", type=float, required=True, help="in 1/fb")
    parser.add_argument("--weight", help="column of relative event weights")
    parser.add_argument("--weighted", nargs="+", help="samples that get it (default: all)")
    parser.add_argument(
        "--split", choices=["test", "validation"], default="test", help="of the simulated events"
    )
    parser.add_argument(
        "--data", nargs="+", default=[], help="samples that are collision data: each jet counts 1"
    )
    parser.add_argument(
        "--unblind", action="store_true", help="collision data in all regions, not control alone"
    )
    parser.add_argument(
        "--allow-empty", action="store_true", help="a region without any jet is no error"
    )


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.config.statistics import Templates
    from boostflow.scored import TEST, VALIDATION
    from boostflow.templates.build import Weighting
    from boostflow.templates.run import make

    samples = tuple(args.weighted) if args.weighted else None
    weighting = Weighting(args.weight, samples) if args.weight else None
    make(
        args.select,
        args.scores,
        args.output,
        parse_config(Templates, args.config),
        args.luminosity,
        weighting,
        VALIDATION if args.split == "validation" else TEST,
        args.data,
        args.unblind,
        args.allow_empty,
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

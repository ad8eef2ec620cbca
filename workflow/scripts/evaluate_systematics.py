"""Systematic errors of a model's figures of merit, from the jets of all variations."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--select",
        type=Path,
        nargs="+",
        required=True,
        help="selected jets, {variation}/{sample}.parquet: nominal and what varies",
    )
    parser.add_argument(
        "--scores",
        type=Path,
        nargs="+",
        required=True,
        help="score tables of the model, {variation}.parquet: nominal and what varies",
    )
    parser.add_argument("--figures", type=Path, required=True, help="evaluation of nominal (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--plots", type=Path, required=True, help="folder of the plots to write")
    parser.add_argument(
        "--systematics", type=json_argument, default={}, help="systematics as JSON, or @file"
    )
    parser.add_argument(
        "--config", type=json_argument, default={}, help="evaluate block as JSON, or @file"
    )
    parser.add_argument(
        "--signal", nargs="+", default=[], help="signal samples of the significance scan"
    )
    parser.add_argument("--luminosity", type=float, default=138.0, help="in 1/fb")
    parser.add_argument(
        "--samples", nargs="+", help="samples that a clustering is judged by (default: all)"
    )
    parser.add_argument(
        "--mass", type=float, nargs=2, metavar=("LOW", "HIGH"), help="their jet mass window (GeV)"
    )
    parser.add_argument(
        "--label", nargs=2, default=["boostflow simulation", ""], help="text left and right on top"
    )


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.config.chain import Evaluate
    from boostflow.config.systematics import parse_systematics
    from boostflow.evaluate.run import Judged, systematics
    from boostflow.plots.style import Label

    systematics(
        args.select,
        args.scores,
        args.figures,
        args.output,
        args.plots,
        parse_systematics(args.systematics),
        parse_config(Evaluate, args.config),
        signal=args.signal,
        luminosity=args.luminosity,
        judged=Judged(args.samples, tuple(args.mass) if args.mass else None),
        label=Label(*args.label),
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

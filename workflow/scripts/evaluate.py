"""Evaluate one model on the test split: figures of merit with errors (JSON) and plots (PNG)."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--select", type=Path, nargs="+", required=True, help="selected jets, {sample}.parquet"
    )
    parser.add_argument("--scores", type=Path, required=True, help="score table of the model")
    parser.add_argument("--trained", type=Path, required=True, help="directory of the model")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--plots", type=Path, required=True, help="folder of the plots to write")
    parser.add_argument("--model", required=True, help="name of the model")
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
        "--unit", choices=("jet", "event"), default="jet", help="what a clustering's clusters hold"
    )
    parser.add_argument("--seed", type=int, default=1, help="of bootstrap and k-means")
    parser.add_argument(
        "--label", nargs=2, default=["boostflow simulation", ""], help="text left and right on top"
    )


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.config.chain import Evaluate
    from boostflow.evaluate.run import evaluate
    from boostflow.plots.style import Label

    evaluate(
        args.select,
        args.scores,
        args.trained,
        args.output,
        args.plots,
        parse_config(Evaluate, args.config),
        model=args.model,
        signal=args.signal,
        luminosity=args.luminosity,
        samples=args.samples,
        mass=tuple(args.mass) if args.mass else None,
        unit=args.unit,
        seed=args.seed,
        label=Label(*args.label),
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

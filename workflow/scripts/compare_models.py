"""Compare the AUCs of all pairs of models on the same test jets: differences with paired errors."""

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
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--plot", type=Path, required=True, help="PNG file to write")
    parser.add_argument(
        "--judged",
        type=json_argument,
        default={},
        help="`samples` and `mass` window (GeV) of each clustering, as JSON, or @file",
    )
    parser.add_argument(
        "--config", type=json_argument, default={}, help="evaluate block as JSON, or @file"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the bootstrap")
    parser.add_argument(
        "--label", nargs=2, default=["boostflow simulation", ""], help="text left and right on top"
    )


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.config.chain import Evaluate
    from boostflow.evaluate.run import Judged, comparison
    from boostflow.plots.style import Label

    comparison(
        args.select,
        args.scores,
        args.output,
        args.plot,
        parse_config(Evaluate, args.config),
        {
            model: Judged(block.get("samples"), tuple(block["mass"]) if "mass" in block else None)
            for model, block in args.judged.items()
        },
        args.seed,
        Label(*args.label),
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

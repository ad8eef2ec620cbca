"""Train the BDT baseline (XGBoost) on selected jets."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", type=Path, nargs="+", required=True, help="selected jets")
    parser.add_argument("--output", type=Path, required=True, help="directory to write")
    parser.add_argument(
        "--config",
        type=json_argument,
        default={"kind": "bdt"},
        help="model block as JSON, or @file",
    )


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.models.bdt.block import BDT
    from boostflow.models.bdt.train import train

    train(args.input, parse_config(BDT, args.config), args.output)


if __name__ == "__main__":
    run(main, arguments, __doc__)

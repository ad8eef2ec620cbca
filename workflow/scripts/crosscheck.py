"""Compare the regions of two template files: expected error of mu and significance."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--nominal", type=Path, required=True, help="templates of the analysis")
    parser.add_argument("--instead", type=Path, required=True, help="those of other regions")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--data", nargs="+", default=[], help="samples that are collision data")
    parser.add_argument(
        "--config", type=json_argument, default={}, help="infer block as JSON, or @file"
    )


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.config.statistics import Infer
    from boostflow.infer.crosscheck import crosscheck

    crosscheck(args.nominal, args.instead, args.output, parse_config(Infer, args.config), args.data)


if __name__ == "__main__":
    run(main, arguments, __doc__)

"""Check the systematic effects of all templates: JSON and a table."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--templates", type=Path, nargs="+", required=True, help="template files {variation}.root"
    )
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--table", type=Path, required=True, help="text file to write")
    parser.add_argument("--data", nargs="+", default=[], help="samples that are collision data")
    parser.add_argument(
        "--config", type=json_argument, default={}, help="infer block as JSON, or @file"
    )
    parser.add_argument(
        "--systematics", type=json_argument, default={}, help="systematics as JSON, or @file"
    )


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.config.statistics import Infer
    from boostflow.config.systematics import parse_systematics
    from boostflow.infer.health import health

    health(
        args.templates,
        parse_systematics(args.systematics),
        parse_config(Infer, args.config),
        args.output,
        args.table,
        args.data,
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

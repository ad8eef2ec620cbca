"""Draw the background estimates."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", type=Path, required=True, help="background.json")
    parser.add_argument("--output", type=Path, required=True, help="folder of the plots to write")
    parser.add_argument(
        "--config", type=json_argument, required=True, help="background block as JSON, or @file"
    )
    parser.add_argument(
        "--label", nargs=2, default=["boostflow simulation", ""], help="text left and right on top"
    )


def main(args: argparse.Namespace) -> None:
    """Draw."""
    from boostflow.background.run import plot
    from boostflow.config.background import Background
    from boostflow.plots.style import Label

    plot(args.input, args.output, parse_config(Background, args.config), Label(*args.label))


if __name__ == "__main__":
    run(main, arguments, __doc__)

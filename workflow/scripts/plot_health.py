"""Draw the effects of all systematics on yields, with the flags of the health check."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--health", type=Path, required=True, help="health check (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="PNG to write")
    parser.add_argument(
        "--titles", type=json_argument, default={}, help="titles by systematic as JSON, or @file"
    )
    parser.add_argument(
        "--label", nargs=2, default=["boostflow simulation", ""], help="text left and right on top"
    )


def main(args: argparse.Namespace) -> None:
    """Draw."""
    from boostflow.io import read_json
    from boostflow.plots.health import effects
    from boostflow.plots.style import Label, save, style

    with style():
        save(
            effects(read_json(args.health)["effects"], args.titles, Label(*args.label)), args.output
        )


if __name__ == "__main__":
    run(main, arguments, __doc__)

"""End with an error that names the systematic effects with flags that are not allowed."""

import argparse
from pathlib import Path

from boostflow.cli import run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--health", type=Path, required=True, help="health check (JSON)")
    parser.add_argument("--forbidden", nargs="+", required=True, help="flags that are not allowed")


def main(args: argparse.Namespace) -> None:
    """Look."""
    from boostflow.infer.health import demand

    demand(args.health, args.forbidden)


if __name__ == "__main__":
    run(main, arguments, __doc__)

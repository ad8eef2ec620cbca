"""Collect the key figures of the run: summary.json and a table for the terminal."""

import argparse
from pathlib import Path

from boostflow.cli import run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--cutflow", type=Path, nargs="*", default=[], help="cutflows, one JSON per sample"
    )
    parser.add_argument(
        "--evaluation", type=Path, nargs="*", default=[], help="evaluations, one JSON per model"
    )
    parser.add_argument(
        "--systematics",
        type=Path,
        nargs="*",
        default=[],
        help="systematic errors of evaluations, one JSON per model",
    )
    parser.add_argument("--comparison", type=Path, help="comparison of models (JSON)")
    parser.add_argument("--fit", type=Path, help="fit result (JSON)")
    parser.add_argument(
        "--crosscheck", type=Path, nargs="*", default=[], help="comparisons of regions (JSON)"
    )
    parser.add_argument("--background", type=Path, help="background estimates (JSON)")
    parser.add_argument("--health", type=Path, help="health check of systematic effects (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--table", type=Path, required=True, help="text file to write")


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.summary import write

    write(
        args.cutflow,
        args.evaluation,
        args.fit,
        args.output,
        args.table,
        systematics=args.systematics,
        comparison=args.comparison,
        crosschecks=args.crosscheck,
        background=args.background,
        health=args.health,
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

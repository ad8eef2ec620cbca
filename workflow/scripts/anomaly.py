"""Compare the clusterings of events: figures (JSON) and plot against the number of clusters."""

import argparse
from pathlib import Path

from boostflow.cli import run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--evaluation", type=Path, nargs="+", required=True, help="evaluations, one JSON per model"
    )
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--plot", type=Path, required=True, help="PNG file to write")
    parser.add_argument(
        "--label", nargs=2, default=["boostflow simulation", ""], help="text left and right on top"
    )


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.evaluate.run import anomaly
    from boostflow.plots.style import Label

    anomaly(args.evaluation, args.output, args.plot, Label(*args.label))


if __name__ == "__main__":
    run(main, arguments, __doc__)

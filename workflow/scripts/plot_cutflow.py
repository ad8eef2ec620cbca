"""Draw the cutflow of all samples."""

import argparse
from pathlib import Path

from boostflow.cli import run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--cutflow", type=Path, nargs="+", required=True, help="cutflows, one JSON per sample"
    )
    parser.add_argument("--output", type=Path, required=True, help="PNG file to write")
    parser.add_argument(
        "--label", nargs=2, default=["boostflow simulation", ""], help="text left and right on top"
    )


def main(args: argparse.Namespace) -> None:
    """Draw."""
    from boostflow.io import read_json
    from boostflow.plots.cutflow import cutflow
    from boostflow.plots.style import Label, save, style

    data = [read_json(path) for path in args.cutflow]
    with style():
        figure = cutflow({d["sample"]: d for d in data}, Label(*args.label))
        save(figure, args.output)


if __name__ == "__main__":
    run(main, arguments, __doc__)

"""Draw the regions before and after the fit, systematics, ranking, breakdown, scans."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--templates", type=Path, nargs="+", required=True, help="template files {variation}.root"
    )
    parser.add_argument("--fit", type=Path, required=True, help="fit result (JSON)")
    parser.add_argument("--yields", type=Path, required=True, help="yields (JSON)")
    parser.add_argument("--data", nargs="+", default=[], help="samples that are collision data")
    parser.add_argument("--output", type=Path, required=True, help="folder of the plots to write")
    parser.add_argument(
        "--systematics", type=json_argument, default={}, help="systematics as JSON, or @file"
    )
    parser.add_argument(
        "--label", nargs=2, default=["boostflow simulation", ""], help="text left and right on top"
    )


def main(args: argparse.Namespace) -> None:
    """Draw."""
    from boostflow.config.systematics import parse_systematics
    from boostflow.infer.run import plot
    from boostflow.plots.style import Label

    plot(
        args.templates,
        parse_systematics(args.systematics),
        args.fit,
        args.yields,
        args.output,
        Label(*args.label),
        args.data,
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

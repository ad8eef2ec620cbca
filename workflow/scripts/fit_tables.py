"""Write the tables of the fit: yields (text, CSV, LaTeX) and a record for HEPData."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--fit", type=Path, required=True, help="fit result (JSON)")
    parser.add_argument("--yields", type=Path, required=True, help="yields (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="folder to write yields.* to")
    parser.add_argument(
        "--hepdata", type=Path, required=True, help="folder of the HEPData record to write"
    )
    parser.add_argument(
        "--systematics", type=json_argument, default={}, help="systematics as JSON, or @file"
    )
    parser.add_argument("--energy", type=float, required=True, help="centre-of-mass energy (GeV)")


def main(args: argparse.Namespace) -> None:
    """Write."""
    from boostflow.config.systematics import parse_systematics
    from boostflow.infer.run import tabulate_fit

    tabulate_fit(
        parse_systematics(args.systematics),
        args.fit,
        args.yields,
        args.output,
        args.hepdata,
        args.energy,
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

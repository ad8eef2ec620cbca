"""Build the HistFactory workspace from the templates and fit the signal strength."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--templates", type=Path, nargs="+", required=True, help="template files {variation}.root"
    )
    parser.add_argument("--workspace", type=Path, required=True, help="workspace to write (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="fit result to write (JSON)")
    parser.add_argument("--yields", type=Path, required=True, help="yields to write (JSON)")
    parser.add_argument("--data", nargs="+", default=[], help="samples that are collision data")
    parser.add_argument(
        "--pseudo", type=Path, help="templates of the validation split (infer.data: pseudo)"
    )
    parser.add_argument(
        "--config", type=json_argument, default={}, help="infer block as JSON, or @file"
    )
    parser.add_argument(
        "--systematics", type=json_argument, default={}, help="systematics as JSON, or @file"
    )
    parser.add_argument(
        "--controls", type=Path, help="background.json with scale factors that enter the fit"
    )


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.config.statistics import Infer
    from boostflow.config.systematics import parse_systematics
    from boostflow.infer.run import infer

    infer(
        args.templates,
        parse_systematics(args.systematics),
        parse_config(Infer, args.config),
        args.workspace,
        args.output,
        args.yields,
        args.data,
        args.pseudo,
        args.controls,
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

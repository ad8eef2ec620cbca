"""Estimate backgrounds from data: ABCD, sideband, control regions, composition from clusters."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--counts", type=Path, nargs="+", required=True, help="counts {variation}.root"
    )
    parser.add_argument("--data", type=Path, required=True, help="counts of the data")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument(
        "--config", type=json_argument, required=True, help="background block as JSON, or @file"
    )
    parser.add_argument(
        "--systematics", type=json_argument, default={}, help="of the composition, as JSON"
    )
    parser.add_argument("--signal", nargs="+", default=[], help="signal samples of the fit")
    parser.add_argument(
        "--trained", nargs="+", default=[], help="samples that the clusters were made with"
    )
    parser.add_argument("--templates", type=Path, help="nominal templates of the fit")
    parser.add_argument("--unblind", action="store_true", help="collision data everywhere")


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.background.run import estimate
    from boostflow.config.background import Background
    from boostflow.config.systematics import parse_systematics

    estimate(
        args.counts,
        args.data,
        args.output,
        parse_config(Background, args.config),
        args.signal,
        args.trained,
        parse_systematics(args.systematics),
        args.templates,
        args.unblind,
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

"""Ingest one ROOT file: loose preselection, observables, truth labels -> table of fat jets."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", required=True, help="ROOT file with a NanoAOD-like TTree")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    parser.add_argument("--meta", type=Path, required=True, help="JSON file to write")
    parser.add_argument(
        "--config", type=json_argument, default={}, help="ingest block as JSON, or @file"
    )
    parser.add_argument("--label", help="class of the sample's jets")
    parser.add_argument("--match", help="only jets with this particle get the label")
    parser.add_argument("--radius", type=float, default=0.8, help="radius of the fat jets")
    parser.add_argument("--data", action="store_true", help="collision data")
    parser.add_argument("--xsec", type=float, help="cross-section in pb")


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.config.models import Ingest
    from boostflow.ingest.processor import Label
    from boostflow.ingest.run import ingest

    ingest(
        args.input,
        args.output,
        args.meta,
        parse_config(Ingest, args.config),
        label=Label(args.label, args.match),
        radius=args.radius,
        data=args.data,
        xsec=args.xsec,
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

"""Ingest one file: loose preselection, observables, truth labels -> table of fat jets."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", required=True, help="file, or address of a ROOT file")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    parser.add_argument("--meta", type=Path, required=True, help="JSON file to write")
    parser.add_argument(
        "--config", type=json_argument, default={}, help="ingest block as JSON, or @file"
    )
    parser.add_argument(
        "--execution", type=json_argument, default={}, help="more of it, which changes no result"
    )
    parser.add_argument(
        "--source", default="root", choices=["root", "lhco", "hls4ml", "toptag", "jetclass"]
    )
    parser.add_argument(
        "--content",
        type=json_argument,
        default={},
        help="what the tree of a ROOT file holds, as JSON, or @file",
    )
    parser.add_argument("--golden-json", help="certified luminosity blocks of collision data")
    parser.add_argument("--label", help="class of the sample's jets")
    parser.add_argument("--match", help="only jets with this particle get the label")
    parser.add_argument(
        "--select", default="all", help="class that is taken from the file of a public set"
    )
    parser.add_argument("--number", type=int, default=0, help="of the file in its sample")
    parser.add_argument(
        "--piece",
        type=int,
        nargs=2,
        default=(0, 1),
        metavar=("K", "N"),
        help="only the K-th of N ranges of events, counted from 0",
    )
    parser.add_argument("--radius", type=float, default=0.8, help="radius of the fat jets")
    parser.add_argument("--data", action="store_true", help="collision data")
    parser.add_argument(
        "--vary",
        type=json_argument,
        help="a systematic of kind constituent as JSON, or @file",
    )
    parser.add_argument("--direction", default="up", choices=["up", "down"], help="of --vary")
    parser.add_argument("--xsec", type=float, help="cross-section in pb")
    parser.add_argument("--checked", type=Path, help="JSON file: what the check says of files")


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.config.chain import Ingest
    from boostflow.config.samples import RootContent
    from boostflow.config.systematics import Constituent
    from boostflow.ingest.constituents import Vary
    from boostflow.ingest.rows import Label
    from boostflow.ingest.run import ingest
    from boostflow.ingest.skipped import or_skip, require_checked

    config = parse_config(Ingest, {**args.config, **args.execution})
    golden = {"golden_json": args.golden_json} if args.golden_json else {}
    content = parse_config(RootContent, {**args.content, **golden})

    def read() -> None:
        if args.checked is not None:
            require_checked(args.checked, args.input)
        ingest(
            args.input,
            args.output,
            args.meta,
            config,
            source=args.source,
            content=content,
            label=Label(args.label, args.match),
            select=args.select,
            number=args.number,
            piece=tuple(args.piece),
            radius=args.radius,
            data=args.data,
            xsec=args.xsec,
            vary=Vary(parse_config(Constituent, args.vary), args.direction) if args.vary else None,
        )

    or_skip(read, args.input, args.output, args.meta, config, data=args.data)


if __name__ == "__main__":
    run(main, arguments, __doc__)

"""Select fat jets of one sample: shifts, object and event cuts, cutflow, split, weights."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, parse_config, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", type=Path, required=True, help="list of the ingested parts")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    parser.add_argument("--cutflow", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--sample", required=True, help="name of the sample")
    parser.add_argument("--variation", default="nominal", help="name of the variation")
    parser.add_argument(
        "--config", type=json_argument, default={}, help="select block as JSON, or @file"
    )
    parser.add_argument("--shift", type=json_argument, help="one direction of a shift, as JSON")
    parser.add_argument(
        "--corrections", type=Path, help="correctionlib file of the shift and of smearing"
    )
    parser.add_argument(
        "--independent", action="store_true", help="no model is trained on it: all events are test"
    )


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.config.chain import Select
    from boostflow.config.systematics import JetShift
    from boostflow.select.parts import read_parts
    from boostflow.select.run import select

    select(
        *read_parts(args.input),
        args.output,
        args.cutflow,
        parse_config(Select, args.config),
        sample=args.sample,
        variation=args.variation,
        shift=parse_config(JetShift, args.shift) if args.shift else None,
        corrections=args.corrections,
        independent=args.independent,
    )


if __name__ == "__main__":
    run(main, arguments, __doc__)

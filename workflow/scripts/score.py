"""Score the selected jets of all samples with a trained model of any kind."""

import argparse
from pathlib import Path

from boostflow.cli import run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--model", type=Path, required=True, help="directory of the model")
    parser.add_argument("--samples", nargs="+", required=True, help="names of the samples")
    parser.add_argument("--input", type=Path, nargs="+", required=True, help="one table a sample")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    parser.add_argument("--threads", type=int, default=1, help="that compute at the same time")


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.models.table import score_table

    inputs = dict(zip(args.samples, args.input, strict=True))
    score_table(args.model, inputs, args.output, args.threads)


if __name__ == "__main__":
    run(main, arguments, __doc__)

"""List the ingested parts of a sample in one file."""

import argparse
from pathlib import Path

from boostflow.cli import run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--folder", type=Path, required=True, help="of the ingested parts")
    parser.add_argument("--number", type=int, required=True, help="how many there are")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--skip", action="store_true", help="files may have been skipped")


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.select.parts import write_parts

    write_parts(args.folder, args.number, args.output, skip=args.skip)


if __name__ == "__main__":
    run(main, arguments, __doc__)

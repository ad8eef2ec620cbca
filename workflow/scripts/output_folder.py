"""Print the folder that a configuration writes to."""

import argparse
from pathlib import Path

from boostflow.cli import run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("config", type=Path, nargs="?", help="as for snakemake (YAML)")


def main(args: argparse.Namespace) -> None:
    """Look into the file; what else is in it is not judged."""
    from boostflow.config.files import output_folder

    print(output_folder(args.config))


if __name__ == "__main__":
    run(main, arguments, __doc__)

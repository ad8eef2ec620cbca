"""List all systematic variations: kind, stages, number of jobs and state. Runs nothing."""

import argparse
import json
from pathlib import Path

from boostflow.cli import run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--configfile", type=Path, nargs="+", default=[], help="as for snakemake (YAML)"
    )
    parser.add_argument("--json", action="store_true", help="for machines")


def main(args: argparse.Namespace) -> None:
    """Print the table."""
    from boostflow.states import states, table

    found = states(Path(__file__).parents[2] / "Snakefile", args.configfile)
    print(json.dumps([row.as_json() for row in found], indent=2) if args.json else table(found))


if __name__ == "__main__":
    run(main, arguments, __doc__)

"""Write the resolved configuration and a provenance record next to the results."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--config", type=json_argument, required=True, help="whole configuration")
    parser.add_argument("--systematics", type=json_argument, default={}, help="the declarations")
    parser.add_argument("--output", type=Path, required=True, help="JSON record to write")
    parser.add_argument("--resolved", type=Path, required=True, help="YAML: configuration")
    parser.add_argument("--declared", type=Path, required=True, help="YAML: systematics")


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.provenance import write_record

    write_record(args.config, args.systematics, args.output, args.resolved, args.declared)


if __name__ == "__main__":
    run(main, arguments, __doc__)

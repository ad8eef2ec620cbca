"""Pack the jets that UCluster trains on into shards, which the training reads batch by batch.

    python workflow/scripts/pack_ucluster.py --input select/nominal/{w,z,top}.parquet \\
        --config '{"kind": "ucluster"}' --output packed
"""

from __future__ import annotations

import argparse
from pathlib import Path

from boostflow import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", nargs="+", type=Path, required=True, help="selected jets")
    parser.add_argument(
        "--config", type=cli.json_argument, default={}, help="block of the model: JSON or @file"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder of the shards")


def main(args: argparse.Namespace) -> None:
    from boostflow.io import require_rows
    from boostflow.models.ucluster import store
    from boostflow.models.ucluster.block import UCluster

    config = cli.parse_config(UCluster, args.config)
    require_rows(args.input)
    store.write(args.input, config, args.output)


if __name__ == "__main__":
    cli.run(main, arguments, __doc__)

"""Train UCluster: started by `horovodrun -np N` on N processes, or alone on one.

    horovodrun -np 2 -H localhost:2 --gloo python workflow/scripts/train_ucluster.py \\
        --input packed --config '{"kind": "ucluster"}' --output model

`packed` is what pack_ucluster.py made.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path

from boostflow import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", type=Path, required=True, help="folder of packed jets")
    parser.add_argument(
        "--config", type=cli.json_argument, default={}, help="block of the model: JSON or @file"
    )
    parser.add_argument("--output", type=Path, required=True, help="directory of the model")
    parser.add_argument("--checkpoint", type=Path, help="directory to resume from when killed")
    parser.add_argument("--seed", type=int, help="instead of the seed in the block")
    parser.add_argument("--threads", type=int, default=1, help="of each process (default: 1)")


def main(args: argparse.Namespace) -> None:
    from boostflow.io import exclusive
    from boostflow.launch import take_gpu
    from boostflow.models.ucluster.block import UCluster
    from boostflow.training.environment import environment

    config = cli.parse_config(UCluster, args.config)
    if args.seed is not None:
        config = config.model_copy(update={"seed": args.seed})
    take_gpu(os.environ)
    wanted = environment(args.threads)
    # Snakemake sets OMP_NUM_THREADS for the rule, not for a rank; Horovod's may be the user's.
    os.environ.update(wanted | {k: v for k, v in os.environ.items() if k.startswith("HOROVOD_")})
    first = os.environ.get("HOROVOD_RANK", "0") == "0"
    lock = args.output.parent / f".{args.output.name}.lock"
    with exclusive(lock) if first else contextlib.nullcontext():
        # TensorFlow reads the environment when it is imported.
        from boostflow.models.ucluster import training
        from boostflow.training import ranks

        training.train(args.input, config, args.output, ranks.connect(), args.checkpoint)


if __name__ == "__main__":
    cli.run(main, arguments, __doc__)

"""Start a command on N Horovod ranks: on this machine, or on the nodes of the SLURM job that it
finds itself in.

    python workflow/scripts/launch_horovod.py --processes 2 -- python train.py --epochs 3

It becomes `horovodrun -np 2 -H localhost:2 --gloo python train.py --epochs 3`, inside a SLURM job
with the job's nodes and `srun` in the place of ssh (docs/slurm.md).
"""

from __future__ import annotations

import argparse

from boostflow import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--processes", type=int, required=True, help="number of ranks")
    parser.add_argument("command", nargs="+", help="what each rank runs, after --")


def main(args: argparse.Namespace) -> None:
    from boostflow.launch import launch

    launch(args.processes, args.command)


if __name__ == "__main__":
    cli.run(main, arguments, __doc__)

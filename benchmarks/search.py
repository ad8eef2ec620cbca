"""What successive halving saves: a grid of 24 points of the trees, and halving on the same points.

The jets of a finished run are taken (`make run` first). Both searches are run by Snakemake in
folders of their own beside the results, each with its points in one process, so that imports do not
count; the CPU seconds are those that every training has recorded. A folder that is there is not
made again: `--again` removes both.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import onresults
from boostflow import paths
from boostflow.io import read_json
from boostflow.models.search import said
from command import run

GRID = {
    "max_depth": [2, 3, 4, 6],
    "min_leaf": [0.002, 0.005, 0.02],
    "subsample": [0.5, 0.8],
}
TREES = {"kind": "bdt", "rounds": 150}
SEARCHES: dict[str, dict[str, Any]] = {
    "grid": {"method": "grid"},
    "halving": {"method": "halving", "resource": "rounds"},
}
GOAL = 0.6
"""Of the CPU time of the grid, saved at equal choice."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    default = onresults.REPOSITORY / "config/config.yaml"
    parser.add_argument("--config", type=Path, default=default, metavar="FILE")
    parser.add_argument("--again", action="store_true", help="remove what is there")


def main(args: argparse.Namespace) -> None:
    """Print a table."""
    analysis = onresults.analysis(args.config)
    onresults.require(analysis, args.config, "select")
    found = {}
    for name, search in SEARCHES.items():
        folder = f"searches/{name}"
        if args.again:
            shutil.rmtree(analysis.at(folder), ignore_errors=True)
        points = {"keys": GRID, "points_per_job": 24, "seeds": 3}
        models = {name: TREES | {"search": search | points}}
        more = {"evaluate": {}, "templates": {}, "background": None}
        config = onresults.beside(analysis, args.config, folder, models, more)
        path = Path(analysis.at(folder)) / paths.SEARCH.format(model=name)
        onresults.snakemake(config, [str(path)])
        found[name] = read_json(path)
    print(f"{'':10s}{'trainings':>10s}{'CPU s':>8s}{'validation':>12s}{'test':>8s}  chosen")
    for name, read in found.items():
        trainings = sum(len(step["points"]) for step in read["steps"])
        print(
            f"{name:10s}{trainings:10d}{read['time']['cpu_seconds']:8.1f}"
            f"{read['validation']['value']:12.4f}{read['seeds']['test']['auc']['mean']:8.4f}"
            f"  {said(read['chosen']['settings'])}"
        )
    grid, halving = (found[name]["time"]["cpu_seconds"] for name in SEARCHES)
    chosen = [read["chosen"]["settings"] for read in found.values()]
    same = "the same choice" if chosen[0] == chosen[1] else "another choice"
    print(f"saved: {1 - halving / grid:.0%}, {same} (goal: {GOAL:.0%} at equal choice)")


if __name__ == "__main__":
    run(main, arguments, __doc__)

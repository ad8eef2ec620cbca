"""Closure of the composition on real clusters: known mixtures of a finished run's simulated jets.

The shapes are those of the test and validation splits together; each toy draws templates with the
statistics of the test split, and data with the fractions of a mixture (weights of the samples are
set aside, so that rare processes are seen as well). For each mixture the mean and the width of the
pulls, (fitted - true) / error, of the classes' yields.

    python benchmarks/composition.py results/background
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from boostflow.background import composition
from boostflow.scored import TEST, VALIDATION, Table, read_scored

CLASSES = {"top": ["top"], "w": ["w"], "z": ["z"], "qcd": ["quark", "gluon"]}
MIXTURES = (
    (0.25, 0.25, 0.25, 0.25),
    (0.05, 0.05, 0.05, 0.85),
    (0.60, 0.20, 0.20, 0.00),
    (0.01, 0.01, 0.01, 0.97),
)
EDGES = np.linspace(10, 290, 13)
FEWEST = 10
"""Simulated events in a cell; cells with fewer are left out."""


def histogram(table: Table, use: np.ndarray, clusters: int) -> np.ndarray:
    """Events in the cells, shape (clusters x bins,)."""
    return np.concatenate(
        [
            np.histogram(table["msoftdrop"][use & (table["cluster"] == k)], EDGES)[0]
            for k in range(clusters)
        ]
    ).astype(float)


def main() -> None:
    """Print a line for each mixture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="output folder of a run with a model `ucluster`")
    parser.add_argument("--toys", type=int, default=200)
    parser.add_argument("--events", type=int, default=5000, help="events of the data")
    args = parser.parse_args()
    samples = [s for names in CLASSES.values() for s in names]
    select = {s: args.run / f"select/nominal/{s}.parquet" for s in samples}
    table = read_scored(
        select,
        args.run / "scores/ucluster/nominal.parquet",
        ["msoftdrop", "split", "candidate"],
        [],
    )
    clusters = int(table["cluster"].max()) + 1
    lead = table["candidate"].astype(bool)
    mine = {
        (name, split): histogram(
            table, lead & (table["split"] == split) & np.isin(table["sample"], names), clusters
        )
        for name, names in CLASSES.items()
        for split in (TEST, VALIDATION)
    }
    together = {name: mine[name, TEST] + mine[name, VALIDATION] for name in CLASSES}
    keep = sum(mine[name, TEST] for name in CLASSES) >= FEWEST
    number = np.repeat(np.arange(clusters), len(EDGES) - 1)[keep]
    rng = np.random.default_rng(1)
    true = np.array([together[name][keep] for name in CLASSES])
    shape = true / true.sum(axis=1, keepdims=True)
    simulated = shape * np.array([[mine[name, TEST][keep].sum()] for name in CLASSES])
    for mixture in MIXTURES:
        yields = args.events * np.array(mixture)
        pulls, errors, probabilities = [], [], []
        for _ in range(args.toys):
            templates = rng.poisson(simulated).astype(float)
            data = rng.poisson(yields @ shape).astype(float)
            cells = composition.Cells(
                list(CLASSES),
                templates,
                np.maximum(templates, 1),
                data,
                np.zeros(len(data)),
                {},
                number,
            )
            found = composition.fit(cells, 20, 0.0)
            fitted = [found["classes"][name]["yield"] for name in CLASSES]
            error = np.array([y["error"] for y in fitted])
            pulls.append((np.array([y["value"] for y in fitted]) - yields) / error)
            errors.append(error / args.events)
            probabilities.append(found["probability"])
        print(
            f"mixture {mixture}: condition {found['condition']['cells']:.2f}, mean probability "
            f"{np.mean(probabilities):.2f}"
        )
        for k, name in enumerate(CLASSES):
            error, mean, width = (
                np.mean(errors, axis=0)[k],
                np.mean(pulls, axis=0)[k],
                np.std(pulls, axis=0)[k],
            )
            print(
                f"  {name}: fraction {mixture[k]:.2f} ± {error:.4f}, pull mean {mean:+.2f}, width"
                f" {width:.2f}"
            )


if __name__ == "__main__":
    main()

"""What the network is compared with beyond k-means: the mixture that it learns to see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.evaluate.baselines import kmeans
from boostflow.models.ucluster import clustering, pretext
from boostflow.scored import Table

MASSES = ("mass", "msoftdrop", "mtrimmed")
"""Masses that the network can predict; the mixture takes those that the jets have."""
MASS_BINS = 30
"""Bins of each mass, as many as in the default setting."""


def mixture(train: NDArray, test: NDArray, clusters: int, seed: int) -> NDArray:
    """Clusters of the test jets by a mixture of independent mass bins, fitted without labels.

    What the default setting teaches the network, computed from the masses themselves.

    Args:
        train: shape (training jets, masses), GeV.
        test: shape (test jets, masses).
        clusters: number of clusters.
        seed: of the starts.
    """
    edges = [pretext.edges(column, MASS_BINS, "quantile", 0) for column in train.T]

    def bins(masses: NDArray) -> NDArray:
        columns = zip(masses.T, edges, strict=True)
        return np.stack([pretext.labels(column, edge) for column, edge in columns], axis=1)

    start = kmeans(train, train, clusters, seed)
    sizes = [len(edge) + 1 for edge in edges]
    fit = clustering.best_mixture(bins(train), sizes, start, clusters, seed, 10)
    return fit.posterior(bins(test)).argmax(axis=1)


def baselines(train: Table, test: Table, clusters: int, seed: int) -> dict[str, NDArray]:
    """The mixture, where the jets have two masses.

    Args:
        train: training jets with `mass` (GeV) and others of `MASSES`; those with a NaN are not
            used.
        test: test jets with the same columns.
        clusters: number of clusters.
        seed: of the starts.
    """
    names = [
        name
        for name in MASSES
        if name in train and np.isfinite(train[name]).all() and np.isfinite(test[name]).all()
    ]
    if len(names) < 2:
        return {}

    def masses(table: Table) -> NDArray:
        return np.stack([table[name] for name in names], axis=1).astype(float)

    return {f"mixture, {len(names)} masses": mixture(masses(train), masses(test), clusters, seed)}

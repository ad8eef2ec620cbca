"""Clusters: k-means on the embedding, the mixture that refines it, and the global matching."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError

PSEUDOCOUNT = 1.0
"""Added to each cell of a cluster's table, in jets: no bin is impossible."""
SHORT, LONG = 50, 1000
"""Iterations of the mixture's fit: of each start, and of the best one."""


def kmeans(
    points: NDArray, clusters: int, seed: int, restarts: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The best of `restarts` k-means fits (k-means++ starts).

    Args:
        points: (N, D).

    Returns:
        Centroids (K, D) and the cluster of each point (N,).

    Raises:
        BoostflowError: fewer distinct points than clusters.
    """
    from sklearn.cluster import KMeans

    distinct = len(np.unique(points, axis=0))
    if distinct < clusters:
        raise BoostflowError(
            f"{distinct} different jets in the embedding for {clusters} clusters: the network has"
            " collapsed or there are too few jets"
        )
    fit = KMeans(clusters, n_init=restarts, random_state=seed % 2**32).fit(
        points.astype(np.float64)
    )
    return fit.cluster_centers_.astype(np.float32), fit.labels_.astype(np.int64)


@dataclass(frozen=True)
class Mixture:
    """A mixture in which a cluster is an independent distribution of each view's mass bin.

    log_prior: (K,). log_tables: of each view (K, bins). log_likelihood: mean over the jets.
    """

    log_prior: NDArray[np.float64]
    log_tables: list[NDArray[np.float64]]
    log_likelihood: float

    def posterior(self, bins: NDArray[np.int32]) -> NDArray[np.float64]:
        """(N, V) mass bins -> (N, K) probabilities of the clusters."""
        joint = _joint(self.log_prior, self.log_tables, bins)
        return np.exp(joint - _logsumexp(joint)[:, None])


@dataclass(frozen=True)
class Cells:
    """Jets counted in cells of equal mass bins: (C, V) bins, (C,) jets, bins of each view."""

    bins: NDArray[np.int32]
    jets: NDArray[np.int64]
    sizes: list[int]


def fit_mixture(cells: Cells, start: NDArray[np.float64], iterations: int) -> Mixture:
    """Expectation maximisation from given responsibilities (C, K) of each cell."""
    posterior, last = start, -np.inf
    weight = cells.jets[:, None]
    for _ in range(iterations):
        share = weight * posterior
        total = share.sum(0)
        prior = np.log((total + PSEUDOCOUNT) / (total + PSEUDOCOUNT).sum())
        tables = [
            np.log(_table(cells.bins[:, v], n, share) / (total + n * PSEUDOCOUNT)[:, None])
            for v, n in enumerate(cells.sizes)
        ]
        joint = _joint(prior, tables, cells.bins)
        evidence = _logsumexp(joint)
        posterior = np.exp(joint - evidence[:, None])
        likelihood = float(np.average(evidence, weights=cells.jets))
        if likelihood - last < 1e-7:
            break
        last = likelihood
    return Mixture(prior, tables, likelihood)


def best_mixture(
    bins: NDArray[np.int32],
    sizes: list[int],
    assignment: NDArray[np.int64],
    clusters: int,
    seed: int,
    restarts: int,
) -> Mixture:
    """The most likely mixture among fits from k-means' clusters and from random tables.

    No class label takes part: the likelihood is that of the mass bins. All starts make
    `SHORT` iterations, the best one goes on (short-run EM, Biernacki et al. 2003,
    doi:10.1016/S0167-9473(02)00163-9).

    Args:
        bins: (N, V) mass bins.
        sizes: number of bins of each view.
        assignment: (N,) clusters of k-means.
        clusters: K.
        seed: of the random tables.
        restarts: random starts.
    """
    rng = np.random.default_rng(seed)
    unique, cell, jets = np.unique(bins, axis=0, return_inverse=True, return_counts=True)
    cells = Cells(unique, jets, sizes)
    hard = np.zeros((len(unique), clusters))
    np.add.at(hard, (cell.ravel(), assignment), 1)
    starts = [0.9 * hard / jets[:, None] + 0.1 / clusters]
    for _ in range(restarts):
        weights = [rng.dirichlet(np.ones(clusters), n) for n in sizes]
        product = np.prod([w[unique[:, v]] for v, w in enumerate(weights)], axis=0)
        starts.append(product / product.sum(1, keepdims=True))
    fits = (fit_mixture(cells, start, SHORT) for start in starts)
    best = max(fits, key=lambda m: m.log_likelihood)
    return fit_mixture(cells, best.posterior(unique), LONG)


def _table(bins: NDArray[np.int32], n: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    columns = [np.bincount(bins, weights[:, c], n) for c in range(weights.shape[1])]
    return np.asarray(np.stack(columns) + PSEUDOCOUNT, np.float64)


def _joint(
    log_prior: NDArray[np.float64], log_tables: list[NDArray[np.float64]], bins: NDArray[np.int32]
) -> NDArray[np.float64]:
    return log_prior + sum(table[:, bins[:, v]].T for v, table in enumerate(log_tables))


def _logsumexp(x: NDArray[np.float64]) -> NDArray[np.float64]:
    top = x.max(1)
    return top + np.log(np.exp(x - top[:, None]).sum(1))


def contingency(
    truth: NDArray[np.int32], assignment: NDArray[np.integer], classes: int, clusters: int
) -> NDArray[np.int64]:
    """Jets of each class in each cluster (classes, clusters); truth -1 is not counted."""
    known = truth >= 0
    table = np.zeros((classes, clusters), np.int64)
    np.add.at(table, (truth[known], np.asarray(assignment, np.int64)[known]), 1)
    return table


def matched_accuracy(table: NDArray[np.int64]) -> float:
    """Accuracy with the best one-to-one matching of clusters to classes, one for all jets.

    A matching of each batch on its own would be biased upwards. NaN without jets.
    """
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(table, maximize=True)
    total = table.sum()
    return float(table[rows, columns].sum() / total) if total else float("nan")

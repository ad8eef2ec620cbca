"""Clusters against classes: one global matching, never one per batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def contingency(
    truth: ArrayLike,
    cluster: ArrayLike,
    classes: int,
    clusters: int,
    counts: ArrayLike | None = None,
) -> NDArray:
    """Jets per class (row) and cluster (column), shape (classes, clusters).

    A negative cluster (a jet that was not clustered) is in no column.

    Args:
        truth: shape (jets,), class number from 0.
        cluster: shape (jets,), cluster number from 0.
        classes: number of classes.
        clusters: number of clusters.
        counts: shape (jets,), how often each jet counts; null for once.
    """
    truth, cluster = np.asarray(truth, dtype=int), np.asarray(cluster, dtype=int)
    known = cluster >= 0
    weights = None if counts is None else np.asarray(counts, dtype=float)[known]
    flat = np.bincount(
        truth[known] * clusters + cluster[known], weights=weights, minlength=classes * clusters
    )
    return flat.reshape(classes, clusters)


def match(table: NDArray) -> dict[int, int]:
    """Cluster to class so that the most jets agree (Hungarian algorithm); each class once."""
    rows, columns = _assigned(table)
    return {int(column): int(row) for row, column in zip(rows, columns, strict=True)}


def accuracy(table: NDArray, total: float) -> float:
    """Part of `total` jets in the cluster that is matched to their class."""
    rows, columns = _assigned(table)
    return float(table[rows, columns].sum() / total)


def _assigned(table: NDArray) -> tuple[NDArray, NDArray]:
    # Half a second of imports, which most templates need not wait for.
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(table, maximize=True)

"""Training of an isolation forest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boostflow.models import detector
from boostflow.models.detecting import DetectorBlock
from boostflow.models.isolation.block import Isolation
from boostflow.models.isolation.score import CHUNK, depths

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

POINTS = 20
"""Sizes of the forest at which the history has an entry."""
OF_TREES = ("feature", "threshold", "left", "right", "depth", "below")


def train(job: Train, files: Train.Files) -> None:
    """Write the trees of a forest of normal jets; see `detector.train`."""
    detector.train(job, files, learn, history)


def learn(x: NDArray, block: DetectorBlock) -> dict[str, NDArray]:
    """The trees as arrays; see `score.depths`.

    Args:
        x: standardised observables, shape (jets, features).
        block: number of trees and of the jets that each sees.
    """
    from sklearn.ensemble import IsolationForest

    assert isinstance(block, Isolation)
    size = min(block.sample, len(x))
    forest = IsolationForest(
        n_estimators=block.trees, max_samples=size, random_state=block.seed, n_jobs=1
    ).fit(np.asarray(x, np.float32))
    trees = [_tree(one.tree_) for one in forest.estimators_]
    most = max(len(tree["feature"]) for tree in trees)
    arrays = {
        name: np.stack([np.pad(tree[name], (0, most - len(tree[name]))) for tree in trees])
        for name in OF_TREES
    }
    return {**arrays, "expected": searched([size])[0]}


def _tree(tree: Any) -> dict[str, NDArray]:
    """The nodes of one of scikit-learn's trees, and the depth that is expected below each."""
    left, right = tree.children_left, tree.children_right
    level = np.zeros(tree.node_count)
    for node in np.flatnonzero(left >= 0):  # parents come before their children
        level[[left[node], right[node]]] = level[node] + 1
    depth = level + searched(tree.n_node_samples)
    mean, jets = depth.copy(), tree.n_node_samples
    for node in np.flatnonzero(left >= 0)[::-1]:
        below = [left[node], right[node]]
        mean[node] = np.average(mean[below], weights=jets[below])
    return {
        "feature": np.where(left >= 0, tree.feature, -1).astype(np.int32),
        "threshold": tree.threshold.astype(np.float64),
        "left": left.astype(np.int32),
        "right": right.astype(np.int32),
        "depth": depth,
        "below": mean,
    }


def searched(jets: ArrayLike) -> NDArray[np.float64]:
    """Mean depth of an unsuccessful search among so many jets in a binary tree, in their shape.

    2 H(n - 1) - 2 (n - 1) / n with H(i) = ln i + Euler's constant: eq. 1 of the paper.
    """
    n = np.maximum(np.asarray(jets, np.float64), 1)
    many = np.maximum(n - 1, 1)
    found = 2 * (np.log(many) + np.euler_gamma) - 2 * many / n
    return np.where(n > 2, found, n - 1)


def history(arrays: detector.Arrays, x: NDArray) -> list[float]:
    """Mean score of jets by forests of the first trees, of twenty sizes up to the whole."""
    depth = depths(arrays, np.asarray(x[:CHUNK], np.float32))
    sizes = np.unique(np.linspace(1, len(depth), POINTS).astype(int))
    expected = float(arrays["expected"])
    return [float(np.mean(2.0 ** (-depth[:size].mean(axis=0) / expected))) for size in sizes]

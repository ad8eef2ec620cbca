"""Scores of an isolation forest, from its trees as arrays: nothing is unpickled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.models import detector

CHUNK = 5_000
"""Jets that go down the trees together: bounds memory."""


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """The column `error`, and causes, shape (jets,) each."""
    return detector.score(model, jets, errors, shares)


def errors(arrays: detector.Arrays, x: NDArray) -> NDArray[np.float64]:
    """2^(-mean depth / expected depth) of each jet, between 0 and 1, shape (jets,).

    Args:
        arrays: see `depths`, and `expected`, the mean depth of a random search.
        x: standardised observables, shape (jets, features).
    """
    parts = np.split(np.asarray(x, np.float32), range(CHUNK, len(x), CHUNK))
    mean = np.concatenate([depths(arrays, part).mean(axis=0) for part in parts])
    return 2.0 ** (-mean / float(arrays["expected"]))


def shares(arrays: detector.Arrays, x: NDArray) -> NDArray[np.float64]:
    """What the cuts on each feature have made a jet's mean depth smaller by, (jets, features).

    A cut changes the depth that is expected of a jet: of a node it is the mean of those of its
    training jets, and what changes along the way to the leaf belongs to the features that are cut
    on (as A. Saabas explains random forests). All of it together is the depth that is expected of a
    training jet minus the jet's own, so a feature with a large share isolates the jet.

    Args:
        arrays: as of `depths`, and `below`, the depth that is expected from each node on.
        x: standardised observables, shape (jets, features).
    """
    parts = np.split(np.asarray(x, np.float32), range(CHUNK, len(x), CHUNK))
    return np.concatenate([_shares(arrays, part) for part in parts])


def _shares(arrays: detector.Arrays, x: NDArray[np.float32]) -> NDArray[np.float64]:
    trees, (jets, features) = len(arrays["feature"]), x.shape
    result = np.zeros(jets * features)
    for node, on, feature in steps(arrays, x):
        tree = np.arange(trees)[:, None]
        less = arrays["below"][tree, node] - arrays["below"][tree, on]
        place = np.arange(jets)[None, :] * features + np.maximum(feature, 0)
        result += np.bincount(place.ravel(), less.ravel(), minlength=len(result))
    return result.reshape(jets, features) / trees


def depths(arrays: detector.Arrays, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Depth at which each jet is alone in each tree, shape (trees, jets).

    Args:
        arrays: of shape (trees, nodes): `feature` (negative at a leaf), `threshold`, `left` (where
            the feature is not above it), `right`, and `depth`, with what cuts that were not made
            would add.
        x: standardised observables, shape (jets, features).
    """
    tree = np.arange(len(arrays["feature"]))[:, None]
    node = np.zeros((len(tree), len(x)), np.int32)
    for _, on, _ in steps(arrays, x):
        node = on
    return arrays["depth"][tree, node]


def steps(
    arrays: detector.Arrays, x: NDArray[np.float32]
) -> Iterator[tuple[NDArray, NDArray, NDArray]]:
    """Go down all trees, level by level.

    Args:
        arrays: as of `depths`.
        x: standardised observables, shape (jets, features).

    Yields:
        The node of each jet, the next one (the same at a leaf) and the feature that decides
        (negative at a leaf), of shape (trees, jets) each.
    """
    tree = np.arange(len(arrays["feature"]))[:, None]
    jet = np.arange(len(x))[None, :]
    node = np.zeros((len(tree), len(x)), np.int32)
    while ((feature := arrays["feature"][tree, node]) >= 0).any():
        below = x[jet, np.maximum(feature, 0)] <= arrays["threshold"][tree, node]
        on = np.where(below, arrays["left"][tree, node], arrays["right"][tree, node])
        on = np.where(feature >= 0, on, node)
        yield node, on, feature
        node = on

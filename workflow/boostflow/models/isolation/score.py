"""Scores of an isolation forest, from its trees as arrays: nothing is unpickled."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.models import detector

CHUNK = 5_000
"""Jets that go down the trees together: bounds memory."""


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """The column `error`, shape (jets,)."""
    return detector.score(model, jets, errors)


def errors(arrays: detector.Arrays, x: NDArray) -> NDArray[np.float64]:
    """2^(-mean depth / expected depth) of each jet, between 0 and 1, shape (jets,).

    Args:
        arrays: see `depths`, and `expected`, the mean depth of a random search.
        x: standardised observables, shape (jets, features).
    """
    parts = np.split(np.asarray(x, np.float32), range(CHUNK, len(x), CHUNK))
    mean = np.concatenate([depths(arrays, part).mean(axis=0) for part in parts])
    return 2.0 ** (-mean / float(arrays["expected"]))


def depths(arrays: detector.Arrays, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Depth at which each jet is alone in each tree, shape (trees, jets).

    Args:
        arrays: of shape (trees, nodes): `feature` (negative at a leaf), `threshold`, `left` (where
            the feature is not above it), `right`, and `depth`, with what cuts that were not made
            would add.
        x: standardised observables, shape (jets, features).
    """
    tree = np.arange(len(arrays["feature"]))[:, None]
    jet = np.arange(len(x))[None, :]
    node = np.zeros((len(tree), len(x)), np.int32)
    while ((feature := arrays["feature"][tree, node]) >= 0).any():
        below = x[jet, np.maximum(feature, 0)] <= arrays["threshold"][tree, node]
        on = np.where(below, arrays["left"][tree, node], arrays["right"][tree, node])
        node = np.where(feature >= 0, on, node)
    return arrays["depth"][tree, node]

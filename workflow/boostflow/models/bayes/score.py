"""Probabilities of classes by Bayes' theorem."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.models.bayes.block import Bayes
from boostflow.models.untrained import by_class, scores

RANGE = 200.0
"""Width of the range that a mismatched value may lie in, in units of the resolution."""


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """Class probabilities, `p_<class>`, each of shape (jets,)."""
    return scores(model, jets, Bayes, probabilities)


def probabilities(values: NDArray, block: Bayes, classes: Sequence[str]) -> NDArray[np.float64]:
    """Probabilities of shape (jets, classes), which add up to 1.

    Args:
        values: of `block.columns()`, shape (jets, columns); NaN where there is none.
        block: which columns are deviations from which class.
        classes: in the order of the result.
    """
    n = by_class(values, block, classes)
    # A normal distribution and, with mismatches, a flat one.
    missing = np.isnan(n)
    terms = -(np.where(missing, 0.0, n) ** 2) / 2 + np.log(
        (1 - block.mismatch) / np.sqrt(2 * np.pi)
    )
    if block.mismatch:
        terms = np.logaddexp(terms, np.log(block.mismatch / RANGE))
    found = np.where(missing, 0.0, terms).sum(axis=2)
    found += np.log([block.priors.get(name, 1.0) for name in classes])
    # The largest is taken out, so that not all of them underflow.
    found = np.exp(found - found.max(axis=1, keepdims=True))
    return found / found.sum(axis=1, keepdims=True)

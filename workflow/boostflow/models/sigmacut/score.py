"""Scores of cuts on n-sigma values: a probability of each class that orders jets as these do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.models.sigmacut.block import SigmaCut
from boostflow.models.untrained import by_class, scores


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """Class probabilities, `p_<class>`, each of shape (jets,)."""
    return scores(model, jets, SigmaCut, probabilities)


def probabilities(values: NDArray, block: SigmaCut, classes: Sequence[str]) -> NDArray[np.float64]:
    """Probabilities of shape (jets, classes), which add up to 1.

    That of the nearest class falls with its deviation from 1 to 1 / classes, the others share the
    rest in equal parts. Without any deviation all are equal.

    Args:
        values: of `block.columns()`, shape (jets, columns); NaN where there is none.
        block: which columns are deviations from which class.
        classes: in the order of the result.
    """
    size = len(classes)
    n = by_class(values, block, classes)
    deviation = np.sqrt(np.nansum(n**2, axis=2))
    deviation[np.isnan(n).all(axis=(1, 2))] = np.inf
    nearest = deviation.argmin(axis=1)
    p = 1 / size + (1 - 1 / size) / (1 + deviation.min(axis=1))
    found = np.repeat(((1 - p) / (size - 1))[:, None], size, axis=1)
    found[np.arange(len(values)), nearest] = p
    return found

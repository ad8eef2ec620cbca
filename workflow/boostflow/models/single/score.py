"""Scores of a cut: a probability of each class that orders jets as the observable does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.io import read_json
from boostflow.models.single.block import Single
from boostflow.models.tabular import matrix

NODES = "observable.json"


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """Class probabilities, `p_<class>`, each of shape (jets,)."""
    about = read_json(model / "manifest.json")
    block = Single.model_validate(about["config"])
    values = matrix(jets, [block.observable], "jets")[:, 0]
    found = probabilities(values, read_json(model / NODES), block, about["classes"])
    return {f"p_{name}": found[:, i] for i, name in enumerate(about["classes"])}


def probabilities(
    values: NDArray, nodes: Mapping[str, Sequence[float]], block: Single, classes: Sequence[str]
) -> NDArray[np.float32]:
    """Probabilities of shape (jets, classes).

    That of the signal is the part of the training jets on the other side of the value; other
    classes share the rest in equal parts, so that the signal against any of them is ordered alike.

    Args:
        values: of the observable, shape (jets,).
        nodes: `value`, ascending, and the part of the jets `below` it.
        block: which class is kept, and on which side.
        classes: of the training.
    """
    share = np.interp(values, nodes["value"], nodes["below"])
    if block.keep == "below":
        share = 1 - share
    result = np.repeat(((1 - share) / (len(classes) - 1))[:, None], len(classes), axis=1)
    result[:, list(classes).index(block.signal)] = share
    return result.astype(np.float32)

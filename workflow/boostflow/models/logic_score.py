"""Scores of models in fixed point: probabilities from what their integer logic gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.io import read_json
from boostflow.models import logic
from boostflow.models.grid import Grid
from boostflow.models.tabular import matrix

if TYPE_CHECKING:
    import awkward as ak


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """Class probabilities, `p_<class>`, each of shape (jets,): a softmax outside of the logic.

    Args:
        model: folder of the trained model.
        jets: with the columns that it was trained on.
        threads: that compute at the same time.

    Raises:
        BoostflowError: the model is damaged, or a column is missing or not finite.
    """
    about = read_json(model / "manifest.json")
    grid = Grid.read(about["grid"])
    values = grid.values(matrix(jets, grid.features, "jets", about["config"].get("missing", {})))
    found = logic.logits(logic.load(model / logic.LOGIC), values, threads)
    odds = np.exp(found - found.max(axis=1, keepdims=True, initial=-np.inf))
    shares = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return {f"p_{name}": shares[:, i] for i, name in enumerate(about["classes"])}

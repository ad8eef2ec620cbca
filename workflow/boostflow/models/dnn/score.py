"""Scores of the dense network: a probability of each class, by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.io import read_json
from boostflow.models.dnn.export import FEATURES, ONNX, PROBABILITIES
from boostflow.models.runtime import session
from boostflow.models.tabular import matrix


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """Class probabilities, `p_<class>`, each of shape (jets,).

    Args:
        model: folder of the trained network.
        jets: with the columns that it was trained on.
        threads: that compute at the same time.

    Raises:
        BoostflowError: the model is damaged, or a column is missing or not finite.
    """
    about = read_json(model / "manifest.json")
    x = matrix(jets, about["features"], "jets")
    (values,) = session(model / ONNX, threads).run([PROBABILITIES], {FEATURES: x})
    return {f"p_{name}": values[:, i] for i, name in enumerate(about["classes"])}

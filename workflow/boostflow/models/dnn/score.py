"""Scores of the dense network: a probability of each class, by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.io import read_json
from boostflow.models.network_score import probabilities
from boostflow.models.tabular import Columns, matrix


def source(about: Mapping[str, Any], jets: ak.Array) -> Columns:
    """The inputs of a trained network; see `network_score.Sources`."""
    return Columns(matrix(jets, about["features"], "jets", about["config"].get("missing", {})))


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
    return probabilities(model, about, source(about, jets), threads)

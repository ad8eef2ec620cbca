"""Scores of the trees: a probability of each class."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.io import read_json
from boostflow.models.boosting import WEIGHTS, xgboost
from boostflow.models.tabular import matrix


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """Class probabilities, `p_<class>`, each of shape (jets,)."""
    xgb = xgboost()

    about = read_json(model / "manifest.json")
    names = about["config"]["features"]
    booster = xgb.Booster(model_file=model / WEIGHTS)
    booster.set_param({"nthread": threads})
    data = xgb.DMatrix(matrix(jets, names, "jets", None), feature_names=names, nthread=threads)
    values = booster.predict(data).reshape(len(jets), len(about["classes"]))
    return {f"p_{name}": values[:, i] for i, name in enumerate(about["classes"])}

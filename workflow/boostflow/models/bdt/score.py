"""Scores of the trees: a probability of each class."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import read_json

WEIGHTS = "model.ubj"


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """Class probabilities, `p_<class>`, each of shape (jets,)."""
    import xgboost as xgb

    about = read_json(model / "manifest.json")
    names = about["config"]["features"]
    booster = xgb.Booster(model_file=model / WEIGHTS)
    booster.set_param({"nthread": threads})
    data = xgb.DMatrix(matrix(jets, names, "jets"), feature_names=names, nthread=threads)
    values = booster.predict(data).reshape(len(jets), len(about["classes"]))
    return {f"p_{name}": values[:, i] for i, name in enumerate(about["classes"])}


def matrix(jets: ak.Array, names: list[str], where: str) -> NDArray[np.float32]:
    """Observables as a matrix of shape (jets, features).

    Raises:
        BoostflowError: a column is missing or has NaN or infinite values.
    """
    if missing := [name for name in names if name not in jets.fields]:
        raise BoostflowError(
            f"{where}: no observable {', '.join(missing)} (input without constituents?); "
            "choose other `features`"
        )
    x = np.stack([np.asarray(jets[name], dtype=np.float32) for name in names], axis=1)
    if not np.isfinite(x).all():
        bad = [
            name for name, good in zip(names, np.isfinite(x).all(axis=0), strict=True) if not good
        ]
        raise BoostflowError(f"{where}: NaN or infinite values in {', '.join(bad)}")
    return x

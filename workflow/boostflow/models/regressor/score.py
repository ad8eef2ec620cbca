"""Estimates of the regression trees."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.io import read_json
from boostflow.models.boosting import WEIGHTS, xgboost
from boostflow.models.regressing import CORRECTED, ERROR
from boostflow.models.regression import Calibration, columns_of, features_of, level_of

WIDTHS = "widths.ubj"
"""The file of the trees of the error in the folder of a model."""


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """The estimate and its error (GeV), shape (jets,) each.

    Raises:
        BoostflowError: a column is missing or not finite.
    """
    xgb = xgboost()
    about = read_json(model / "manifest.json")
    features = about["config"]["features"]
    columns = features_of(jets, features)
    x, names = columns_of(columns, features)
    data = xgb.DMatrix(x, feature_names=names, nthread=threads)
    found = []
    for file in (WEIGHTS, WIDTHS):
        booster = xgb.Booster(model_file=model / file)
        booster.set_param({"nthread": threads})
        found.append(booster.predict(data))
    calibration = Calibration.from_json(about["calibration"])
    estimate = calibration(found[0].astype(np.float64), level_of(columns))
    return {
        CORRECTED: estimate.astype(np.float32),
        ERROR: np.maximum(found[1], 0).astype(np.float32),
    }

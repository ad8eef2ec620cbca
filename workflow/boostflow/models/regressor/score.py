"""Estimates of the regression trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.io import read_json
from boostflow.models.boosting import WEIGHTS, xgboost
from boostflow.models.regressing import CORRECTED, ERROR
from boostflow.models.regression import Calibration, subtracted
from boostflow.models.tabular import matrix

WIDTHS = "widths.ubj"
"""The file of the trees of the error in the folder of a model."""
SUBTRACTED = "pt - rho area"
"""The feature that is made of others."""


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """The estimate and its error (GeV), shape (jets,) each.

    Raises:
        BoostflowError: a column is missing or not finite.
    """
    xgb = xgboost()
    about = read_json(model / "manifest.json")
    names = about["config"]["features"]
    table = matrix(jets, names, "jets")
    x, names = columns_of({name: table[:, i] for i, name in enumerate(names)}, names)
    data = xgb.DMatrix(x, feature_names=names, nthread=threads)
    found = []
    for file in (WEIGHTS, WIDTHS):
        booster = xgb.Booster(model_file=model / file)
        booster.set_param({"nthread": threads})
        found.append(booster.predict(data))
    estimate = Calibration.from_json(about["calibration"])(found[0].astype(np.float64))
    return {
        CORRECTED: estimate.astype(np.float32),
        ERROR: np.maximum(found[1], 0).astype(np.float32),
    }


def columns_of(
    columns: Mapping[str, NDArray], features: Sequence[str]
) -> tuple[NDArray[np.float32], list[str]]:
    """What the trees read, shape (jets, features), and the names of the features."""
    values = [np.asarray(columns[name], np.float32) for name in features]
    names = list(features)
    if {"pt", "rho", "area"} <= columns.keys():
        values.append(subtracted(columns).astype(np.float32))
        names.append(SUBTRACTED)
    return np.stack(values, axis=1), names

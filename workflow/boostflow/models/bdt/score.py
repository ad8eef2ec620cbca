"""Scores of the trees: a probability of each class."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.averages import distances
from boostflow.io import read_json
from boostflow.models.boosting import WEIGHTS, xgboost
from boostflow.models.causes import largest
from boostflow.models.following import Ranked
from boostflow.models.tabular import NONE, matrix


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """Class probabilities, `p_<class>`, and causes, each of shape (jets,)."""
    xgb = xgboost()

    about = read_json(model / "manifest.json")
    config, causes = about["config"], {}
    names = config["features"]
    # What older models lack they do not do.
    if config.get("ranked") is None:
        x = matrix(jets, names, "jets", None)
    else:
        block = Ranked.model_validate(config["ranked"])
        x = matrix(jets, names, "jets", NONE)
        x, sizes = ranked(x, np.asarray(jets[block.time], np.float64), block)
        names, causes = ranks(block), largest(sizes, block.causes)
    booster = xgb.Booster(model_file=model / WEIGHTS)
    booster.set_param({"nthread": threads})
    data = xgb.DMatrix(x, feature_names=names, nthread=threads)
    values = booster.predict(data).reshape(len(jets), len(about["classes"]))
    return {f"p_{name}": values[:, i] for i, name in enumerate(about["classes"])} | causes


def ranks(block: Ranked) -> list[str]:
    """What the trees call the largest distances."""
    return [f"distance_{i + 1}" for i in range(block.largest)]


def ranked(x: NDArray, time: NDArray, block: Ranked) -> tuple[NDArray, NDArray]:
    """The largest distances of rows, shape (rows, largest), and those of all columns.

    Args:
        x: features, shape (rows, features).
        time: says the order of the rows, shape (rows,).
        block: how averages follow, and how many distances are told.
    """
    sizes = np.abs(distances(x, time, block.halflife, block.clip))
    return -np.sort(-sizes, axis=1)[:, : block.largest], sizes

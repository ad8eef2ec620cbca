"""Training of regression trees, on one thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.models.boosting import VALUES, WEIGHTS, boosted, leaves, metrics, xgboost
from boostflow.models.regression import SIGMA, Calibration, Jets, columns_of, level_of, read
from boostflow.models.regressor.block import Regressor
from boostflow.models.regressor.score import WIDTHS
from boostflow.training.manifest import model_folder

if TYPE_CHECKING:
    from xgboost import Booster

    from boostflow.jobs.models import Train

WIDTH_ROUNDS, WIDTH_DEPTH = 60, 3


def train(job: Train, files: Train.Files) -> None:
    """Train on the training split, stop early and calibrate on the validation split.

    The trees learn the mean of the true value; a second set, from the validation split, learns the
    68 % quantile of what is missed. See `models.bdt.train` for why there is one thread.

    Args:
        job: the model's block.
        files: selected jets, and the folder to write: model.ubj, widths.ubj, metrics.json,
            manifest.json.

    Raises:
        BoostflowError: see `regression.read`.
    """
    xgb = xgboost()
    start = time.monotonic()
    block = job.model
    assert isinstance(block, Regressor)
    jets = read(files.jets, block)
    inputs = {split: columns_of(one.columns, block.features) for split, one in jets.items()}
    sets = {
        split: xgb.DMatrix(x, one.truth, weight=one.weight, feature_names=names, nthread=1)
        for (split, one), (x, names) in zip(jets.items(), inputs.values(), strict=True)
    }
    booster, history = boosted(block, sets, VALUES)
    other = jets["validation"]
    estimate = booster.predict(sets["validation"]).astype(np.float64)
    level = level_of(other.columns)
    calibration = Calibration.none()
    if block.calibrate:
        calibration = Calibration.fitted(estimate, other.truth, other.weight, level)
    widths = _widths(other, calibration(estimate, level), inputs["validation"], block.seed)
    found = metrics(booster, history, inputs["train"][1])
    about = {"calibration": calibration.to_json(), "parameters": leaves(booster)}
    with model_folder(files, block, start, found, **about) as folder:
        (folder / WEIGHTS).write_bytes(booster.save_raw("ubj"))
        (folder / WIDTHS).write_bytes(widths.save_raw("ubj"))


def _widths(jets: Jets, estimate: NDArray, inputs: tuple[NDArray, list[str]], seed: int) -> Booster:
    """Trees of the 68 % quantile of |estimate - true value|."""
    xgb = xgboost()
    x, names = inputs
    missed = np.abs(estimate - jets.truth)
    data = xgb.DMatrix(x, missed, weight=jets.weight, feature_names=names, nthread=1)
    return xgb.train(
        {
            "tree_method": "hist",
            "seed": seed,
            "nthread": 1,
            "objective": "reg:quantileerror",
            "quantile_alpha": SIGMA,
            "max_depth": WIDTH_DEPTH,
            "min_child_weight": 0.02 * len(missed),
            "eta": 0.1,
        },
        data,
        num_boost_round=WIDTH_ROUNDS,
        verbose_eval=False,
    )

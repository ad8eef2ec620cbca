"""Training of regression trees, on one thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boostflow.models.boosting import WEIGHTS, leaves, xgboost
from boostflow.models.regression import SIGMA, Calibration, Jets, columns_of, read
from boostflow.models.regressor.block import Regressor
from boostflow.models.regressor.score import WIDTHS
from boostflow.training.manifest import model_folder

if TYPE_CHECKING:
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
    history: dict[str, dict[str, list[float]]] = {}
    common = {"tree_method": "hist", "seed": block.seed, "nthread": 1}
    booster = xgb.train(
        {
            **common,
            "objective": "reg:squarederror",
            "max_depth": block.max_depth,
            "min_child_weight": block.min_leaf * sets["train"].num_row(),
            "eta": block.learning_rate,
            "subsample": block.subsample,
            "colsample_bytree": block.colsample,
        },
        sets["train"],
        num_boost_round=block.rounds,
        evals=[(data, split) for split, data in sets.items()],
        early_stopping_rounds=block.early_stopping,
        evals_result=history,
        verbose_eval=20,
    )
    booster = booster[: booster.best_iteration + 1]
    other = jets["validation"]
    estimate = booster.predict(sets["validation"]).astype(np.float64)
    calibration = Calibration([])
    if block.calibrate:
        calibration = Calibration.fitted(estimate, other.truth, other.weight)
    widths = _widths(other, calibration(estimate), inputs["validation"], common)
    gain = booster.get_score(importance_type="total_gain")
    found = {
        "rounds": booster.num_boosted_rounds(),
        "history": {
            "loss": [float(v) for v in history["train"]["rmse"]],
            "validation_loss": [float(v) for v in history["validation"]["rmse"]],
        },
        "importance": {name: float(gain.get(name, 0.0)) for name in inputs["train"][1]},
    }
    about = {"calibration": calibration.to_json(), "parameters": leaves(booster)}
    with model_folder(files, block, start, found, **about) as folder:
        (folder / WEIGHTS).write_bytes(booster.save_raw("ubj"))
        (folder / WIDTHS).write_bytes(widths.save_raw("ubj"))


def _widths(
    jets: Jets, estimate: NDArray, inputs: tuple[NDArray, list[str]], common: dict[str, Any]
) -> Any:
    """Trees of the 68 % quantile of |estimate - true value|."""
    xgb = xgboost()
    x, names = inputs
    missed = np.abs(estimate - jets.truth)
    data = xgb.DMatrix(x, missed, weight=jets.weight, feature_names=names, nthread=1)
    return xgb.train(
        {
            **common,
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

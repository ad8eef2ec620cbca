"""Training of the trees, on one thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from boostflow.models.bdt.block import BDT, Trees
from boostflow.models.bdt.library import xgboost
from boostflow.models.bdt.score import WEIGHTS
from boostflow.models.kept import once
from boostflow.models.tabular import SPLITS, of_split, read
from boostflow.training.manifest import model_folder

if TYPE_CHECKING:
    from xgboost import Booster, DMatrix

    from boostflow.jobs.models import Train

log = logging.getLogger("bdt")

History = Mapping[str, Mapping[str, Sequence[float]]]
"""Losses of each round, by split and name."""

INPUT = ("features", "planing", "bootstrap")
"""Keys of the block that decide what of the jets is read, and with which weights."""


class Given(NamedTuple):
    """The jets of a training as XGBoost takes them, which bins each feature once."""

    features: list[str]
    classes: list[str]
    sets: dict[str, DMatrix]
    """By name of the split."""


def train(job: Train, files: Train.Files) -> None:
    """Train on the training split, stop early on the validation split.

    Every class gets the same total weight, and with planing a flat mass spectrum. Negative
    generator weights enter with their absolute value, because XGBoost refuses negative ones; the
    evaluation uses the signed weights.

    One thread: XGBoost adds up histograms in an order that depends on the number of threads, and
    predictions are to be the same bit for bit on every machine.

    Args:
        job: the model's block.
        files: selected jets, and the folder to write: model.ubj, metrics.json, manifest.json.

    Raises:
        BoostflowError: fewer than two classes, a class without jets in a split, or a feature that
            is missing or infinite; NaN has a direction of its own at each node.
    """
    start = time.monotonic()
    block = job.model
    assert isinstance(block, BDT)
    key = (files.jets, block.model_dump_json(include={*INPUT}))
    given = once("trees", key, lambda: _given(files.jets, block))
    config, sets = block.model_copy(update={"features": given.features}), given.sets
    booster, history = boosted(config, sets, len(given.classes))
    found = metrics(booster, history, config.features)
    about = {"classes": given.classes, "parameters": leaves(booster)}
    with model_folder(files, config, start, found, **about) as folder:
        # Not by `save_model`, which says little of a full disk.
        (folder / WEIGHTS).write_bytes(booster.save_raw("ubj"))


def boosted(config: Trees, sets: Mapping[str, DMatrix], classes: int) -> tuple[Booster, History]:
    """The rounds up to the best one, and the losses of all.

    Args:
        config: how trees are grown.
        sets: features, numbers of classes and weights by name of the split.
        classes: number of classes.
    """
    history: dict[str, dict[str, list[float]]] = {}
    booster = xgboost().train(
        {
            "objective": "multi:softprob",
            "num_class": classes,
            "eval_metric": "mlogloss",
            "max_depth": config.max_depth,
            # In units of the sum of weights: their mean is 1, whatever the number of jets.
            "min_child_weight": config.min_leaf * sets["train"].num_row(),
            "eta": config.learning_rate,
            "subsample": config.subsample,
            "colsample_bytree": config.colsample,
            "tree_method": "hist",
            "seed": config.seed,
            "nthread": 1,
        },
        sets["train"],
        num_boost_round=config.rounds,
        evals=[(data, name) for name, data in sets.items()],
        early_stopping_rounds=config.early_stopping,
        evals_result=history,
        verbose_eval=10,
    )
    best = booster.best_iteration
    log.info("best of %d rounds: %d", len(history["train"]["mlogloss"]), best + 1)
    return booster[: best + 1], history


def metrics(booster: Booster, history: History, features: Sequence[str]) -> dict[str, Any]:
    """What metrics.json holds: rounds, losses, gain of each feature."""
    # Lists are for linear boosters.
    gain = cast(dict[str, float], booster.get_score(importance_type="total_gain"))
    return {
        "rounds": booster.num_boosted_rounds(),
        "history": {
            "loss": [float(v) for v in history["train"]["mlogloss"]],
            "validation_loss": [float(v) for v in history["validation"]["mlogloss"]],
        },
        "importance": {name: float(gain.get(name, 0.0)) for name in features},
    }


def leaves(booster: Booster) -> int:
    """Number of leaves of all trees."""
    return sum(tree.count("leaf=") for tree in booster.get_dump())


def _given(jets: Sequence[Path], block: BDT) -> Given:
    """Read the splits of a training."""
    xgb = xgboost()
    rows = read(jets, block.features, block.standard(), block.planing, missing=None)
    sets = {}
    for name in SPLITS:
        x, y, w = of_split(rows, block, name)
        sets[name] = xgb.DMatrix(x, y, weight=w, feature_names=rows.features, nthread=1)
        log.info("%s: %d jets of %d classes", name, len(y), len(rows.classes))
    return Given(rows.features, rows.classes, sets)

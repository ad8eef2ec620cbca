"""Boosted trees by XGBoost: the library, the rounds of a training, and what is told of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, cast

from boostflow.alone import without

if TYPE_CHECKING:
    from xgboost import Booster, DMatrix

log = logging.getLogger("trees")

WEIGHTS = "model.ubj"
"""The file of the trees in the folder of a model."""

History = Mapping[str, Mapping[str, Sequence[float]]]
"""Losses of each round, by split and name."""


class Growing(Protocol):
    """How trees are grown: keys that the blocks of all families of trees have."""

    max_depth: int
    min_leaf: float
    learning_rate: float
    rounds: int
    early_stopping: int
    subsample: float
    colsample: float
    seed: int


def xgboost() -> ModuleType:
    """The library; in a job without its classes for scikit-learn, whose import takes 3 s."""
    with without("sklearn"):
        import xgboost

    return xgboost


def classes(number: int) -> dict[str, Any]:
    """The objective of trees that tell so many classes apart."""
    return {"objective": "multi:softprob", "num_class": number, "eval_metric": "mlogloss"}


VALUES = {"objective": "reg:squarederror", "eval_metric": "rmse"}
"""The objective of trees that learn a mean."""


def boosted(
    config: Growing, sets: Mapping[str, DMatrix], objective: Mapping[str, Any]
) -> tuple[Booster, History]:
    """The rounds up to the best one, and the losses of all.

    Args:
        config: how trees are grown.
        sets: features, what is learned and weights by name of the split.
        objective: `classes` or `VALUES`.
    """
    history: dict[str, dict[str, list[float]]] = {}
    booster = xgboost().train(
        {
            **objective,
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
    log.info("best of %d rounds: %d", len(losses(history, "train")), best + 1)
    return booster[: best + 1], history


def losses(history: History, split: str) -> list[float]:
    """The loss of each round, whatever it is called."""
    (found,) = history[split].values()
    return [float(value) for value in found]


def metrics(booster: Booster, history: History, features: Sequence[str]) -> dict[str, Any]:
    """What metrics.json holds: rounds, losses, gain of each feature."""
    # Lists are for linear boosters.
    gain = cast(dict[str, float], booster.get_score(importance_type="total_gain"))
    return {
        "rounds": booster.num_boosted_rounds(),
        "history": {
            "loss": losses(history, "train"),
            "validation_loss": losses(history, "validation"),
        },
        "importance": {name: float(gain.get(name, 0.0)) for name in features},
    }


def leaves(booster: Booster) -> int:
    """Number of leaves of all trees."""
    return sum(tree.count("leaf=") for tree in booster.get_dump())

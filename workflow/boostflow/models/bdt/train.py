"""Training of the trees, on one thread."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow import seeds
from boostflow.errors import BoostflowError
from boostflow.io import atomic, parquet_columns, read_parquet, require_rows, write_json
from boostflow.keyed import uniform
from boostflow.models.bdt.score import WEIGHTS, matrix
from boostflow.models.family import family_of
from boostflow.observables.names import OBSERVABLES
from boostflow.select.split import TRAIN, VALIDATION
from boostflow.training.manifest import manifest

if TYPE_CHECKING:
    pass

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

log = logging.getLogger("bdt")

UNMATCHED = "unmatched"


def train(job: Train, files: Train.Files) -> None:
    """Train on the training split, stop early on the validation split.

    Every class gets the same total weight. Negative generator weights enter with their absolute
    value, because XGBoost refuses negative ones; the evaluation uses the signed weights.

    With a bootstrap each event of the training split counts as often as a Poisson(1) number says
    that follows from its `event_id` and the seed, both of its jets together. The validation split
    stays as it is.

    One thread: XGBoost adds up histograms in an order that depends on the number of threads, and
    predictions are to be the same bit for bit on every machine.

    Args:
        job: the model's block.
        files: selected jets, and the folder to write: model.ubj, metrics.json, manifest.json.

    Raises:
        BoostflowError: fewer than two classes, a class without jets in a split, or a feature that
            is missing or not finite.
    """
    import xgboost as xgb

    start = time.monotonic()
    inputs = files.jets
    require_rows(inputs)
    config = job.model.model_copy(update={"features": available(inputs, job.model.features)})
    columns = [*config.features, "label", "split", "weight"]
    if config.bootstrap is not None:
        columns.append("event_id")
    features, labels, splits, weights = [], [], [], []
    for path in inputs:
        jets = read_parquet(path, columns)
        features.append(matrix(jets, config.features, str(path)))
        labels.append(np.asarray(jets.label.to_list(), dtype=str))
        splits.append(np.asarray(jets.split))
        weight = np.abs(np.asarray(jets.weight))
        if config.bootstrap is not None:
            drawn = bootstrap_counts(np.asarray(jets.event_id), config.bootstrap, path.stem)
            weight = np.where(splits[-1] == TRAIN, weight * drawn, weight)
        weights.append(weight)
    x, label, part, weight = map(np.concatenate, (features, labels, splits, weights))
    classes = sorted(set(label) - {UNMATCHED})
    if len(classes) < 2:
        raise BoostflowError(
            f"a classifier needs at least two classes, the jets have {', '.join(classes) or 'none'}"
        )
    y = np.searchsorted(classes, label).clip(max=len(classes) - 1)
    sets = {}
    for name, code in (("train", TRAIN), ("validation", VALIDATION)):
        chosen = (part == code) & (label != UNMATCHED)
        w = balanced(y[chosen], weight[chosen], classes, name)
        sets[name] = xgb.DMatrix(
            x[chosen], y[chosen], weight=w, feature_names=config.features, nthread=1
        )
        log.info("%s: %d jets of %d classes", name, chosen.sum(), len(classes))
    history: dict[str, dict[str, list[float]]] = {}
    booster = xgb.train(
        {
            "objective": "multi:softprob",
            "num_class": len(classes),
            "eval_metric": "mlogloss",
            "max_depth": config.max_depth,
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
    booster = booster[: best + 1]
    gain = booster.get_score(importance_type="total_gain")
    with atomic(files.output) as part_dir:
        part_dir.mkdir()
        # Not by `save_model`, which says little of a full disk.
        (part_dir / WEIGHTS).write_bytes(booster.save_raw("ubj"))
        write_json(
            part_dir / "metrics.json",
            {
                "rounds": best + 1,
                "history": {
                    "loss": [float(v) for v in history["train"]["mlogloss"]],
                    "validation_loss": [float(v) for v in history["validation"]["mlogloss"]],
                },
                "importance": {name: float(gain.get(name, 0.0)) for name in config.features},
            },
        )
        write_json(
            part_dir / "manifest.json",
            manifest(
                config,
                inputs,
                family_of(job.model).packages,
                time.monotonic() - start,
                classes=classes,
            ),
        )
    log.info("best of %d rounds: %d", len(history["train"]["mlogloss"]), best + 1)


def available(inputs: list[Path], names: list[str]) -> list[str]:
    """The features that all samples have; one that is missing is an error only if it was chosen."""
    if names != OBSERVABLES:
        return names
    present = [set(parquet_columns(path)) for path in inputs]
    missing = [name for name in names if not all(name in columns for columns in present)]
    if missing:
        log.warning("the input has no %s: trained without", ", ".join(missing))
    return [name for name in names if name not in missing]


def bootstrap_counts(event_ids: NDArray[np.uint64], seed: int, sample: str) -> NDArray[np.integer]:
    """How often each jet counts in a bootstrap of the events: Poisson(1), shape (jets,).

    Samples whose events have the same numbers draw on their own.
    """
    from scipy.stats import poisson

    number = uniform(seeds.derive(seed, "bootstrap", sample), event_ids)
    return np.searchsorted(poisson.cdf(np.arange(20), 1), number)


def balanced(
    y: NDArray[np.integer], weight: NDArray, classes: list[str], where: str
) -> NDArray[np.float64]:
    """Weights scaled so that every class has the same sum and the mean is 1.

    Raises:
        BoostflowError: a class has no jets.
    """
    sums = np.bincount(y, weight, minlength=len(classes))
    if empty := [name for name, total in zip(classes, sums, strict=True) if total <= 0]:
        raise BoostflowError(
            f"no jets of class {', '.join(empty)} in the {where} split: more events are needed"
        )
    return weight / sums[y] * len(y) / len(classes)

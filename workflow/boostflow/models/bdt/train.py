"""Training of the trees, on one thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from boostflow.io import read_flat
from boostflow.models.bdt.block import BDT
from boostflow.models.bdt.score import ranked, ranks
from boostflow.models.boosting import WEIGHTS, boosted, classes, leaves, metrics, xgboost
from boostflow.models.kept import once
from boostflow.models.tabular import NONE, SPLITS, of_split, read
from boostflow.training.manifest import model_folder

if TYPE_CHECKING:
    from xgboost import DMatrix

    from boostflow.jobs.models import Train

log = logging.getLogger("bdt")

INPUT = ("features", "planing", "bootstrap", "ranked")
"""Keys of the block that decide what of the jets is read, and with which weights."""


class Given(NamedTuple):
    """The jets of a training as XGBoost takes them, which bins each feature once."""

    features: list[str]
    """Columns of the jets that were read."""
    names: list[str]
    """What the trees are told."""
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
    booster, history = boosted(config, sets, classes(len(given.classes)))
    found = metrics(booster, history, given.names)
    about = {"classes": given.classes, "parameters": leaves(booster)}
    with model_folder(files, config, start, found, **about) as folder:
        # Not by `save_model`, which says little of a full disk.
        (folder / WEIGHTS).write_bytes(booster.save_raw("ubj"))


def _given(jets: Sequence[Path], block: BDT) -> Given:
    """Read the splits of a training."""
    xgb = xgboost()
    missing = None if block.ranked is None else NONE
    rows = read(jets, block.features, block.standard(), block.planing, missing)
    columns = names = rows.features
    if block.ranked is not None:
        name = block.ranked.time
        when = np.concatenate([read_flat(path, [name])[name] for path in jets])
        told, _ = ranked(rows.x, when, block.ranked)
        rows, names = rows._replace(x=told), ranks(block.ranked)
    sets = {}
    for name in SPLITS:
        x, y, w = of_split(rows, block, name)
        sets[name] = xgb.DMatrix(x, y, weight=w, feature_names=names, nthread=1)
        log.info("%s: %d jets of %d classes", name, len(y), len(rows.classes))
    return Given(columns, names, rows.classes, sets)

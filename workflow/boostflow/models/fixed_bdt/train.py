"""Training of the trees in fixed point, on one thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from boostflow.errors import BoostflowError
from boostflow.io import write_json
from boostflow.models import logic
from boostflow.models.boosting import WEIGHTS, boosted, classes, leaves, metrics, xgboost
from boostflow.models.fixed_bdt import trees
from boostflow.models.fixed_bdt.block import FixedBDT
from boostflow.models.grid import Grid
from boostflow.models.tabular import SPLITS, of_split, read
from boostflow.select.split import TRAIN
from boostflow.training.manifest import model_folder

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Train on features on the grid, round the leaves, and write logic and firmware.

    Weights are those of all trees: absolute ones, every class with the same sum. The logic has to
    give the sums of the integer trees on all training and validation jets.

    Args:
        job: the model's block.
        files: selected jets, and the folder to write: logic.json, firmware.json, hdl, cpp,
            model.ubj, metrics.json, manifest.json.

    Raises:
        BoostflowError: fewer than two classes, a class without jets in a split, a feature that is
            missing, not finite or beyond its range, or a logic that differs from the trees.
    """
    xgb = xgboost()
    start = time.monotonic()
    block = job.model
    assert isinstance(block, FixedBDT)
    rows = read(files.jets, block.features, optional=block.standard(), planing=block.planing)
    config = block.model_copy(update={"features": rows.features})
    seen = rows.x[(rows.split == TRAIN) & rows.labelled]
    grid = Grid.of(seen, rows.features, config.ranges, config.bits, config.logarithms)
    codes, sets = [], {}
    for name in SPLITS:
        x, y, weight = of_split(rows, config, name)
        codes.append(grid.codes(x))
        names = rows.features
        sets[name] = xgb.DMatrix(grid.values(x), y, weight=weight, feature_names=names, nthread=1)
    booster, history = boosted(config, sets, classes(len(rows.classes)))
    grown = trees.integers(booster, grid, config.fraction)
    made = trees.traced(grown, grid, config.fraction)
    jets = np.concatenate(codes)
    values = np.ldexp(jets.astype(np.float32), -grid.kif[2])
    wanted = np.ldexp(trees.sums(grown, jets).astype(float), -config.fraction)
    if differ := int((logic.logits(made, values, 1) != wanted).any(axis=1).sum()):
        raise BoostflowError(
            f"the integer logic differs from the trees on {differ} of {len(jets)} jets"
        )
    found = metrics(booster, history, rows.features)
    about = {"grid": grid.data(), "classes": rows.classes, "parameters": leaves(booster)}
    with model_folder(files, config, start, found, **about) as folder:
        write_json(folder / logic.FIRMWARE, logic.write(made, folder, config))
        # Not by `save_model`, which says little of a full disk.
        (folder / WEIGHTS).write_bytes(booster.save_raw("ubj"))

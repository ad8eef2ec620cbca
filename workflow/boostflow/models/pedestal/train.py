"""Training of a subtraction: number of particles of a signal jet, and the width."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from boostflow.areas import subtracted
from boostflow.models.pedestal.block import Pedestal
from boostflow.models.pedestal.score import corrected
from boostflow.models.regression import Curve, read
from boostflow.training.manifest import model_folder

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Write what the method takes from simulation.

    Args:
        job: the model's block.
        files: selected jets, and the folder to write: metrics.json, manifest.json.

    Raises:
        BoostflowError: see `regression.read`.
    """
    start = time.monotonic()
    block = job.model
    assert isinstance(block, Pedestal)
    jets = read(files.jets, block)["train"]
    signal = None
    if block.method == "multiplicity":
        columns = {x: np.asarray(y, np.float64) for x, y in jets.columns.items()}
        # Particles of the background of a jet of this area. An event without any other jets has
        # neither a density nor a pT per particle, and no background.
        each = columns["rho_mult"]
        below = columns["rho"] * columns["area"] / np.where(each > 0, each, np.inf)
        signal = Curve.fitted(jets.truth, columns["multiplicity"] - below, jets.weight)
    estimate = subtracted(jets.columns) if signal is None else corrected(jets.columns, signal)
    residual = np.abs(estimate - jets.truth)
    about = {
        "signal": None if signal is None else signal._asdict(),
        "width": float(np.quantile(residual, 0.683)),
    }
    loss = float(np.average(residual**2, weights=jets.weight))
    with model_folder(files, block, start, {"history": {"loss": [loss]}}, **about):
        pass

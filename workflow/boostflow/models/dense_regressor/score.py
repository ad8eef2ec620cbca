"""Estimates of the dense network, by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.io import read_json
from boostflow.models.network_score import BATCH, ONNX
from boostflow.models.regressing import CORRECTED, ERROR
from boostflow.models.regression import Calibration, columns_of, features_of, level_of
from boostflow.models.runtime import session

OUTPUT = "outputs"
"""Name of the output of the graph, (B, 2)."""


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """The estimate and its error (GeV), shape (jets,) each.

    Raises:
        BoostflowError: the network is damaged, or a column is missing or not finite.
    """
    about = read_json(model / "manifest.json")
    features = about["config"]["features"]
    columns = features_of(jets, features)
    x, _ = columns_of(columns, features)
    network = session(model / ONNX, threads)
    (given,) = network.get_inputs()
    parts = [
        network.run([OUTPUT], {given.name: x[start : start + BATCH]})[0]
        for start in range(0, len(x), BATCH)
    ]
    outputs = np.concatenate([np.zeros((0, 2), np.float32), *parts])
    calibration = Calibration.from_json(about["calibration"])
    estimate, error = of_outputs(outputs, about, calibration, level_of(columns))
    return {
        CORRECTED: estimate.astype(np.float32),
        ERROR: (about["width"] * error).astype(np.float32),
    }


def of_outputs(
    outputs: NDArray, about: Mapping[str, Any], calibration: Calibration, level: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimates and their errors (GeV), shape (jets,) each.

    An error is that of the calibrated estimate, by the slope of the calibration.

    Args:
        outputs: of the network, shape (jets, 2).
        about: with `centre` and `spread` of the true values.
        calibration: of the estimate.
        level: density of the background, shape (jets,).
    """
    mean, width = outputs.astype(np.float64).T
    estimate = about["centre"] + about["spread"] * mean
    half = np.maximum(about["spread"] * np.logaddexp(0, width), 1e-3) / 2
    error = calibration(estimate + half, level) - calibration(estimate - half, level)
    return calibration(estimate, level), error

"""Subtraction of the background of each jet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.areas import subtracted
from boostflow.io import read_json
from boostflow.models.pedestal.block import INPUTS
from boostflow.models.regressing import CORRECTED, ERROR
from boostflow.models.regression import Curve
from boostflow.models.tabular import matrix

ITERATIONS = 10
"""Times that the number of signal particles is taken anew at the corrected pT."""


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """The corrected pT and its error (GeV), shape (jets,) each.

    Raises:
        BoostflowError: a column is missing or not finite.
    """
    about = read_json(model / "manifest.json")
    names = INPUTS[about["config"]["method"]]
    x = matrix(jets, names, "jets")
    columns = {name: x[:, i] for i, name in enumerate(names)}
    curve = about["signal"]
    pt = subtracted(columns) if curve is None else corrected(columns, Curve(**curve))
    return {
        CORRECTED: pt.astype(np.float32),
        ERROR: np.full(len(pt), about["width"], np.float32),
    }


def corrected(columns: Mapping[str, NDArray], signal: Curve) -> NDArray[np.float64]:
    """The multiplicity method: pT - rho_mult (N - N_signal(pT)), in GeV, shape (jets,).

    Args:
        columns: `pt`, `rho`, `area`, `multiplicity` and `rho_mult`.
        signal: mean number of particles of a signal jet by its pT.
    """
    pt, number, each = (
        np.asarray(columns[x], np.float64) for x in ("pt", "multiplicity", "rho_mult")
    )
    result = subtracted(columns)
    for _ in range(ITERATIONS):
        result = pt - each * (number - np.clip(signal(result), 0, number))
    return result

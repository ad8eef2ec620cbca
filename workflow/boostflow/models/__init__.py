"""Models. A kind of model is a sub-module (or package) with one function,

    score(model: Path, jets: ak.Array, threads: int) -> dict[str, NDArray]

that turns selected jets into the columns of its score table, and a rule in `train.smk` that makes
the model's directory. `REGISTRY` names the module of each kind; its block is in config.models.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from boostflow.io import read_json

if TYPE_CHECKING:
    import awkward as ak
    from numpy.typing import NDArray

REGISTRY = {"bdt": "boostflow.models.bdt", "ucluster": "boostflow.models.ucluster"}


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray]:
    """Score jets with whatever kind of model lies in the directory `model`.

    Args:
        model: directory of a trained model.
        jets: selected jets.
        threads: that compute at the same time.

    Returns:
        Columns of the score table, each of shape (jets,).

    Raises:
        BoostflowError: the directory is no model, or the jets lack a column that it needs.
    """
    kind = read_json(model / "manifest.json")["kind"]
    return importlib.import_module(REGISTRY[kind]).score(model, jets, threads)

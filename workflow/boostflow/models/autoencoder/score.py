"""Scores of a compression: how many bits a jet takes, and how far it is off."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.models.autoencoder.codec import trained


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """Bits, and the largest error of a column in units of its bound, each of shape (jets,).

    An unusual jet takes more bits: they are minus the logarithm of its probability.

    Args:
        model: folder of the trained model.
        jets: with its columns.
        threads: not used.

    Raises:
        BoostflowError: the model is damaged, or a column is missing.
    """
    codec = trained(model)
    if missing := [name for name in codec.columns if name not in jets.fields]:
        raise BoostflowError(f"jets: no column {', '.join(missing)}, which the model compresses")
    table = {name: ak.to_numpy(jets[name]) for name in codec.columns}
    error = np.zeros(len(jets))
    for name, column in codec.columns.items():
        if column.declared.bound is None:
            continue
        back = column.rounding.rounded(table[name])
        same = (back == table[name]) | ~np.isfinite(back)
        x, y = (np.where(same, 0.0, v).astype(np.float64) for v in (table[name], back))
        error = np.maximum(error, column.rounding.error(x, y) / column.declared.bound)
    bits = codec.bits(table).sum(axis=1) if len(jets) else np.zeros(0)
    return {"bits": bits.astype(np.float32), "error": error.astype(np.float32)}

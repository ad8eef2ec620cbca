"""Scores of the dense autoencoder, by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.models import columnwise, detector
from boostflow.models.network_score import ONNX
from boostflow.models.runtime import session

INPUT, OUTPUT = "features", "reconstruction"
"""Names in the graph: standardised features, and what the network makes of them."""
BATCH = 4096
"""Jets that are scored together."""


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """The column `error`, and causes, shape (jets,) each."""
    network = session(model / ONNX, threads)

    def reconstructed(x: NDArray[np.float32]) -> NDArray:
        parts = np.split(x, range(BATCH, len(x), BATCH))
        return np.concatenate([network.run([OUTPUT], {INPUT: part})[0] for part in parts])

    def left(arrays: detector.Arrays, x: NDArray) -> NDArray[np.float64]:
        return squares(reconstructed, x, float(arrays["limit"]))

    return detector.score(
        model,
        jets,
        lambda arrays, x: columnwise.errors(arrays, left(arrays, x)),
        lambda arrays, x: columnwise.shares(arrays, left(arrays, x)),
    )


def squares(network: Callable[[NDArray], NDArray], x: NDArray, limit: float) -> NDArray[np.float64]:
    """Squares of what the network leaves of each feature, shape (jets, features).

    Args:
        network: makes features, shape (jets, features), of features.
        x: standardised features, shape (jets, features).
        limit: how far off the network sees them.
    """
    seen = np.clip(np.asarray(x, np.float32), -limit, limit)
    return (np.asarray(x, np.float64) - network(seen)) ** 2

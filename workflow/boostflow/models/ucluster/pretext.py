"""The pretext task: which bin of its mass a jet falls into. The only target of the training."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError

log = logging.getLogger("ucluster")


def edges(mass: NDArray, bins: int, binning: str, highest: float) -> NDArray[np.float64]:
    """Inner edges of the mass bins.

    Args:
        mass: of the training jets (GeV).
        bins: number of bins (quantile) or of edges including both ends (linear).
        binning: "quantile" or "linear".
        highest: upper end of the linear bins (GeV).

    Returns:
        Ascending edges; `len + 1` bins, of which the first and last are open.

    Raises:
        BoostflowError: a mass is not finite, or all are the same.
    """
    mass = np.asarray(mass, np.float64)
    if not np.isfinite(mass).all():
        raise BoostflowError("a jet mass is NaN or infinite; drop such jets in the input")
    if binning == "linear":
        return np.linspace(0, highest, bins)[1:-1]
    inner = np.unique(np.quantile(mass, np.arange(1, bins) / bins))
    if len(inner) < bins - 1:
        log.warning("masses repeat: %d instead of %d mass bins", len(inner) + 1, bins)
    if inner[0] == inner[-1]:
        raise BoostflowError("all jets have the same mass: there is nothing to learn from it")
    return inner


def labels(mass: NDArray, inner: NDArray[np.float64]) -> NDArray[np.int32]:
    """The bin of each jet, 0 to `len(inner)`."""
    return np.searchsorted(inner, np.asarray(mass, np.float64), side="right").astype(np.int32)

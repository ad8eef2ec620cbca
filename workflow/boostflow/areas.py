"""The area method: what a background adds to a jet on average."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def subtracted(columns: Mapping[str, NDArray]) -> NDArray[np.float64]:
    """pT less the median density times the area: the area method (arXiv:0707.1378), in GeV."""
    pt, rho, area = (np.asarray(columns[x], np.float64) for x in ("pt", "rho", "area"))
    return pt - rho * area

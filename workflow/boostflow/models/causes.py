"""Which columns make a row unusual, of whatever family."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.models.following import CAUSE


def largest(shares: NDArray, count: int) -> dict[str, NDArray[np.float32]]:
    """Numbers of the columns with the largest shares, by the names of their columns of scores.

    Args:
        shares: what each column adds, shape (rows, columns).
        count: how many are named.
    """
    worst = np.argsort(-shares, axis=1, kind="stable")[:, :count]
    return {f"{CAUSE}{i + 1}": worst[:, i].astype(np.float32) for i in range(count)}

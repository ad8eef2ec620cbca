"""Training of averages: there is nothing to learn but how large distances usually are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.models import columnwise, detector
from boostflow.models.detecting import DetectorBlock
from boostflow.models.ewma.block import Ewma
from boostflow.models.ewma.score import squares

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Write what is usual; see `detector.train`."""
    detector.train(job, files, learn, history)


def learn(x: NDArray, block: DetectorBlock) -> dict[str, NDArray]:
    """How large the square of each standardised column usually is.

    Args:
        x: shape (jets, columns).
        block: what the score is made from.
    """
    assert isinstance(block, Ewma)
    return columnwise.usual(squares(x), block)


def history(arrays: detector.Arrays, x: NDArray) -> list[float]:
    """Mean squares of the columns, in their order."""
    return [float(value) for value in np.mean(squares(x), axis=0)]

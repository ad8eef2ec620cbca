"""Training of principal components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.models import columnwise, detector
from boostflow.models.detecting import DetectorBlock
from boostflow.models.hyperplane.block import Hyperplane
from boostflow.models.hyperplane.score import squares

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Write the principal components of normal jets; see `detector.train`."""
    detector.train(job, files, learn, history)


def learn(x: NDArray, block: DetectorBlock) -> dict[str, NDArray]:
    """The components of standardised observables, shape (components, features), and what is usual.

    Args:
        x: shape (jets, features).
        block: with the number of components.

    Raises:
        BoostflowError: there are as many components as features, or jets.
    """
    from sklearn.decomposition import PCA as Components

    assert isinstance(block, Hyperplane)
    if block.components >= min(x.shape):
        raise BoostflowError(
            f"{block.components} components of {x.shape[1]} features and {x.shape[0]} jets: choose"
            " fewer `components`"
        )
    found = Components(block.components, svd_solver="full").fit(np.asarray(x, np.float64))
    return {
        "components": found.components_,
        **columnwise.usual(squares(found.components_, x), block),
    }


def history(arrays: detector.Arrays, x: NDArray) -> list[float]:
    """Mean score of jets with 1, 2, ... components."""
    basis = arrays["components"]
    sizes = range(1, len(basis) + 1)
    return [float(squares(basis[:size], x).mean()) for size in sizes]

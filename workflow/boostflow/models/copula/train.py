"""Tables of quantiles, and correlations, of the showers of the training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.models.copula.block import Copula
from boostflow.models.copula.generator import BLOCKS, Tables, columns
from boostflow.models.generated import Examples, fitted, mirrored

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

IN_BIN = 10
"""Showers, with their mirror images, that a bin has at least."""
RIDGE = 1e-4
"""Of the correlations, so that columns that never vary do no harm."""


def train(job: Train, files: Train.Files) -> None:
    """Make the tables, and write the model's folder.

    Raises:
        BoostflowError: a column is missing, or there are too few showers.
    """
    config = job.model
    assert isinstance(config, Copula)

    def learn(examples: Examples) -> tuple[Tables, NDArray]:
        tables = fit(examples, config)
        # What is gained over independent columns, in nats a shower, as the columns are added.
        return tables, np.cumsum(np.log(np.diag(tables.factor)))

    fitted(files, config, learn)


def fit(examples: Examples, config: Copula) -> Tables:
    """The tables of showers.

    Raises:
        BoostflowError: there are fewer than ten showers a bin, with their mirror images.
    """
    from scipy.special import ndtri

    cells = mirrored(examples.cells)
    energy = np.tile(examples.energy, 4)
    size = len(energy)
    if size < IN_BIN * config.bins:
        raise BoostflowError(
            f"{len(examples.energy)} showers of the training are too few for {config.bins} bins:"
            " make more, or lower `bins`"
        )
    values, given = columns(energy, cells)
    rng = np.random.default_rng(config.seed)
    steps = (np.arange(config.quantiles) + 0.5) / config.quantiles
    quantiles = np.empty((config.bins, values.shape[1], config.quantiles), np.float32)
    centers = np.empty((len(BLOCKS), config.bins))
    normal = np.empty(values.shape, np.float32)
    for block, mine in enumerate(BLOCKS):
        # Equal values, as those of empty cells, are in an order of chance, each column by itself.
        order = np.lexsort((rng.random(size), given[block]))
        for k, rows in enumerate(np.array_split(order, config.bins)):
            part = values[np.ix_(rows, mine)]
            centers[block, k] = given[block][rows].mean()
            quantiles[k, mine] = np.quantile(part, steps, axis=0).T
            order_in = np.lexsort((rng.random(part.shape), part), axis=0)
            rank = np.empty(part.shape)
            ranks = np.broadcast_to(np.arange(len(rows))[:, None], part.shape)
            np.put_along_axis(rank, order_in, ranks, 0)
            normal[np.ix_(rows, mine)] = ndtri((rank + 0.5) / len(rows))
    together = np.asarray(normal.T @ normal / size, np.float64)
    spread = np.sqrt(np.diag(together))
    together = together / spread / spread[:, None] + RIDGE * np.eye(len(spread))
    factor = np.linalg.cholesky(together / (1 + RIDGE))
    return Tables(quantiles, centers, factor.astype(np.float32))

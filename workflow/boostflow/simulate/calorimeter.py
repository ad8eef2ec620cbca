"""Showers of photons in the toy detector: by the cascade, or by a trained model in its place."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter import geometry
from boostflow.calorimeter.columns import HIGHEST, LOWEST

log = logging.getLogger("calorimeter")

LAYERS = len(geometry.LAYERS)
SHOWERS_ETA = 2.5
"""Showers are made within this |eta|: in front of it calorimeters have fine cells and layers."""


class Source(NamedTuple):
    """What makes showers of photons."""

    low: float
    """Smallest energy that it knows (GeV)."""
    high: float
    """Largest energy that it knows (GeV)."""
    make: Callable[[NDArray, int], NDArray]
    """Cells of showers (MeV), shape (n, 504), of energies (GeV), shape (n,), and a seed."""


def by_cascade() -> Source:
    """Showers of photons by the cascade, as what makes those of a calorimeter."""

    def make(energy: NDArray, seed: int) -> NDArray:
        from boostflow.calorimeter import cascade

        return cascade.simulate("photon", energy, seed)[0].cells

    return Source(LOWEST, HIGHEST, make)


class Calorimeter:
    """The sampling calorimeter of docs/showers.md, in front of each electromagnetic cell.

    What enters a cell makes one shower, as a photon of its energy along the axis. Showers are known
    within a range of energies alone: more energy makes several showers of equal parts, and less is
    a shower of the smallest energy that is scaled down. A job says how often.

    Attributes:
        split, scaled: how many cells were above and below.
    """

    def __init__(self, source: Source) -> None:
        """Of what makes showers."""
        self.source = source
        self.split = self.scaled = 0

    def __call__(self, energy: NDArray, event: NDArray, seeds: NDArray) -> NDArray[np.float64]:
        """Energies in the layers (GeV), shape (n, 3).

        Args:
            energy: that enters each cell (GeV), shape (n,).
            event: of each cell, ascending.
            seeds: whole numbers of chance, shape (n,); the first of an event decides its showers,
                so that they do not depend on how events are cut into batches.
        """
        found = np.zeros((len(energy), LAYERS))
        pieces = np.maximum(np.ceil(energy / self.source.high), 1).astype(int)
        self.split += int((pieces > 1).sum())
        self.scaled += int((energy < self.source.low).sum())
        for rows in np.split(np.arange(len(energy)), np.flatnonzero(np.diff(event)) + 1):
            if not len(rows):
                continue
            of = np.repeat(rows, pieces[rows])
            each = energy[of] / pieces[of]
            entered = np.clip(each, self.source.low, self.source.high)
            cells = self.source.make(entered, int(seeds[rows[0]]))
            sums = np.add.reduceat(cells.astype(np.float64), geometry.STARTS[:-1], axis=1) / 1000
            np.add.at(found, of, sums * (each / entered)[:, None])
        return found

    def report(self) -> None:
        """Say how many cells were outside of the range."""
        log.info(
            "calorimeter: %d cells above %g GeV made several showers, %d below %g GeV a scaled one",
            *(self.split, self.source.high, self.scaled, self.source.low),
        )

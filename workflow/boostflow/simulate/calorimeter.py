"""Showers of photons in the toy detector: by the cascade, or by a trained model in its place."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter import geometry
from boostflow.calorimeter.columns import HIGHEST, LOWEST
from boostflow.config.chain import Detector
from boostflow.errors import BoostflowError

log = logging.getLogger("calorimeter")

LAYERS = len(geometry.LAYERS)
SHOWERS_ETA = 2.5
"""Showers are made within this |eta|: in front of it calorimeters have fine cells and layers."""


class Calorimeter:
    """The sampling calorimeter of docs/showers.md, in front of each electromagnetic cell.

    What enters a cell makes one shower, as a photon of its energy along the axis. Showers are known
    within a range of energies alone: more energy makes several showers of equal parts, and less is
    a shower of the smallest energy that is scaled down. A job says how often.

    Attributes:
        low, high: the range (GeV).
        split, scaled: how many cells were above and below.
    """

    def __init__(self, model: str | None = None) -> None:
        """The cascade, or a model.

        Args:
            model: folder of a trained model that generates showers; None for the cascade.

        Raises:
            BoostflowError: there is no such model, or it is none of this calorimeter.
        """
        self.model = None if model is None else Path(model)
        self.low, self.high = LOWEST, HIGHEST
        if self.model is not None:
            from boostflow.models.generated import described

            try:
                self.low, self.high = described(self.model)["energies"]
            except BoostflowError as error:
                raise BoostflowError(
                    f"simulation.detector.calorimeter: {error}; name none, cascade or the folder of"
                    " a trained model that generates showers"
                ) from None
        self.split = self.scaled = 0

    @classmethod
    def of(cls, config: Detector) -> Self | None:
        """That of a detector; None if it makes no showers."""
        return cls(config.shower_model) if config.showers else None

    def __call__(self, energy: NDArray, event: NDArray, seeds: NDArray) -> NDArray[np.float64]:
        """Energies in the layers (GeV), shape (n, 3).

        Args:
            energy: that enters each cell (GeV), shape (n,).
            event: of each cell, ascending.
            seeds: whole numbers of chance, shape (n,); the first of an event decides its showers,
                so that they do not depend on how events are cut into batches.
        """
        found = np.zeros((len(energy), LAYERS))
        pieces = np.maximum(np.ceil(energy / self.high), 1).astype(int)
        self.split += int((pieces > 1).sum())
        self.scaled += int((energy < self.low).sum())
        for rows in np.split(np.arange(len(energy)), np.flatnonzero(np.diff(event)) + 1):
            if not len(rows):
                continue
            of = np.repeat(rows, pieces[rows])
            each = energy[of] / pieces[of]
            entered = np.clip(each, self.low, self.high)
            cells = self._cells(entered, int(seeds[rows[0]]))
            sums = np.add.reduceat(cells.astype(np.float64), geometry.STARTS[:-1], axis=1) / 1000
            np.add.at(found, of, sums * (each / entered)[:, None])
        return found

    def report(self) -> None:
        """Say how many cells were outside of the range."""
        log.info(
            "calorimeter: %d cells above %g GeV made several showers, %d below %g GeV a scaled one",
            *(self.split, self.high, self.scaled, self.low),
        )

    def _cells(self, energy: NDArray, seed: int) -> NDArray:
        """Cells of showers (MeV), shape (n, 504)."""
        if self.model is None:
            from boostflow.calorimeter import cascade

            return cascade.simulate("photon", energy, seed)[0].cells
        from boostflow.models.generated import generate

        return generate(self.model, energy, seed)

"""Jet veto maps: regions of the detector in which jets are not to be trusted.

Public maps of CMS take (type, eta, phi) and are 0 where jets are good.
"""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.config.chain import Veto
from boostflow.errors import BoostflowError
from boostflow.weightfile import WeightCorrection

CUT = "jet veto map"
"""Its line of the cutflow."""


class VetoMap:
    """An open map.

    Args:
        config: which map, and what is dropped.
        path: of its file.

    Raises:
        BoostflowError: the file cannot be read, or has no such map.
    """

    def __init__(self, config: Veto, path: Path) -> None:
        self.config, self.path = config, path
        self._map = WeightCorrection(path, config.correction)
        if problems := self._map.problems(config.COLUMNS, config.words()):
            name, text = problems[0]
            raise BoostflowError(f"{path}: {name} {text}")

    def __call__(self, rows: ak.Array, starts: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which jets are kept, shape (rows,).

        Args:
            rows: fat jets, event by event.
            starts: index of each event's first row, shape (events,).

        Raises:
            BoostflowError: the map is not defined for some jet.
        """
        eta, phi = (ak.to_numpy(rows[name]).astype(np.float64) for name in ("eta", "phi"))
        # Single precision rounds pi upwards, which a map that ends at pi does not know.
        if (edges := self._map.limits("phi")) is not None:
            phi = np.clip(phi, edges[0], np.nextafter(edges[1], edges[0]))
        try:
            value = self._map.evaluate({"eta": eta, "phi": phi}, self.config.words())
        except ValueError as error:
            far = int(np.argmax(np.abs(eta)))
            where = self._map.outside({"eta": float(eta[far]), "phi": float(phi[far])})
            raise BoostflowError(
                f"{self.path}: {self._map.name} is not defined for all jets ({error}), the most "
                f"forward one has {where}: lower ingest.fatjet_abs_eta_max"
            ) from None
        good = np.broadcast_to(value == 0, len(eta))
        if self.config.drop == "jet" or not len(starts):
            return good
        counts = np.diff(np.append(starts, len(eta)))
        return np.repeat(np.logical_and.reduceat(good, starts), counts)

"""Pythia's event record as flat arrays, and the particles in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from boostflow.simulate.detector import NEUTRINOS, Made, Particles

if TYPE_CHECKING:
    import awkward as ak

PT_TINY = 1e-6  # a particle along the beam has no finite eta


@dataclass(frozen=True)
class Record:
    """Events of a batch, flat; row 0 of each event stands for the system as a whole.

    `offsets` (events + 1) says where each event begins; all other arrays have one entry a row.
    Mothers and daughters are rows of the same event, 0 for none.
    """

    offsets: np.ndarray
    pdg_id: np.ndarray
    status: np.ndarray
    mother: np.ndarray
    daughter1: np.ndarray
    daughter2: np.ndarray
    px: np.ndarray
    py: np.ndarray
    pz: np.ndarray
    mass: np.ndarray
    origin: np.ndarray | None = None
    """Production vertices x, y, z (mm), shape (rows, 3)."""

    @classmethod
    def read(cls, batch: ak.Array, origins: bool = False) -> Record:
        """Take it out of what Pythia's `nextBatch` returns.

        Args:
            batch: the events.
            origins: whether production vertices are wanted.
        """
        layout = batch.prt.layout.to_ListOffsetArray64(True)
        rows = layout.content
        momentum = rows["p"]
        return cls(
            layout.offsets.data,
            *(rows[k].data for k in ("id", "status", "mother1", "daughter1", "daughter2")),
            *(momentum[k].data for k in ("px", "py", "pz")),
            rows["m"].data,
            _origins(batch) if origins else None,
        )

    def stable(self) -> np.ndarray:
        """Rows of the particles that a detector could see: final, no neutrinos, not in the beam."""
        final = (self.status > 0) & ~np.isin(np.abs(self.pdg_id), NEUTRINOS)
        return np.flatnonzero(final & (np.hypot(self.px, self.py) > PT_TINY))

    def particles(self, rows: np.ndarray, charges: Callable[[np.ndarray], np.ndarray]) -> Particles:
        """Kinematics of some rows; `charges` gives the charge of PDG ids."""
        pt = np.hypot(self.px[rows], self.py[rows])
        pdg_id = self.pdg_id[rows]
        found = Particles(
            np.searchsorted(self.offsets, rows, side="right") - 1,
            pt,
            # A resonance from a single vertex has no pT before radiation: its eta stays finite.
            np.arcsinh(self.pz[rows] / np.maximum(pt, PT_TINY)),
            np.arctan2(self.py[rows], self.px[rows]),
            self.mass[rows],
            charges(pdg_id),
            pdg_id,
        )
        return found if self.origin is None else Made(**vars(found), origin=self.origin[rows])


def _origins(batch: ak.Array) -> np.ndarray:
    """Production vertices (mm), shape (rows, 3); particles without one are made at the origin."""
    import awkward as ak

    vertex = ak.flatten(batch.prt.vProd)
    return np.stack([ak.to_numpy(ak.fill_none(vertex[k], 0.0)) for k in ("px", "py", "pz")], axis=1)

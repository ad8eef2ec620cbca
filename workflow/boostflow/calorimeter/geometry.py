"""The calorimeter of CaloGAN (arXiv:1712.10321): lead and liquid argon in three layers of cells.

80 times 2 mm of lead and 4 mm of liquid argon, 480 x 480 mm wide. Particles enter in the middle,
along z. Properties of the materials are those of the Particle Data Group's tables (2024).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple


@dataclass(frozen=True)
class Material:
    """What the cascade needs to know of a material; lengths in mm, energies in MeV."""

    atomic_number: float
    radiation_length: float
    """Radiation length X0 (mm)."""
    critical_energy: float
    """Energy that an electron loses to ionisation in one radiation length (MeV), after Rossi."""
    interaction_length: float
    """Nuclear interaction length of protons (mm)."""
    electrons: float
    """Electrons per barn and mm."""
    absorption: float
    """Photoelectric absorption of a photon of 1 MeV (1/mm); it falls as 1 / E^2."""

    @property
    def ionisation(self) -> float:
        """Constant loss to ionisation (MeV/mm)."""
        return self.critical_energy / self.radiation_length

    @property
    def screened(self) -> float:
        """ln(183 Z^(-1/3)), the logarithm of complete screening."""
        return math.log(183 * self.atomic_number ** (-1 / 3))


AVOGADRO = 6.02214e23
_PER_BARN_MM = AVOGADRO * 1e-24 / 10
"""Of a density in g/cm3 over A, times Z, this makes electrons per barn and mm."""

LEAD = Material(82, 5.612, 7.43, 175.9, _PER_BARN_MM * 11.35 * 82 / 207.2, 0.0181 * 1.135)
ARGON = Material(18, 140.0, 32.84, 857.0, _PER_BARN_MM * 1.396 * 18 / 39.95, 1.4e-5 * 0.1396)

LEAD_MM, ARGON_MM = 2.0, 4.0
PERIOD = LEAD_MM + ARGON_MM
"""A sheet of lead, then a gap of argon (mm)."""
PERIODS = 80
DEPTH = PERIOD * PERIODS
"""Depth of the calorimeter (mm)."""
HALF_WIDTH = 240.0
"""Half of the width that has cells (mm); what lies beyond it in a layer is `overflow`."""

RADIATION_LENGTH = PERIOD / (LEAD_MM / LEAD.radiation_length + ARGON_MM / ARGON.radiation_length)
"""Radiation length of the mixture (mm)."""
CRITICAL_ENERGY = (
    (LEAD_MM * LEAD.ionisation + ARGON_MM * ARGON.ionisation) / PERIOD * RADIATION_LENGTH
)
"""Critical energy of the mixture (MeV), after Rossi."""
MOLIERE_RADIUS = 21.2 * RADIATION_LENGTH / CRITICAL_ENERGY
"""Moliere radius of the mixture (mm)."""


class Layer(NamedTuple):
    """A layer of cells; its arrays are of shape `shape`, phi by eta."""

    end: float
    """Where it ends (mm), counted from the front."""
    shape: tuple[int, int]
    """Number of cells in phi and in eta."""

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return self.shape[0] * self.shape[1]


LAYERS = (Layer(90.0, (3, 96)), Layer(437.0, (12, 12)), Layer(480.0, (12, 6)))
"""Layers in depth: 90, 347 and 43 mm; cells of 160 x 5, 40 x 40 and 40 x 80 mm in phi and eta."""
CELLS = sum(layer.cells for layer in LAYERS)
"""Cells of all layers, the length of a shower as one row: 504."""
STARTS = tuple(accumulate((layer.cells for layer in LAYERS), initial=0))
"""Where each layer begins in such a row, and the end."""
MIDDLES = tuple(
    (below.end + layer.end) / 2
    for below, layer in zip((Layer(0.0, (0, 0)), *LAYERS[:-1]), LAYERS, strict=True)
)
"""Middles of the layers in depth (mm)."""

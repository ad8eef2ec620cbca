"""Showers by the project's own cascade: no Geant4, but what an electromagnetic shower is made of.

Electrons and photons: bremsstrahlung and pair production at complete screening, which fall towards
low energies as Bethe and Heitler say, Compton scattering after Klein and Nishina, photoelectric
absorption, a constant loss to ionisation, multiple scattering as a Gaussian, in real sheets of lead
and argon, down to 1 MeV. There is no delta ray, no annihilation, no magnetic field. Charged pions:
free paths between interactions whose multiplicity, neutral part and hidden energy are parametrised.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter import geometry
from boostflow.calorimeter.columns import HIGHEST, LOWEST
from boostflow.errors import BoostflowError
from boostflow.keyed import uniform

Particle = Literal["e+", "photon", "pi+"]
"""What enters the calorimeter."""
KINDS: dict[Particle, int] = {"photon": 0, "e+": 1, "pi+": 2}
SAMPLED = 0.2122
"""Part of the energy of an electromagnetic shower that the argon sees; cells hold the energy
in the argon divided by it, which is the electromagnetic scale."""


class Showers(NamedTuple):
    """N showers of one kind of particle; energies in MeV but for `energy`."""

    energy: NDArray[np.float64]
    """Energy of the particle (GeV), shape (N,)."""
    cells: NDArray[np.float32]
    """Energy in the cells of all layers, one after the other, shape (N, 504)."""
    overflow: NDArray[np.float32]
    """Energy in each layer beyond its cells, shape (N, 3)."""


class Deposits(NamedTuple):
    """Energies (MeV) of N showers wherever they went, seen by cells or not."""

    periods: NDArray[np.float64]
    """Energy in the lead and the argon of each period, shape (N, 80, 2)."""
    rings: NDArray[np.float64]
    """Energy in rings of 2 mm around the axis, the last one with all beyond, shape (N, 120)."""
    leaked: NDArray[np.float64]
    """Energy that left at the front, at the back, and that nuclei hide, shape (N, 3)."""


def simulate(
    particle: Particle, energy: NDArray[np.floating], seed: int, first: int = 0
) -> tuple[Showers, Deposits]:
    """Showers of particles that enter in the middle, along the axis.

    A shower follows from the seed and its number alone, not from those beside it.

    Args:
        particle: which one.
        energy: of each (GeV), shape (N,), between 1 and 100.
        seed: of the run.
        first: number of the first shower.

    Raises:
        BoostflowError: an energy is outside of the range that the cascade is for.
    """
    from boostflow.calorimeter import kernels

    energy = np.asarray(energy, np.float64)
    if (bad := ~((energy >= LOWEST) & (energy <= HIGHEST))).any():
        raise BoostflowError(
            f"showers: an energy of {energy[bad][0]:g} GeV: the cascade is for {LOWEST:g} to"
            f" {HIGHEST:g} GeV"
        )
    size = len(energy)
    numbers = np.arange(first, first + size)
    seeds = (uniform(seed, numbers) * 2.0**32).astype(np.uint32)
    cells, over = np.zeros((size, geometry.CELLS)), np.zeros((size, len(geometry.LAYERS)))
    found = Deposits(
        np.zeros((size, geometry.PERIODS, 2)),
        np.zeros((size, kernels.RINGS)),
        np.zeros((size, 3)),
    )
    kernels.showers(KINDS[particle], energy * 1000.0, seeds, cells, over, *found)
    seen = Showers(
        energy, (cells / SAMPLED).astype(np.float32), (over / SAMPLED).astype(np.float32)
    )
    return seen, found


def energies(number: int, low: float, high: float, seed: int, first: int = 0) -> NDArray:
    """Energies (GeV) of showers, uniform between two limits, each from its number alone.

    Args:
        number: how many.
        low: smallest energy.
        high: largest energy.
        seed: of the run.
        first: number of the first shower.
    """
    found: NDArray = low + (high - low) * uniform(seed + 1, np.arange(first, first + number))
    return found

"""What detectors are expected to see of a track: energy loss, time of flight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boostflow.generators.pid.block import SpeciesName

MASS: dict[SpeciesName, float] = {
    "electron": 0.000510999,
    "pion": 0.13957039,
    "kaon": 0.493677,
    "proton": 0.938272088,
}
"""Masses (GeV) of the Review of Particle Physics 2024."""
PDG: dict[SpeciesName, int] = {"electron": 11, "pion": 211, "kaon": 321, "proton": 2212}
LIFETIME: dict[SpeciesName, float] = {"pion": 7.8045, "kaon": 3.711}
"""Mean decay lengths c tau (m) of those that decay."""
SPECTRUM: dict[SpeciesName, tuple[float, float]] = {
    "electron": (0.126, 7.82),
    "pion": (0.126, 7.82),
    "kaon": (0.160, 6.087),
    "proton": (0.184, 7.5),
}
"""Temperature (GeV) and power of the Levy-Tsallis form of transverse momentum spectra, of the size
that fits of ALICE's pp collisions have (arXiv:1101.4110); electrons as pions."""

LIGHT = 0.299792458
"""Speed of light (m/ns), and momentum over field and radius of a track (GeV/(T m))."""


def bethe_bloch(beta_gamma: ArrayLike, parameters: Sequence[float]) -> NDArray:
    """Mean energy loss in units of minimum ionisation, in ALEPH's form (Blum, Riegler, Rolandi).

    k1 / beta^k4 x (k2 - beta^k4 - ln(k3 + 1 / beta_gamma^k5))

    Args:
        beta_gamma: momentum over mass.
        parameters: k1 to k5.
    """
    k1, k2, k3, k4, k5 = parameters
    bg = np.asarray(beta_gamma, dtype=float)
    power = (bg / np.sqrt(1 + bg**2)) ** k4
    return k1 / power * (k2 - power - np.log(k3 + bg**-k5))


def beta(p: ArrayLike, mass: float) -> NDArray:
    """Velocity over that of light, of a momentum and a mass (GeV)."""
    p = np.asarray(p, dtype=float)
    return p / np.sqrt(p**2 + mass**2)


def length(pt: ArrayLike, eta: ArrayLike, radius: float, field: float) -> NDArray:
    """Length of the helix from the beam to a cylinder around it (m); NaN where it turns before.

    Args:
        pt: transverse momentum (GeV).
        eta: pseudorapidity.
        radius: of the cylinder (m).
        field: magnetic field along the beam (T).
    """
    curvature = np.asarray(pt, dtype=float) / (LIGHT * field)
    with np.errstate(invalid="ignore"):
        return 2 * curvature * np.arcsin(radius / (2 * curvature)) * np.cosh(eta)


def spectrum(pt: NDArray, species: SpeciesName) -> NDArray:
    """Density of the transverse momentum (GeV), not normalised."""
    temperature, power = SPECTRUM[species]
    mass = MASS[species]
    excess = np.sqrt(pt**2 + mass**2) - mass
    return pt * (1 + excess / (power * temperature)) ** -power

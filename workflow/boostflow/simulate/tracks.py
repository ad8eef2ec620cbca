"""Impact parameters of tracks: exact ones from production vertices, and what a detector measures.

Without a magnetic field tracks are straight lines, and the primary vertex is at the origin. Signs
and names are those of CMS and NanoAOD: d0 = y cos(phi) - x sin(phi), dz the z where the track is
nearest to the beam; both in cm, like everything that is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow import nanoaod
from boostflow.config.chain import Tracking

if TYPE_CHECKING:
    from boostflow.simulate.detector import Made

IMPACT = tuple(name.removeprefix("PFCands_") for name in nanoaod.IMPACT)
"""Columns of impact parameters, by the names of PFNano: d0, d0Err, dz, dzErr."""
NO_TRACK = (0.0, -1.0, 0.0, -1.0)
"""Impact parameters of a candidate without a track; errors as PFNano has them."""
CM_PER_MM, CM_PER_UM = 0.1, 1e-4


def exact(
    origin: NDArray[np.float64], eta: NDArray[np.float64], phi: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Transverse and longitudinal impact parameters of straight lines, in the unit of the origin.

    Args:
        origin: a point of each line, shape (n, 3).
        eta, phi: its direction, shape (n,).

    Returns:
        d0 and dz, shape (n,) each.
    """
    x, y, z = origin.T
    cos, sin = np.cos(phi), np.sin(phi)
    return y * cos - x * sin, z - (x * cos + y * sin) * np.sinh(eta)


def resolution(
    constant: float, scattering: float, pt: NDArray[np.float64], eta: NDArray[np.float64]
) -> NDArray[np.float64]:
    """a (+) b / (pT sqrt(sin theta)), in the unit of `constant`, shape (n,)."""
    return np.hypot(constant, scattering * np.sqrt(np.cosh(eta)) / pt)


def smeared(tracks: Made, config: Tracking, random: np.random.Generator) -> NDArray[np.float64]:
    """Measured impact parameters and their errors, the columns of `IMPACT` (cm), shape (n, 4).

    Args:
        tracks: charged particles.
        config: resolutions.
        random: a stream of two numbers a track.
    """
    d0, dz = exact(tracks.origin * CM_PER_MM, tracks.eta, tracks.phi)
    d0_error = CM_PER_UM * resolution(
        config.d0_resolution, config.d0_scattering, tracks.pt, tracks.eta
    )
    dz_error = CM_PER_UM * resolution(
        config.z0_resolution, config.z0_scattering, tracks.pt, tracks.eta
    )
    shift = random.standard_normal((len(d0), 2))
    return np.stack(
        [d0 + d0_error * shift[:, 0], d0_error, dz + dz_error * shift[:, 1], dz_error], axis=1
    )

"""Tracks of some species, as a TPC and a time-of-flight detector measure them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.generators.pid.block import SPECIES, TPC, SpeciesName, Tracks
from boostflow.generators.pid.response import (
    LIFETIME,
    LIGHT,
    MASS,
    PDG,
    beta,
    bethe_bloch,
    length,
    spectrum,
)

CLUSTERS, TYPICAL = 159, 120
"""Rows of pads that a track may have clusters in, and how many the resolution is given for."""
LATE = 5.0
"""Times of other particles' hits are late by up to that (ns)."""
FAR = 100.0
"""Deviation of what no cut takes."""
STEPS = 2000


def generate(block: Tracks, rows: range, rng: np.random.Generator) -> dict[str, NDArray]:
    """The columns of some tracks, see `boostflow.generators.base.Generates`.

    Momenta are in GeV, impact parameters in cm. `beta` and the n-sigma values of the time are NaN
    without a time of flight.
    """
    n = len(rows)
    names = list(block.species)
    shares = np.array(list(block.species.values()))
    which = rng.choice(len(names), n, p=shares / shares.sum())
    pt = np.zeros(n)
    for number, name in enumerate(names):
        mine = which == number
        pt[mine] = momenta(block, name, int(mine.sum()), rng)
    eta = rng.uniform(-block.eta_max, block.eta_max, n)
    mass = np.array([MASS[name] for name in names])[which]
    smear = 1 + block.momentum_resolution * rng.normal(size=n)
    true, p = pt * np.cosh(eta), pt * np.cosh(eta) * smear

    clusters = np.round(CLUSTERS * rng.beta(8, 2.5, n))
    dedx = energy_loss(block.tpc, true / mass, eta, clusters, rng)
    path = length(pt, eta, block.tof.radius, block.tof.field)
    decay = np.array([LIFETIME.get(name, np.inf) for name in names])[which]
    with np.errstate(invalid="ignore"):
        seen = rng.random(n) < block.tof.acceptance * np.exp(-path * mass / (true * decay))
    late = rng.random(n) < block.tof.mismatch
    time = path / (LIGHT * beta(true, mass)) + 1e-3 * block.tof.offset
    time = np.where(late, path / LIGHT + rng.uniform(0, LATE, n), time)
    time += 1e-3 * block.tof.resolution * rng.normal(size=n)
    time[~seen] = np.nan

    part = np.array([block.secondaries.get(name, 0.0) for name in names])[which]
    # Both come from the same place, or both do not.
    away = np.where(rng.random(n) < part, block.displaced, 0.0)
    width = block.dca[0] + block.dca[1] / pt
    impact = width * rng.normal(size=(2, n)) + away * rng.laplace(size=(2, n))
    return {
        "p": p,
        "pt": pt * smear,
        "eta": eta,
        "clusters": clusters,
        "dedx": dedx,
        "beta": path / (LIGHT * time),
        "dca_xy": impact[0],
        "dca_z": impact[1],
        **deviations(block, p, dedx, time, path),
        "pdg": np.array([PDG[name] for name in names])[which],
    }


def momenta(block: Tracks, species: SpeciesName, n: int, rng: np.random.Generator) -> NDArray:
    """Transverse momenta of a species (GeV), from the inverse of its distribution."""
    grid = np.geomspace(*block.pt, STEPS)
    density = 1 / grid if block.spectrum == "flat" else spectrum(grid, species)
    area = np.cumsum(np.diff(grid) * (density[1:] + density[:-1]) / 2)
    return np.interp(rng.random(n), np.concatenate([[0], area / area[-1]]), grid)


def energy_loss(
    block: TPC, beta_gamma: NDArray, eta: NDArray, clusters: NDArray, rng: np.random.Generator
) -> NDArray:
    """The measured signal of tracks."""
    mean = block.mip * block.gain * bethe_bloch(beta_gamma, block.bethe_bloch)
    mean *= 1 + block.eta_slope * (np.abs(eta) - 0.4)
    width = block.resolution * np.sqrt(TYPICAL / np.maximum(clusters, 1))
    return mean * (1 + width * rng.normal(size=len(mean)))


def deviations(
    block: Tracks, p: NDArray, dedx: NDArray, time: NDArray, path: NDArray
) -> dict[str, NDArray]:
    """Distances from what each species is expected to give, in units of the expected resolution.

    That of both detectors is the root of the sum of squares; without a time it is the TPC's, and
    above `needs_time_from` `FAR`.

    Args:
        block: the settings.
        p: measured momentum (GeV).
        dedx: signal of the TPC.
        time: of flight (ns), NaN without one.
        path: length of the track (m).
    """
    result = {}
    for name in SPECIES:
        mean = block.tpc.mip * bethe_bloch(p / MASS[name], block.tpc.bethe_bloch)
        tpc = (dedx / mean - 1) / block.tpc.expected_resolution
        flight = path / (LIGHT * beta(p, MASS[name]))
        tof = (time - flight) / (1e-3 * block.tof.expected_resolution)
        result |= {f"tpc_nsigma_{name}": tpc, f"tof_nsigma_{name}": tof}
        both = np.where(p < block.needs_time_from, np.abs(tpc), FAR)
        result[f"nsigma_{name}"] = np.where(np.isnan(tof), both, np.hypot(tpc, tof))
    return result

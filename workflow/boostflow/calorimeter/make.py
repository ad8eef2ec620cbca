"""Files of showers by the cascade, of any length in little memory."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path

from boostflow.calorimeter import cascade
from boostflow.calorimeter.cascade import KINDS, Particle, Showers
from boostflow.calorimeter.columns import HIGHEST, LOWEST
from boostflow.calorimeter.files import ENDS, write
from boostflow.errors import BoostflowError

log = logging.getLogger("showers")

PART = 200
"""Showers that are made at a time."""


def arguments(command: argparse.ArgumentParser) -> None:
    """Declare what `boostflow showers` takes."""
    command.add_argument("target", metavar="OUT", type=Path, help="HDF5 file to write")
    command.add_argument("--particle", choices=KINDS, default="e+", help="what enters (e+)")
    command.add_argument("--number", type=int, default=1000, help="of showers (1000)")
    command.add_argument(
        "--energy",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        default=(LOWEST, HIGHEST),
        help="limits in GeV, between which all are as likely (1 100)",
    )
    command.add_argument("--seed", type=int, default=1, help="another one gives other showers (1)")


def run(
    path: Path,
    particle: Particle,
    number: int,
    limits: tuple[float, float] = (LOWEST, HIGHEST),
    seed: int = 1,
) -> str:
    """Write showers of particles whose energies are uniform; returns what was written.

    Args:
        path: of the HDF5 file.
        particle: that enters.
        number: of showers.
        limits: smallest and largest energy (GeV).
        seed: the same one gives the same file.

    Raises:
        BoostflowError: a wrong name or number, or energies that the cascade is not for.
    """
    low, high = limits
    if path.suffix not in ENDS:
        raise BoostflowError(f"{path}: showers are HDF5 files: end the name with {ENDS[0]}")
    if number < 1:
        raise BoostflowError(f"{number} showers: at least 1 is needed")
    if not LOWEST <= low <= high <= HIGHEST:
        raise BoostflowError(
            f"energies of {low:g} to {high:g} GeV: the cascade is for {LOWEST:g} to {HIGHEST:g} GeV"
        )

    def parts() -> Iterator[Showers]:
        for first in range(0, number, PART):
            size = min(PART, number - first)
            energy = cascade.energies(size, low, high, seed, first)
            # Pions may leave no energy in any cell; such showers are no ones.
            found = cascade.simulate(particle, energy, seed, first)[0]
            seen = found.cells.any(axis=1)
            log.info("%d of %d showers", first + size, number)
            yield Showers(*(values[seen] for values in found))

    size = write(path, parts())
    return f"{path}: {size} showers of {particle}"

"""Showers from the parameters: a gamma distribution in depth, two components across, spots.

The form of GFLASH (Grindhammer and Peters, hep-ex/0001020): dE/dt is proportional to
t^(alpha - 1) exp(-beta t), of which the maximum T = (alpha - 1) / beta and alpha fluctuate together
as log-normal numbers, and the radial profile is p 2 r R^2 / (r^2 + R^2)^2 of a core and a tail.
Energy is deposited in spots, whose number in each cell is a Poisson number.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter.geometry import (
    CELLS,
    CRITICAL_ENERGY,
    LAYERS,
    RADIATION_LENGTH,
    STARTS,
)
from boostflow.errors import BoostflowError
from boostflow.io import read_json, write_json

FILE = "parameters.json"
"""The model's file."""
ENDS = np.array([layer.end for layer in LAYERS]) / RADIATION_LENGTH


@dataclass
class Parameters:
    """What a fit finds."""

    response: tuple[float, float, float]
    """Mean of the energy in all cells over that of the particle, and of its squared spread the
    parts a^2 (of 1 / E) and c^2."""
    longitudinal: list[float]
    """ln T and ln alpha: slope and value of T and of alpha against ln(E / E_c), their spreads at
    1 GeV and how these fall with ln E, correlation; see `profile`."""
    energies: list[float]
    """Energies (GeV) at which the profile across is known."""
    across: list[list[float]]
    """Part of the energy of its layer in each cell, of each energy; shape (energies, 504)."""
    spots: list[float]
    """Spots per MeV in each layer."""

    def write(self, folder: Path) -> None:
        """Write the model's file."""
        write_json(folder / FILE, asdict(self))


def profile(longitudinal: NDArray, energy: NDArray, normal: NDArray) -> NDArray[np.float64]:
    """Parts of the energy in each layer, shape (N, 3).

    Args:
        longitudinal: the eight parameters.
        energy: of the particles (GeV), shape (N,).
        normal: two normally distributed numbers of each shower, shape (N, 2).
    """
    from scipy.special import gammainc

    t_value, t_slope, a_value, a_slope, t_spread, a_spread, fall, turn = longitudinal
    log_y = np.log(energy * 1000 / CRITICAL_ENERGY)
    smaller = np.exp(-np.abs(fall) * np.log(energy))
    correlation = np.tanh(turn)
    first = normal[:, 0]
    second = correlation * first + np.sqrt(1 - correlation**2) * normal[:, 1]
    maximum = np.log(np.maximum(t_value + t_slope * log_y, 0.1)) + t_spread * smaller * first
    power = np.log(np.maximum(a_value + a_slope * log_y, 1.05)) + a_spread * smaller * second
    alpha = np.maximum(np.exp(power), 1.01)
    beta = (alpha - 1) / np.exp(maximum)
    inside = gammainc(alpha[:, None], beta[:, None] * ENDS)
    parts = np.diff(inside, axis=1, prepend=0.0)
    return parts / np.maximum(parts.sum(axis=1, keepdims=True), 1e-12)


class Generator:
    """Showers from the parameters of a fit."""

    def __init__(self, parameters: Parameters) -> None:
        """Of a fit."""
        self.parameters = parameters
        self.energies = np.log(parameters.energies)
        self.across = np.asarray(parameters.across)

    def generate(self, energy: NDArray, rng: np.random.Generator) -> NDArray[np.float32]:
        """Cells (MeV) of showers, shape (N, 504); see `boostflow.models.family.Generates`."""
        parts = profile(
            np.asarray(self.parameters.longitudinal), energy, rng.normal(size=(len(energy), 2))
        )
        mean, sampling, constant = self.parameters.response
        spread = np.sqrt(sampling / energy + constant)
        # A gamma distribution: no energy is negative.
        shape = 1 / np.maximum(spread / mean, 1e-4) ** 2
        total = energy * 1000 * mean * rng.gamma(shape) / shape
        sums = parts * total[:, None]
        cells = np.empty((len(energy), CELLS), np.float32)
        place = np.interp(np.log(energy), self.energies, np.arange(len(self.energies)))
        low = np.minimum(place.astype(int), len(self.energies) - 2)
        rest = (place - low)[:, None]
        for number, per_mev in enumerate(self.parameters.spots):
            part = slice(STARTS[number], STARTS[number + 1])
            table = self.across[:, part]
            expected = table[low] * (1 - rest) + table[low + 1] * rest
            count = rng.poisson(expected * (per_mev * sums[:, number])[:, None])
            every = np.maximum(count.sum(axis=1), 1)
            cells[:, part] = count * (sums[:, number] / every)[:, None]
        return cells


def load(model: Path) -> Generator:
    """The generator of a trained model.

    Raises:
        BoostflowError: its file is damaged.
    """
    data: Any = read_json(model / FILE)
    try:
        return Generator(Parameters(**data))
    except (TypeError, ValueError) as error:
        raise BoostflowError(f"{model / FILE}: holds no parameters ({error})") from None

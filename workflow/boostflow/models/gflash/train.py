"""The fit of the parameters to the showers of the training."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter.geometry import CELLS, HALF_WIDTH, LAYERS, STARTS
from boostflow.errors import BoostflowError
from boostflow.models.generated import Examples, fitted
from boostflow.models.gflash.block import Gflash
from boostflow.models.gflash.generator import Parameters, profile

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

log = logging.getLogger("gflash")

START = (-0.5, 1.0, 0.8, 0.5, 0.3, 0.4, 0.1, 0.5)
"""Parameters with which the fit of the longitudinal profile begins, near those of GFLASH."""
STEPS = (0.3, 0.1, 0.3, 0.1, 0.1, 0.1, 0.1, 0.3)
DRAWN = 500
"""Showers of the parametrisation in each bin of the energy."""


def train(job: Train, files: Train.Files) -> None:
    """Fit the parameters, and write the model's folder.

    Raises:
        BoostflowError: a column is missing, or there are too few showers.
    """
    config = job.model
    assert isinstance(config, Gflash)
    fitted(files, config, lambda examples: fit(examples, config))


def fit(examples: Examples, config: Gflash) -> tuple[Parameters, list[float]]:
    """The parameters of showers, and the loss of the longitudinal fit as it fell.

    Raises:
        BoostflowError: there are fewer than ten showers a bin of the energy.
    """
    edges = np.quantile(examples.energy, np.linspace(0, 1, config.bins + 1))
    number = np.clip(np.searchsorted(edges, examples.energy, "right") - 1, 0, config.bins - 1)
    bins = [np.flatnonzero(number == k) for k in range(config.bins)]
    if min(map(len, bins)) < 10:
        raise BoostflowError(
            f"{len(examples.energy)} showers of the training are too few for {config.bins} bins of"
            " the energy: make more, or lower `bins`"
        )
    cells = examples.cells.astype(np.float64)
    sums = np.add.reduceat(cells, STARTS[:-1], axis=1)
    total = sums.sum(axis=1)
    longitudinal, history = _longitudinal(examples.energy, sums / total[:, None], bins, config)
    across = [_across(cells[k], sums[k]) for k in bins]
    center = [float(np.exp(np.log(examples.energy[k]).mean())) for k in bins]
    return (
        Parameters(
            response=_response(examples.energy, total / 1000 / examples.energy, bins),
            longitudinal=longitudinal,
            energies=center,
            across=[row.tolist() for row in across],
            spots=_spots(cells, sums, number, np.stack(across)),
        ),
        history,
    )


def _response(
    energy: NDArray, response: NDArray, bins: list[NDArray]
) -> tuple[float, float, float]:
    """Mean, a^2 and c^2 by least squares on the variances of the bins."""
    from scipy.optimize import nnls

    terms = np.array([[np.mean(1 / energy[k]), 1.0] for k in bins])
    variance = np.array([response[k].var() for k in bins])
    (sampling, constant), _ = nnls(terms / variance[:, None], np.ones(len(bins)))
    return float(response.mean()), float(sampling), float(constant)


def _moments(parts: NDArray) -> NDArray:
    """What the fit compares: of the first part and the logarithm of the last, two moments each."""
    last = np.log10(parts[:, 2] + 1e-4)
    first = parts[:, 0]
    together = np.mean((first - first.mean()) * (last - last.mean()))
    return np.array([first.mean(), first.std(), last.mean(), last.std(), together])


def _longitudinal(
    energy: NDArray, parts: NDArray, bins: list[NDArray], config: Gflash
) -> tuple[list[float], list[float]]:
    """Parameters of `generator.profile` by a simplex, with the same random numbers throughout."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(config.seed)
    drawn = [rng.choice(energy[k], DRAWN) for k in bins]
    normal = [rng.normal(size=(DRAWN, 2)) for _ in bins]
    wanted = np.stack([_moments(parts[k]) for k in bins])
    scale = np.array([0.02, 0.02, 0.2, 0.2, 0.02])
    history: list[float] = []

    def loss(values: NDArray) -> float:
        found = np.stack(
            [_moments(profile(values, e, n)) for e, n in zip(drawn, normal, strict=True)]
        )
        value = float((((found - wanted) / scale) ** 2).mean())
        history.append(min([value, *history[-1:]]))
        return value

    simplex = np.array([START, *(np.array(START) + np.diag(STEPS))])
    done = minimize(
        loss,
        START,
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "maxfev": config.evaluations, "adaptive": True},
    )
    log.info("longitudinal profile: loss %.3f after %d evaluations", done.fun, done.nfev)
    return [float(value) for value in done.x], history


def _across(cells: NDArray, sums: NDArray) -> NDArray:
    """Parts of a layer's energy in its cells, by a core and a tail; shape (504,)."""
    from scipy.optimize import minimize

    found = np.empty(CELLS)
    for number, layer in enumerate(LAYERS):
        part = slice(STARTS[number], STARTS[number + 1])
        mean = cells[:, part].sum(axis=0) / max(sums[:, number].sum(), 1e-12)

        def loss(
            values: NDArray, shape: tuple[int, int] = layer.shape, mean: NDArray = mean
        ) -> float:
            return float(((np.sqrt(_radial(values, shape)) - np.sqrt(mean)) ** 2).sum())

        done = minimize(loss, (1.5, np.log(10.0), np.log(60.0)), method="Nelder-Mead")
        found[part] = _radial(done.x, layer.shape)
    return found


def _radial(values: NDArray, shape: tuple[int, int]) -> NDArray:
    """Parts of the energy in cells of a layer, row by row, of a core and a tail.

    The profile 1/pi R^2 / (r^2 + R^2)^2 integrated over a rectangle has the closed form
    F(x, y) = (x atan(y / a) / a + y atan(x / b) / b) / 2 pi with a^2 = x^2 + R^2, b^2 = y^2 + R^2.

    Args:
        values: logit of the part of the core, and logarithms of both radii (mm).
        shape: cells in phi and eta.
    """
    core = 1 / (1 + np.exp(-values[0]))
    y, x = (np.linspace(-HALF_WIDTH, HALF_WIDTH, n + 1) for n in shape)
    x, y = x[None, :], y[:, None]
    whole = np.zeros(shape)
    for weight, log_radius in ((core, values[1]), (1 - core, values[2])):
        square = np.exp(2 * np.clip(log_radius, -3, 7))
        a, b = np.sqrt(x**2 + square), np.sqrt(y**2 + square)
        edge = (x * np.arctan(y / a) / a + y * np.arctan(x / b) / b) / (2 * np.pi)
        whole += weight * np.diff(np.diff(edge, axis=0), axis=1)
    inside: NDArray = np.maximum(whole, 0.0).reshape(-1)
    return inside / inside.sum()


def _spots(cells: NDArray, sums: NDArray, number: NDArray, across: NDArray) -> list[float]:
    """Spots per MeV in each layer by which as many cells are hit as in the showers, in the mean."""
    from scipy.optimize import brentq

    found = []
    for layer in range(len(LAYERS)):
        part = slice(STARTS[layer], STARTS[layer + 1])
        hit = float((cells[:, part] > 0).sum(axis=1).mean())
        expected = across[number][:, part] * sums[:, layer, None]

        def more(log_rate: float, expected: NDArray = expected, hit: float = hit) -> float:
            return float((1 - np.exp(-np.exp(log_rate) * expected)).sum(axis=1).mean()) - hit

        low, high = -12.0, 8.0
        if more(low) >= 0 or more(high) <= 0:
            raise BoostflowError(f"layer {layer} of the training showers is empty, or full")
        found.append(float(np.exp(brentq(more, low, high, xtol=1e-3))))
    return found

"""Decorrelated scores against toys whose distribution is known, and their closure on other jets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from boostflow.models.quantilemap import QuantileMap, fit

AXIS = (float(np.log(20)), float(np.log(300)))
EDGES = np.array([20, 40, 60, 80, 100, 120, 150, 180, 210, 250, 300])


class Toys(NamedTuple):
    """Background jets whose score follows mass and pT."""

    mass: NDArray
    pt: NDArray
    score: NDArray
    known: NDArray[np.bool_]

    @property
    def logarithm(self) -> NDArray:
        """What the map takes as the mass."""
        return np.log(self.mass)


def toys(rng: np.random.Generator, size: int, learned: int = 0) -> Toys:
    """The spectrum is 1 over the mass; the score peaks at 170 GeV and is lower where known."""
    mass = np.exp(rng.uniform(np.log(15), np.log(320), size))
    pt = 800 + rng.exponential(120, size)
    known = np.arange(size) < learned
    centre = -4 + 4 * np.exp(-0.5 * ((mass - 170) / 50) ** 2) + (pt - 900) / 400
    width = 0.6 + 0.004 * mass
    x = centre - 0.4 * width * known + width * rng.logistic(size=size)
    return Toys(mass, pt, 1 / (1 + np.exp(-x)), known)


def made(jets: Toys, known: NDArray[np.bool_], knots: int = 8) -> QuantileMap:
    """The map of some jets, all of the same weight."""
    weight = np.ones(len(known))
    return fit(jets.logarithm, jets.pt, jets.score, weight, known, AXIS, knots)


def passing(found: QuantileMap, jets: Toys, efficiency: float) -> NDArray[np.float64]:
    """Part of the jets in bins of the mass with a decorrelated score that few should reach."""
    below = found.below(jets.logarithm, jets.pt, jets.score)
    total = np.histogram(jets.mass, EDGES)[0]
    return np.histogram(jets.mass[below >= 1 - efficiency], EDGES)[0] / total


@pytest.fixture(scope="module")
def other() -> Toys:
    """Jets that no map has seen, so many that their own fluctuations do not matter."""
    return toys(np.random.default_rng(2), 60_000)


@pytest.fixture(scope="module")
def sets() -> list[tuple[Toys, QuantileMap]]:
    """As many jets as a default analysis has, 6,000 learned and 2,000 others, and their maps."""
    found = [toys(np.random.default_rng(seed), 8000, learned=6000) for seed in range(20, 26)]
    return [(jets, made(jets, jets.known)) for jets in found]


@pytest.mark.parametrize(("efficiency", "tolerance"), [(0.5, 0.08), (0.2, 0.15), (0.05, 0.35)])
def test_the_efficiency_of_other_jets_is_flat_in_the_mass(
    sets: list[tuple[Toys, QuantileMap]], other: Toys, efficiency: float, tolerance: float
) -> None:
    """The mean of some sets shows a bias; without the map there is one of a factor."""
    raw = other.score >= np.quantile(other.score, 1 - efficiency)
    before = np.histogram(other.mass[raw], EDGES)[0] / np.histogram(other.mass, EDGES)[0]
    assert before.max() > (2 if efficiency == 0.5 else 5) * before.min()
    after = np.mean([passing(found, other, efficiency) for _, found in sets], axis=0)
    np.testing.assert_allclose(after, efficiency, rtol=tolerance)


def test_what_a_model_learned_by_heart_does_not_bias_the_map(
    sets: list[tuple[Toys, QuantileMap]], other: Toys
) -> None:
    (jets, first), *_ = sets
    told = np.mean([passing(found, other, 0.05).mean() for _, found in sets])
    untold = passing(made(jets, np.zeros_like(jets.known)), other, 0.05).mean()
    assert told == pytest.approx(0.05, rel=0.15)
    assert untold > 1.25 * passing(first, other, 0.05).mean()


def test_few_jets_leave_no_bumps(other: Toys) -> None:
    """With few knots neighbouring bins err together, as a smooth function does.

    With counts in cells of the size of these bins they err independently: the mean square of second
    differences is then six times that of a bin.
    """
    rng = np.random.default_rng(3)
    found = []
    for _ in range(6):
        few = toys(rng, 3000)
        found.append(passing(made(few, few.known, knots=3), other, 0.1) / 0.1 - 1)
    curvature = np.diff(found, 2, axis=1)
    assert np.mean(curvature**2) < 3 * np.mean(np.square(found))


def test_the_score_is_uniform_in_each_cell(
    sets: list[tuple[Toys, QuantileMap]], other: Toys
) -> None:
    below = sets[0][1].below(other.logarithm, other.pt, other.score)
    assert below.min() > 0 and below.max() < 1
    for low, high in ((60, 100), (150, 200)):
        for slow, fast in ((800, 850), (850, 950), (950, 1200)):
            cell = (other.mass > low) & (other.mass < high) & (other.pt > slow) & (other.pt < fast)
            assert stats.kstest(below[cell], "uniform").statistic < 0.06


def test_order_is_kept_at_every_mass_and_nothing_jumps(
    sets: list[tuple[Toys, QuantileMap]],
) -> None:
    found = sets[0][1]
    assert (np.diff(found.quantile, axis=2) > 0).all()
    score = np.linspace(0.001, 0.999, 400)
    for mass in (5.0, 20.0, 83.0, 172.0, 500.0):
        place = np.full(400, np.log(mass)), np.full(400, 930.0)
        below = found.below(*place, score)
        assert (np.diff(below) >= 0).all() and len(np.unique(below)) > 100
    masses = np.linspace(20, 300, 3000)
    along = found.below(np.log(masses), np.full(3000, 1000.0), np.full(3000, 0.4))
    assert np.abs(np.diff(along)).max() < 0.01


def test_weights_count(other: Toys) -> None:
    """Half of the jets, each twice, are as good as those twice."""
    rng = np.random.default_rng(4)
    jets = toys(rng, 4000)
    weight = np.where(jets.score > 0.1, 2.0, 1.0)
    args = (jets.logarithm, jets.pt, jets.score)
    weighted = fit(*args, weight, jets.known, AXIS, knots=8)
    many = [np.concatenate([a, a[weight > 1]]) for a in args]
    size = len(many[0])
    repeated = fit(*many, np.ones(size), np.zeros(size, bool), AXIS, knots=8)
    place = other.logarithm[:2000], other.pt[:2000], other.score[:2000]
    apart = weighted.below(*place) - repeated.below(*place)
    assert np.abs(apart).mean() < 0.005 and np.abs(apart).max() < 0.05

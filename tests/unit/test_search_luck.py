"""The best of many equal figures looks too good; drawing events again says by how much."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.evaluate.curves import EmptyClass
from boostflow.search.luck import luck

EVENTS, POINTS, SETS = 400, 24, 60
EXPECTED = 1.9477
"""Mean of the largest of 24 standard normal numbers (order statistics, H. L. Harter 1961)."""


def mean_of(columns: NDArray):
    """The mean of each column, each row counting so many times."""

    def values(count: NDArray) -> NDArray:
        if not count.sum():
            raise EmptyClass("no events")
        return count @ columns / count.sum()

    return values


def test_the_luck_of_equal_points_is_taken_out() -> None:
    """All points are worth 0; the best of 24 looks better by 1.95 errors."""
    found = []
    for number in range(SETS):
        columns = np.random.default_rng(number).normal(size=(EVENTS, POINTS))
        found.append(luck(mean_of(columns), np.arange(EVENTS), 100, number))
    error = 1 / np.sqrt(EVENTS)
    value = np.mean([one["value"] for one in found]) / error
    corrected = np.mean([one["corrected"] for one in found]) / error
    # The largest of 24 has a standard deviation of 0.5.
    assert value == pytest.approx(EXPECTED, abs=4 * 0.5 / np.sqrt(SETS))
    assert abs(corrected) < 0.35
    assert np.mean([one["error"] for one in found]) == pytest.approx(error, rel=0.1)
    # By chance as often as it says.
    p_values = np.array([one["p_value"] for one in found])
    assert 0.3 < np.mean(p_values) < 0.7 and np.mean(p_values < 0.1) < 0.3


def test_a_point_that_is_better_is_no_luck() -> None:
    columns = np.random.default_rng(1).normal(size=(EVENTS, POINTS))
    columns[:, 3] += 1.0
    found = luck(mean_of(columns), np.arange(EVENTS), 200, 1)
    assert found["chosen_again"] == 1 and found["p_value"] == pytest.approx(1 / 201)
    assert found["corrected"] == pytest.approx(found["value"], abs=0.02)
    assert (found["points"], found["resamplings"]) == (POINTS, 200)


def test_jets_of_an_event_are_drawn_together() -> None:
    """Two equal jets an event know no more than one."""
    single = np.random.default_rng(2).normal(size=(EVENTS, 3))
    one = luck(mean_of(single), np.arange(EVENTS), 200, 3)
    double = np.repeat(single, 2, axis=0)
    two = luck(mean_of(double), np.repeat(np.arange(EVENTS), 2), 200, 3)
    assert two == pytest.approx(one)


def test_too_few_events() -> None:
    def never(count: NDArray) -> NDArray:
        if count.sum() != 2:
            raise EmptyClass("no events")
        return np.ones(2)

    with pytest.raises(BoostflowError, match="more events are needed"):
        luck(never, np.array([0, 0]), 5, 1)

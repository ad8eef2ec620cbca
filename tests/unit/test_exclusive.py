"""Which ranges of scores can share a jet: the rules against random probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from boostflow.config.checks.exclusive import probabilities, share_jets
from boostflow.config.config import Config

COLUMNS = ["p_top", "p_w", "p_z", "p_q"]


@pytest.mark.parametrize(
    ("one", "its", "other", "second", "expected"),
    [
        (["p_top"], [0.5, 1], ["p_top"], [0.0, 0.5], False),
        (["p_top"], [0.5, 1], ["p_top"], [0.4, 0.6], True),
        (["p_w", "p_z"], [0.5, 1], ["p_z", "p_w"], [0.0, 0.5], False),  # the same sum
        (["p_top"], [0.8, 1], ["p_w", "p_z"], [0.3, 1], False),
        (["p_top"], [0.8, 1], ["p_w", "p_z"], [0.1, 1], True),
        (["p_w"], [0.5, 1], ["p_w", "p_z"], [0.0, 0.5], False),  # a part is not above the sum
        (["p_w"], [0.4, 1], ["p_w", "p_z"], [0.0, 0.5], True),
        (["p_w", "p_z"], [0.0, 0.5], ["p_z"], [0.6, 1], False),
        (["p_w", "p_z"], [0.6, 1], ["p_z", "p_top"], [0.6, 1], True),  # p_z is in both
        (["p_top", "p_q"], [0.0, 0.4], ["p_w", "p_z"], [0.0, 0.5], False),  # all there is
        (["p_top", "p_q"], [0.0, 0.6], ["p_w", "p_z"], [0.0, 0.5], True),
        (["p_top"], [0.8, 1], ["distance"], [0.0, 1], None),
    ],
)
def test_which_ranges_share_jets(one, its, other, second, expected) -> None:
    assert share_jets(one, its, other, second, COLUMNS) is expected
    assert share_jets(other, second, one, its, COLUMNS) is expected


def test_ranges_that_touch() -> None:
    """0.8 + 0.2 is 1: no jet but one of exactly these, which counts where data are hidden."""
    touch = (["p_top"], [0.8, 1], ["p_w"], [0.2, 1], COLUMNS)
    assert share_jets(*touch) is True
    assert share_jets(*touch, touching=False) is False


def test_random_probabilities() -> None:
    """No jet is in two ranges that are said to share none; most others have one that is."""
    rng = np.random.default_rng(4)
    points = np.vstack([rng.dirichlet([a] * 4, 4000) for a in (0.05, 0.2, 1.0)])
    told, seen = 0, 0
    for _ in range(300):
        sets = [rng.choice(4, rng.integers(1, 4), replace=False) for _ in range(2)]
        ranges = [np.sort(rng.choice(np.arange(0, 1.01, 0.1), 2, replace=False)) for _ in range(2)]
        names = [[COLUMNS[i] for i in found] for found in sets]
        shared = share_jets(names[0], ranges[0], names[1], ranges[1], COLUMNS)
        inside = np.ones(len(points), bool)
        for found, (low, high) in zip(sets, ranges, strict=True):
            total = points[:, found].sum(axis=1)
            inside &= (total >= low) & (total < high)
        assert shared or not inside.any()
        told, seen = told + bool(shared), seen + bool(shared and inside.any())
    assert seen > 0.9 * told > 50


def test_probabilities_of_a_model() -> None:
    config = Config()
    assert set(probabilities(config, "bdt")) == {f"p_{label}" for label in config.labels()}
    assert probabilities(config, "ucluster") == [] == probabilities(config, "none")

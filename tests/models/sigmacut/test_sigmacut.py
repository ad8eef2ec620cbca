"""Cuts on n-sigma values: the order of scores is that of the nearest class' deviation."""

from __future__ import annotations

import math

import numpy as np
from numpy.testing import assert_allclose

from boostflow.models.sigmacut.block import SigmaCut
from boostflow.models.sigmacut.score import probabilities

BLOCK = SigmaCut(deviations={"kaon": ["a", "b"], "pion": ["c", "d"], "proton": ["e", "f"]})
CLASSES = ["kaon", "pion", "proton"]


def test_the_nearest_class_is_the_likeliest() -> None:
    """Deviations are added in quadrature: 5 of the kaon, 2 of the pion, 13 of the proton."""
    found = probabilities(np.array([[3, -4, 0, 2, 5, 12]]), BLOCK, CLASSES)[0]
    assert_allclose(found, [2 / 9, 5 / 9, 2 / 9])
    # Without the second detector 3 of the kaon, 0 of the pion.
    nothing = math.nan
    found = probabilities(np.array([[3, nothing, 0, nothing, 5, nothing]]), BLOCK, CLASSES)[0]
    assert_allclose(found, [0, 1, 0], atol=1e-12)


def test_what_is_missing_is_near_to_nothing() -> None:
    """A class without any value was the nearest one, with a probability of 1."""
    nothing = math.nan
    rows = [[nothing] * 6, [nothing, 4, 0, 2, 5, 12]]
    found = probabilities(np.array(rows), BLOCK, CLASSES)
    assert_allclose(found[0], [1 / 3] * 3)
    # The first detector has nothing to say: 4 of the kaon, 2 of the pion, 12 of the proton.
    assert_allclose(found[1], [2 / 9, 5 / 9, 2 / 9])


def test_a_cut_on_the_score_is_one_on_the_deviation() -> None:
    """Whatever the abundances, which the figures at equal purity multiply by."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, 4, (5000, 6))
    found = probabilities(values, BLOCK, CLASSES)
    assert_allclose(found.sum(axis=1), 1)
    deviation = np.hypot(values[:, ::2], values[:, 1::2])
    assert (found.argmax(axis=1) == deviation.argmin(axis=1)).all()
    expected = found * [0.1, 0.8, 0.1]
    kaon = expected[:, 0] / expected.sum(axis=1)
    mine = deviation.argmin(axis=1) == 0
    assert (np.diff(kaon[mine][np.argsort(deviation[mine, 0])]) <= 0).all()
    assert kaon[mine].min() >= kaon[~mine].max()

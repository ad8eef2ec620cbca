"""Learning rates in the course of a training."""

from __future__ import annotations

import numpy as np
import pytest

from boostflow.training.schedules import Constant, Cosine, Halving, Then


def test_constant():
    assert {Constant(0.1)(seen, 10) for seen in range(10)} == {0.1}


def test_halving_every_so_many_units_down_to_the_lowest():
    rate = Halving(1e-3, 1e-5, every=500_000)
    rates = [rate(seen, 10**10) for seen in (0, 499_999, 500_000, 10**9)]
    assert rates == [1e-3, 1e-3, 5e-4, 1e-5]


@pytest.mark.parametrize("total", [1000, 320_000])
def test_halving_in_equal_parts_of_any_training(total):
    rates = [Halving(4e-3)(seen, total) for seen in range(0, total, total // 100)]
    values, counts = np.unique(rates, return_counts=True)
    np.testing.assert_allclose(values[::-1], 4e-3 / 2.0 ** np.arange(5))
    assert counts.tolist() == [20] * 5


def test_cosine_rises_then_falls():
    rate = Cosine(0.1, lowest=0.01, warmup=0.2)
    assert rate(0, 100) == 0
    assert rate(10, 100) == pytest.approx(0.05)
    assert rate(20, 100) == pytest.approx(0.1)
    assert rate(60, 100) == pytest.approx((0.1 + 0.01) / 2)  # half way down
    assert rate(100, 100) == pytest.approx(0.01)
    rates = [rate(seen, 100) for seen in range(20, 101)]
    assert (np.diff(rates) < 0).all()
    assert Cosine(0.1)(0, 100) == 0.1


def test_one_schedule_after_another():
    rate = Then(Cosine(0.1, warmup=0.5), Halving(0.03), share=0.25)
    assert [rate(seen, 400) for seen in (0, 25, 50)] == [
        Cosine(0.1, warmup=0.5)(s, 100) for s in (0, 25, 50)
    ]
    assert [rate(seen, 400) for seen in (100, 159, 160)] == [0.03, 0.03, 0.015]
    assert Then(Constant(0.1), Constant(0.2), share=1)(99, 100) == 0.1

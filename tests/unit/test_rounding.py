"""Columns as integers: the bound holds for every type, and what no integer stands for stays."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from boostflow.coding.rounding import Rounding
from boostflow.config.rounding import Rounded

HARD = [0.0, -0.0, 1e-30, -1.0, 1e20, 3.4e38, -1e-7, np.nan, np.inf, -np.inf, np.pi, -np.pi, 7.0]
"""Values that a careless rounding gets wrong."""


def values(kind: str) -> NDArray:
    rng = np.random.default_rng(3)
    return np.concatenate([HARD, rng.normal(0, 3, 2000), rng.lognormal(0, 8, 2000)]).astype(kind)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("bound", [1e-1, 1e-3, 1e-6])
@pytest.mark.parametrize(
    "declared",
    [
        {"type": "continuous"},
        {"type": "continuous", "error": "relative"},
        {"type": "positive"},
        {"type": "positive", "error": "absolute"},
        {"type": "angle"},
    ],
    ids=str,
)
def test_no_value_is_off_by_more_than_its_bound(
    declared: dict[str, str], bound: float, kind: str
) -> None:
    rounding, x = Rounding(Rounded(bound=bound, **declared)), values(kind)
    back = rounding.rounded(x)
    assert back.dtype == x.dtype
    fine = np.isfinite(x)
    np.testing.assert_array_equal(back[~fine], x[~fine])
    a, b = x[fine].astype(float), back[fine].astype(float)
    if declared["type"] == "angle":
        off = np.abs(np.angle(np.exp(1j * (b - a))))
        # Of large numbers the difference of two is not exact.
        assert (off[np.abs(a) < 100] <= bound * (1 + 1e-6)).all()
    elif declared.get("error") == "relative" or declared == {"type": "positive"}:
        assert (np.abs(b - a) <= bound * np.abs(a)).all()
    else:
        assert (np.abs(b - a) <= bound).all()
    assert (back[x == 0] == 0).all()
    if declared["type"] == "positive":
        assert (back[x >= 0] >= 0).all()


def test_most_values_have_an_integer() -> None:
    rounding = Rounding(Rounded(type="positive", bound=1e-4))
    x = np.random.default_rng(1).lognormal(5, 1, 10_000).astype(np.float32)
    q, good = rounding.integers(x)
    assert good.all()
    # Each step is twice the bound in the logarithm.
    assert np.ptp(q) == pytest.approx(np.ptp(np.log(x.astype(float))) / 2e-4, rel=2e-3)


def test_angles_close() -> None:
    """Just below pi and just above -pi are neighbours."""
    rounding = Rounding(Rounded(type="angle", bound=0.01))
    x = np.array([3.1415, -3.1415, 3.1415 - 2 * np.pi, 0.0])
    q, good = rounding.integers(x)
    assert good.all() and len(set(q[:3] % rounding.turn)) <= 2
    assert np.ptp(rounding.integers(np.linspace(-10, 10, 5000))[0]) == rounding.turn - 1


@pytest.mark.parametrize("kind", ["i1", "u2", "i4", "i8", "u8", "f4", "f8", "?"])
def test_integers_come_back(kind: str) -> None:
    dtype = np.dtype(kind)
    x = np.array([0, 1, 100, 1], dtype)
    if kind in ("i8", "u8"):
        # Beyond 2^53 double precision would change them.
        more = [2**53 + 1, 2**63 - 1] + ([2**64 - 1, 2**63 + 7] if kind == "u8" else [-(2**63)])
        x = np.concatenate([x, np.array(more, dtype)])
    back = Rounding(Rounded(type="integer")).rounded(x)
    assert back.dtype == dtype and (back == x).all()
    assert Rounding(Rounded(type="integer")).integers(x)[1][:4].all()


def test_a_column_that_says_too_much_or_too_little_is_refused() -> None:
    for keys, why in (
        ({}, "needs `bound`"),
        ({"bound": 0.0}, "greater than 0"),
        ({"type": "integer", "bound": 1.0}, "come back exactly"),
        ({"type": "angle", "bound": 0.1, "error": "relative"}, "absolute"),
        ({"type": "angle", "bound": 1.0}, "below 1 radian"),
        ({"type": "positive", "bound": 1.0}, "below 1"),
    ):
        with pytest.raises(ValueError, match=why):
            Rounded.model_validate(keys)

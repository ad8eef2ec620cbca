"""How generated showers are judged: against cases of which the answer is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import wasserstein_distance

from boostflow.errors import BoostflowError
from boostflow.evaluate import showers
from boostflow.evaluate.curves import components
from boostflow.evaluate.showers import Pair


def cells(size: int, seed: int, scale: float = 1.0) -> np.ndarray:
    """Cells that are none, with a core in the middle."""
    rng = np.random.default_rng(seed)
    found = rng.exponential(2.0, (size, 504)) * (rng.random((size, 504)) < 0.2)
    found[:, 140:150] += rng.gamma(20.0, 5.0, (size, 10)) * scale
    return found.astype(np.float32)


def pair(size: int = 800, change: Callable[[np.ndarray], np.ndarray] | None = None) -> Pair:
    """Two samples of the same distribution, or one that is changed."""
    energy = np.random.default_rng(9).uniform(1, 3, size)
    other = cells(size, 2)
    return Pair(energy, cells(size, 1), other if change is None else change(other))


def test_what_is_the_same_cannot_be_told_apart() -> None:
    figures, table = showers.evaluate(pair(), cells(500, 3), 40, 5, network=False)
    found = figures["told_apart"]["trees on shapes"]
    assert found["value"] == pytest.approx(0.5, abs=4 * found["error"])
    assert 0.005 < found["error"] < 0.03
    assert figures["nearest"]["value"] == pytest.approx(1, abs=4 * figures["nearest"]["error"])
    for one in figures["distance"].values():
        assert one["value"] < 3 * one["same"] + 1e-9
    frechet = figures["frechet"]
    # By chance it is about (trace of the covariance) / N, never 0.
    assert 0 < frechet["value"] < 2 * frechet["same"] and frechet["error"] < frechet["same"]
    assert table["simulated_total"].shape == (800,) and figures["showers"] == 800


def test_what_differs_is_told_apart() -> None:
    figures, _ = showers.evaluate(pair(change=lambda x: 1.05 * x), cells(500, 3), 40, 5, False)
    assert figures["told_apart"]["trees on shapes"]["value"] > 0.6
    one = figures["distance"]["total"]
    assert one["value"] > 5 * one["same"] and one["value"] > 5 * one["error"]
    assert figures["frechet"]["value"] > 3 * figures["frechet"]["same"]


def test_the_frechet_distance_is_that_of_two_gaussians() -> None:
    """By the root of the product of both covariances, as it is written down."""
    rng = np.random.default_rng(4)
    names = showers.SHAPES
    mix = rng.normal(size=(2, len(names), len(names)))
    both = [rng.normal(size=(3000, len(names))) @ one for one in mix]
    both[1] += 0.5
    table = {
        f"{kind}_{name}": values[:, k]
        for kind, values in zip(("simulated", "generated"), both, strict=True)
        for k, name in enumerate(names)
    }
    one, other = (values / both[0].std(axis=0) for values in both)
    product = np.cov(one.T) @ np.cov(other.T)
    moved = one.mean(axis=0) - other.mean(axis=0)
    expected = moved @ moved + np.trace(np.cov(one.T)) + np.trace(np.cov(other.T))
    expected -= 2 * np.trace(sqrtm(product).real)
    found = showers.frechet(table, 10, 3)
    assert found["value"] == pytest.approx(expected, rel=1e-6)
    assert 0 < found["error"] < 0.1 * expected


@pytest.mark.slow
def test_a_network_sees_what_no_shape_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same showers, but for one cell far from the others, and rows that change places."""

    def change(values: np.ndarray) -> np.ndarray:
        moved = values.copy()
        moved[:, :96], moved[:, 192:288] = values[:, 192:288], values[:, :96]
        moved[:, 0] += 30.0
        return moved

    both = pair(400, change)
    one, other = (
        Pair(*(values[half] for values in both)) for half in (slice(200), slice(200, 400))
    )
    monkeypatch.setattr(showers, "EPOCHS", 8)
    scores = showers.network_on_cells(one, other, 5)
    auc, _ = components(scores, np.repeat([False, True], 200), np.ones(400))
    assert auc > 0.8


def test_showers_of_the_training_that_come_back_are_seen() -> None:
    training = cells(300, 3)
    copied = pair(300, lambda _: training)
    assert showers.nearest(copied, training, 1)["value"] < 0.01


def test_the_distance_is_that_of_scipy() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=500), rng.normal(0.3, 1.2, 500)
    assert showers.wasserstein(one, other) == pytest.approx(wasserstein_distance(one, other))


def test_response_and_resolution_are_found_in_bins() -> None:
    """A spread of 20 %/sqrt(E) around a response that rises with the energy."""
    rng = np.random.default_rng(1)
    energy = rng.uniform(1, 100, 6000)
    table = {"energy": energy}
    for name, term in (("simulated", 0.2), ("generated", 0.3)):
        mean = 0.9 + 0.001 * energy
        spread = term / np.sqrt(energy)
        table[f"{name}_response"] = mean * (1 + spread * rng.normal(size=6000))
    rows = showers.in_bins(table, 60, 1)
    assert len(rows) == 5
    for row in rows[1:]:
        middle = (row["low"] + row["high"]) / 2
        assert row["simulated"]["value"] == pytest.approx(0.9 + 0.001 * middle, abs=0.005)
        assert row["resolution"]["value"] == pytest.approx(0.2 / np.sqrt(middle), rel=0.08)
        assert row["ratio"]["value"] == pytest.approx(1.5, abs=4 * row["ratio"]["error"])


def test_too_few_showers_are_told() -> None:
    with pytest.raises(BoostflowError, match="12 showers in the test split, 20 are needed"):
        showers.evaluate(pair(12), cells(50, 3), 10, 1)

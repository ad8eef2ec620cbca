"""Efficiencies at equal purity against what is known of Gaussian scores, and the plots."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.optimize import brentq
from scipy.stats import norm

from boostflow.config.chain import Purity
from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.evaluate.classifier import Classified
from boostflow.evaluate.purity import difference, evaluate
from boostflow.jobs.base import Label
from boostflow.plots.purity import of_all, of_model
from boostflow.plots.style import save, style

CLASSES = ["kaon", "pion"]
PIONS = 10.0
"""Expected pions per kaon."""
CONFIG = Purity(signals=["kaon"], purity=[0.6, 0.9], column="p", edges=[0, 1, 2])
TEXT = Label("boostflow simulation", "")


def tracks(
    number: int, seed: int = 1, separation: float = 3.0, noise: float = 0.0, far: float = 2.0
) -> Classified:
    """Tracks with a Gaussian signal, kaons `separation` apart, and their true probabilities.

    With noise the probabilities are those of a signal with so much added to it.
    """
    rng = np.random.default_rng(seed)
    code = np.repeat([0, 1], number)
    signal = rng.normal(np.where(code == 0, separation, 0.0), 1)
    signal += noise * np.random.default_rng(99).normal(size=2 * number)
    odds = np.exp(separation * (signal - separation / 2) / (1 + noise**2))
    p = odds / (1 + odds)
    table = {
        "weight": np.where(code == 0, 1.0, PIONS),
        "event": np.arange(2 * number),
        "p": rng.uniform(0, far, 2 * number),
    }
    return Classified(CLASSES, table, code, np.stack([p, 1 - p], axis=1))


def truth(purity: float, separation: float = 3.0) -> float:
    """The efficiency of the loosest cut with a purity."""

    def excess(cut: float) -> float:
        kaons, pions = norm.sf(cut - separation), PIONS * norm.sf(cut)
        return kaons / (kaons + pions) - purity

    return float(norm.sf(brentq(excess, 0, 6) - separation))


def test_gaussian_signals() -> None:
    found = evaluate(tracks(10_000), CONFIG, 60, 1)
    assert [one["range"] for one in found["ranges"]] == [None, [0, 1], [1, 2]]
    assert found["ranges"][0]["objects"] == {"kaon": 10_000, "pion": 10_000}
    for one in found["ranges"]:
        for point in one["signals"]["kaon"]:
            value, error = point["efficiency"]["value"], point["efficiency"]["error"]
            assert 0 < error < 0.05
            assert abs(value - truth(point["purity"])) < 4 * error
        # The class with the larger probability: the cut is in the middle.
        kaon = one["decided"]["kaon"]
        right, wrong = norm.sf(-1.5), PIONS * norm.sf(1.5)
        for name, true in (("efficiency", right), ("purity", right / (right + wrong))):
            assert abs(kaon[name]["value"] - true) < 4 * kaon[name]["error"] < 0.1


def test_errors_are_those_of_repeated_samples() -> None:
    found = [evaluate(tracks(800, seed), CONFIG, 30, seed)["ranges"][0] for seed in range(40)]
    points = [one["signals"]["kaon"][0]["efficiency"] for one in found]
    values, errors = np.array([[x["value"], x["error"]] for x in points]).T
    assert np.mean(errors) == pytest.approx(values.std(ddof=1), rel=0.35)


def reordered(change: Callable[[NDArray], NDArray]) -> Classified:
    """Three classes with the same signal, whose probabilities are changed."""
    rng = np.random.default_rng(5)
    code = np.repeat([0, 1, 2], 4000)
    signal = rng.normal(np.array([[0, 0], [2.5, 0], [0, 1.5]])[code], 1)
    means = np.array([[0, 0], [2.5, 0], [0, 1.5]])
    p = np.exp(-((signal[:, None] - means) ** 2).sum(axis=2) / 2)
    p = change(p)
    table = {"weight": np.array([1.0, 30.0, 0.5])[code], "event": np.arange(12_000)}
    table["p"] = np.ones(12_000)
    return Classified(["kaon", "pion", "proton"], table, code, p / p.sum(1, keepdims=True))


def test_abundances_are_those_of_the_range() -> None:
    """A model that takes all classes for as frequent is judged with what is expected of them."""
    config = CONFIG.model_copy(update={"purity": [0.7], "edges": [0, 2]})
    equal = reordered(lambda p: p)
    found = evaluate(equal, config, 10, 1)["ranges"][0]["signals"]["kaon"][0]["efficiency"]
    # By hand: the expected part of kaons orders the tracks.
    expected = equal.scores * [1.0, 30.0, 0.5]
    order = np.argsort(-expected[:, 0] / expected.sum(axis=1), kind="stable")
    weight, kaon = equal.jets["weight"][order], equal.code[order] == 0
    passing, every = np.cumsum(weight * kaon), np.cumsum(weight)
    assert_allclose(found["value"], passing[passing / every >= 0.7].max() / 4000)
    plain = np.argsort(-equal.scores[:, 0], kind="stable")
    weight, kaon = equal.jets["weight"][plain], equal.code[plain] == 0
    passing, every = np.cumsum(weight * kaon), np.cumsum(weight)
    assert passing[passing / every >= 0.7].max() / 4000 < found["value"] - 0.02


def test_where_no_cut_is_pure_enough() -> None:
    """Scores that say nothing reach no purity; a range without a class has no figures."""
    part = tracks(500, far=0.99)
    nothing = part._replace(scores=np.full((1000, 2), 0.5))
    whole, low, high = evaluate(nothing, CONFIG, 10, 1)["ranges"]
    assert whole["signals"]["kaon"][1]["efficiency"]["value"] == 0
    assert whole["decided"]["pion"]["purity"]["value"] == 0
    assert low["objects"] == {"kaon": 500, "pion": 500}
    assert high["objects"] == {"kaon": 0, "pion": 0}
    assert "signals" not in high
    assert difference(part, nothing, CONFIG, 10, 1)["ranges"][2]["signals"] == {}


def test_differences_are_paired() -> None:
    """The error of a difference is that of both on the same tracks."""
    one, two = tracks(6000), tracks(6000, noise=0.3)
    same = difference(one, one, CONFIG, 20, 1)["ranges"][0]["signals"]["kaon"][0]
    assert (same["value"], same["error"], same["pull"]) == (0, 0, None)
    point = difference(one, two, CONFIG, 60, 1)["ranges"][0]["signals"]["kaon"][1]
    better, worse = truth(0.9), truth(0.9, 3 / np.sqrt(1.09))
    assert abs(point["one"]["value"] - better) < 4 * point["one"]["error"]
    assert abs(point["value"] - (better - worse)) < 4 * point["error"]
    assert point["pull"] > 2
    assert_allclose(point["pull"], point["value"] / point["error"])
    apart = np.hypot(point["one"]["error"], point["two"]["error"])
    assert point["error"] < 0.8 * apart


def test_a_model_without_the_class() -> None:
    part = tracks(50)
    config = CONFIG.model_copy(update={"signals": ["proton"]})
    with pytest.raises(BoostflowError, match=r"evaluate\.purity: .* without class proton; it has"):
        evaluate(part, config, 10, 1)
    assert difference(part, part, config, 10, 1)["ranges"] == []


def test_plots(tmp_path: Path) -> None:
    one, two = tracks(400, far=1.9), tracks(400, noise=0.5, far=1.9)
    with style():
        save(of_model(evaluate(one, CONFIG, 10, 1), TEXT), tmp_path / "model.png")
        pair = {"models": ["a", "b"], "purity": difference(one, two, CONFIG, 10, 1)}
        save(of_all([pair], TEXT), tmp_path / "all.png")
        nothing = {"models": ["a", "b"], "purity": {**pair["purity"], "ranges": []}}
        save(of_all([nothing], TEXT), tmp_path / "none.png")
    assert {path.stem for path in tmp_path.iterdir()} == {"model", "all", "none"}


@pytest.mark.parametrize("edges", [[1], [2, 1], [1, 1]])
def test_edges_ascend(edges: list[float]) -> None:
    with pytest.raises(ValidationError, match="edges"):
        Purity(signals=["kaon"], edges=edges)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signals": ["tops"]}, "purity.signals: unknown class 'tops'; did you mean 'top'?"),
        ({"signals": ["top", "top"]}, "purity.signals: a class is named twice: top, top"),
        ({"column": "ptt"}, "purity.column: unknown column 'ptt'; did you mean 'pt'?"),
    ],
)
def test_names_must_exist(repository: Path, change: dict[str, object], message: str) -> None:
    purity = {"signals": ["top"], "edges": [200, 400], **change}
    with pytest.raises(BoostflowError) as caught:
        load({"evaluate": {"purity": purity}}, repository, "my.yaml")
    assert message in str(caught.value)

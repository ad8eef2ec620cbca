"""The menu of a trigger against what is known of Gaussian scores, and its plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import expit
from scipy.stats import norm

from boostflow.analysis import Analysis
from boostflow.config.chain import Trigger
from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.evaluate.classifier import Classified
from boostflow.evaluate.trigger import evaluate, normalised
from boostflow.jobs.base import Label
from boostflow.plots.style import save, style
from boostflow.plots.trigger import rate, turn_on
from boostflow.targets import plots, plots_of

CLASSES = ["dijet", "top", "w"]
SHIFT = 2.0
NUMBER = 6000
HERTZ = 0.05
"""Rate of an event of the background: the weight is 2500 events per 1/fb at 2e34 per cm2 and s."""


def menu(**keys: Any) -> Trigger:
    given = {"background": ["dijet"], "menu": {"top": {"signal": "top"}}, "rate": 30.0}
    return Trigger(**(given | {"edges": [200, 400, 600]} | keys))


def jets(number: int = NUMBER, score=lambda x: x) -> Classified:
    """Jets with a score for each signal that moves by `SHIFT` for its own, and any momentum."""
    rng = np.random.default_rng(1)
    code = np.repeat(np.arange(3), number)
    x, y = (score(rng.normal(SHIFT * (code == k), 1)) for k in (1, 2))
    p = np.stack([np.full(len(code), 0.5), 0.5 * np.exp(x), 0.5 * np.exp(y)], axis=1)
    table = {
        "weight": np.full(len(code), HERTZ / 2e-5),
        "event": np.arange(len(code)),
        "pt": rng.uniform(200, 600, len(code)),
    }
    return Classified(CLASSES, table, code, p / p.sum(axis=1, keepdims=True))


def judge(part: Classified, config: Trigger, times: int = 20) -> dict[str, Any]:
    return evaluate(part, part.jets["weight"], config, times, 1)


def test_gaussian_scores() -> None:
    found = judge(jets(), menu(), 60)
    (line,) = found["menu"]
    assert found["offered"]["value"] == pytest.approx(NUMBER * HERTZ, rel=1e-4)
    assert found["rate"]["value"] == line["rate"]["value"] == pytest.approx(30, rel=1e-4)
    assert line["rate"]["error"] == pytest.approx(HERTZ * np.sqrt(600), rel=1e-3)
    assert line["tag"]["events"] == line["pt"]["events"] == 600
    # A tenth of the background passes.
    cut = norm.isf(0.1)
    assert line["cut"] == pytest.approx(expit(cut), abs=0.02)
    assert line["threshold"] == pytest.approx(560, abs=4)
    for one in (line["tag"]["efficiency"], *line["tag"]["turn_on"]):
        assert 0 < one["error"] < 0.03
        assert abs(one["value"] - norm.sf(cut - SHIFT)) < 4 * one["error"]
    assert line["pt"]["efficiency"]["value"] == pytest.approx(0.1, abs=0.02)
    assert [one["value"] for one in line["pt"]["turn_on"]] == [0, pytest.approx(0.2, abs=0.03)]
    for one, efficiency in list(zip(line["tag"]["curve"], found["grid"], strict=True))[20:-1]:
        wanted = NUMBER * HERTZ * norm.sf(norm.isf(efficiency) + SHIFT)
        assert abs(one["value"] - wanted) < 4 * one["error"] + 0.1


def test_lines_share_the_rate_of_the_menu() -> None:
    lines = {"top": {"signal": "top", "share": 2}, "w": {"signal": "w", "pt_min": 400.0}}
    found = judge(jets(), menu(menu=lines))
    top, w = found["menu"]
    assert found["rate"]["value"] == pytest.approx(30, rel=2e-3)
    assert top["rate"]["value"] / w["rate"]["value"] == pytest.approx(2, rel=0.02)
    both = top["rate"]["value"] + w["rate"]["value"] - found["rate"]["value"]
    assert both > 0.5
    for line in (top, w):
        assert line["rate"]["value"] - line["pure"]["value"] == pytest.approx(both, rel=1e-4)
    assert w["tag"]["turn_on"][0]["value"] == 0


def test_an_event_counts_once_with_its_best_jet() -> None:
    """Two jets an event: as many pass as have one of them above."""
    part = jets()
    part.jets["event"][:NUMBER] //= 2
    found = judge(part, menu())
    (line,) = found["menu"]
    assert found["offered"]["value"] == pytest.approx(NUMBER / 2 * HERTZ, rel=1e-4)
    of_jets = (part.scores[:NUMBER, 1] / part.scores[:NUMBER, :2].sum(axis=1)) >= line["cut"]
    assert of_jets.mean() == pytest.approx(1 - np.sqrt(1 - 0.2), rel=0.03)


def test_a_crossing_is_read_once() -> None:
    """Rates that add up to that of the crossings read 1 - 1/e of them."""
    config = menu(crossings=NUMBER * HERTZ * 1e-6, rate=100.0)
    found = judge(jets(), config)
    offered = NUMBER * HERTZ
    assert found["offered"]["value"] == pytest.approx(offered * (1 - np.exp(-1)))
    needed = -offered * np.log(1 - 100 / offered)
    assert found["menu"][0]["tag"]["events"] == int(needed / HERTZ)


def test_equal_scores_pass_together_or_not_at_all() -> None:
    """Scores of 0 and 1: a menu of 30 Hz holds none of the half that is at 1."""
    found = judge(jets(score=lambda x: (x > 0).astype(float)), menu(rate=30.0))
    (line,) = found["menu"]
    assert line["cut"] is line["threshold"] is line["tag"]["efficiency"] is None
    assert found["rate"]["value"] == 0
    found = judge(jets(score=lambda x: (x > 0).astype(float)), menu(rate=200.0))
    assert found["rate"]["value"] == pytest.approx(NUMBER * HERTZ / 2, rel=0.05)


def test_few_events_and_all_of_them(tmp_path: Path) -> None:
    found = judge(jets(300), menu(rate=0.2))
    assert found["menu"][0]["tag"]["events"] == 4
    assert found["menu"][0]["tag"]["efficiency"] is None
    whole = judge(jets(300), menu(rate=500.0))
    assert whole["menu"][0]["tag"]["efficiency"]["value"] == 1
    with style():
        save(rate(found, Label()), tmp_path / "a.png")
        save(turn_on(found, Label()), tmp_path / "b.png")
    assert min(path.stat().st_size for path in tmp_path.iterdir()) > 5_000


def test_test_jets_stand_for_all_jets() -> None:
    part = jets(10)
    part.jets["sample"] = np.array(CLASSES)[part.code]
    names = np.repeat(CLASSES, 30)
    table = {"sample": names, "split": np.tile([0, 1, 2], 30), "weight": np.full(90, 100.0)}
    weight = normalised(part, table)
    np.testing.assert_allclose(np.bincount(part.code, weight), 3000.0)


def test_a_class_that_the_model_lacks_is_told() -> None:
    with pytest.raises(BoostflowError, match="trained without class qcd; it has dijet, top, w"):
        judge(jets(10), menu(background=["qcd"]))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"edges": [300.0, 200.0]}, "are no edges of bins"),
        ({"edges": [300.0]}, "are no edges of bins"),
        ({"rate": 5e7}, "rate: 5e.07 Hz is not below the frequency of the bunch crossings, 40 MHz"),
        ({"menu": {}}, "at least 1 item"),
    ],
)
def test_what_cannot_be(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        menu(**keys)


def test_classes_are_those_of_the_samples(repository: Path) -> None:
    import yaml

    shipped = yaml.safe_load((repository / "config" / "trigger.yaml").read_text())
    asked = shipped["evaluate"]["trigger"]
    asked |= {"background": ["dijets"]}
    asked["menu"] |= {"top": {"signal": "tops"}, "qcd": {"signal": "dijets"}}
    with pytest.raises(BoostflowError) as error:
        load(shipped, repository)
    message = str(error.value)
    assert "evaluate.trigger.background: unknown class 'dijets'; did you mean 'dijet'?" in message
    assert "evaluate.trigger.menu.top.signal: unknown class 'tops'; did you mean" in message
    asked["background"], asked["menu"] = ["dijet"], {"qcd": {"signal": "dijet"}}
    with pytest.raises(BoostflowError, match=r"menu\.qcd\.signal: dijet is background"):
        load(shipped, repository)


def test_classifiers_have_the_plots(repository: Path) -> None:
    import yaml

    shipped = yaml.safe_load((repository / "config" / "trigger.yaml").read_text())
    analysis = Analysis(*load(shipped, repository), repository)
    for model in analysis.classifiers():
        assert {"rate", "turn_on"} <= set(plots_of(analysis, model))
    assert analysis.at("plots/resources.png") in plots(analysis)

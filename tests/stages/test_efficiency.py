"""Efficiencies at fixed mistag rates against what is known of Gaussian scores, and the plot."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import norm

from boostflow.config.chain import Efficiency
from boostflow.errors import BoostflowError
from boostflow.evaluate.classifier import Classified
from boostflow.evaluate.efficiency import difference, evaluate
from boostflow.jobs.base import Label
from boostflow.plots.efficiency import at_mistag
from boostflow.plots.style import save, style

CLASSES = ["b", "c", "light"]
SHIFT = {"b": 2.0, "c": 0.7, "light": 0.0}
CONFIG = Efficiency(signal="b", background="light", others=["c"], edges=[20, 60, 200])


def jets(number: int, seed: int = 1, score=lambda x: x) -> Classified:
    """Jets with a Gaussian score of width 1, and pT between 20 and 200 GeV."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(3), number)
    x = score(rng.normal([SHIFT[name] for name in CLASSES], 1, (number, 3)).T.ravel())
    p = 1 / (1 + np.exp(-x))
    table = {
        "weight": np.ones(3 * number),
        "event": np.arange(3 * number),
        "pt": rng.uniform(20, 200, 3 * number),
    }
    scores = np.stack([p, (1 - p) / 2, (1 - p) / 2], axis=1)
    return Classified(CLASSES, table, code, scores)


def test_gaussian_scores():
    found = evaluate(jets(8000), CONFIG, 100, 1)
    assert [one["range"] for one in found["ranges"]] == [None, [20, 60], [60, 200]]
    assert found["ranges"][0]["jets"] == dict.fromkeys(CLASSES, 8000)
    for one in found["ranges"]:
        for point in one["points"]:
            cut = norm.isf(point["mistag"])
            true, wrong = norm.sf(cut - SHIFT["b"]), norm.sf(cut - SHIFT["c"])
            value, error = point["efficiency"].values()
            assert 0 < error < 0.05 and abs(value - true) < 4 * error
            value, error = (point["rejection"]["c"][x] for x in ("value", "error"))
            assert abs(value - 1 / wrong) < 4 * error < 4 / wrong


def test_errors_are_those_of_repeated_samples():
    found = [evaluate(jets(1500, seed), CONFIG, 40, seed)["ranges"][0] for seed in range(40)]
    for i in range(2):
        values, errors = np.array(
            [list(one["points"][i]["efficiency"].values()) for one in found]
        ).T
        assert np.mean(errors) == pytest.approx(values.std(ddof=1), rel=0.35)


def blurred(part: Classified, width: float, seed: int) -> Classified:
    """The same jets with a worse score."""
    noise = np.random.default_rng(seed).normal(0, width, len(part.code))
    x = np.log(part.scores[:, 0] / (1 - part.scores[:, 0])) + noise
    p = 1 / (1 + np.exp(-x))
    return part._replace(scores=np.stack([p, (1 - p) / 2, (1 - p) / 2], axis=1))


def test_differences_of_two_models_have_errors_of_the_pair():
    """Of repeated samples; they are smaller than those of models that were told apart alone."""
    found = []
    for seed in range(30):
        one = jets(1500, seed)
        two = blurred(one, 0.3, seed)
        every, low, _ = difference(one, two, CONFIG, 40, seed)["ranges"]
        assert every["range"] is None and low["range"] == [20, 60]
        found.append(every["points"][1])
    alone = evaluate(jets(1500), CONFIG, 40, 1)["ranges"][0]["points"][1]["efficiency"]["error"]
    values, errors = (
        np.array([[p[c][x] for c in "bc"] for p in found]) for x in ("value", "error")
    )
    assert errors.mean(axis=0) == pytest.approx(values.std(axis=0, ddof=1), rel=0.4)
    assert errors[:, 0].mean() < alone
    # The width of the worse score is 1.04 of that of the better one.
    cut = norm.isf(0.1)
    true = norm.sf(cut - SHIFT["b"]) - norm.sf(cut - SHIFT["b"] / np.hypot(1, 0.3))
    assert values[:, 0].mean() == pytest.approx(true, abs=0.006)


def test_differences_where_nothing_can_be_quoted():
    one, config = jets(200), CONFIG.model_copy(update={"mistag": [0.01]})
    assert difference(one, one, config, 10, 1)["ranges"][0]["points"] == [{"mistag": 0.01}]
    two = one._replace(classes=["b", "c", "rest"])
    assert difference(two, two, config, 10, 1)["ranges"] == []
    (every,) = difference(one, one, CONFIG.model_copy(update={"edges": []}), 10, 1)["ranges"]
    same = every["points"][1]["c"]
    assert (same["value"], same["error"], same["pull"]) == (0, 0, None)


def test_a_score_that_many_jets_share():
    """Half of the light jets have the lowest score: any mistag rate is still reached exactly."""
    config = CONFIG.model_copy(update={"mistag": [0.75], "edges": []})
    (every,) = evaluate(jets(4000, score=lambda x: np.maximum(x, 0)), config, 20, 1)["ranges"]
    (point,) = every["points"]
    below = norm.cdf(-SHIFT["b"])
    # Half of those at the lowest score pass: half of the b jets there, too.
    assert point["efficiency"]["value"] == pytest.approx(1 - below / 2, abs=0.01)


def test_jets_that_pass_are_counted_without_weights():
    """Those of c have a score that at most a tenth of the light jets' weight is above."""
    part = jets(2000)
    part.jets["weight"] = np.random.default_rng(5).uniform(0.1, 5, len(part.code))
    config = CONFIG.model_copy(update={"mistag": [0.1], "edges": []})
    (every,) = evaluate(part, config, 20, 1)["ranges"]
    score = part.scores[:, 0]
    light, c = (part.code == CLASSES.index(name) for name in ("light", "c"))
    weight = part.jets["weight"][light]
    above = [weight[score[light] > x].sum() <= 0.1 * weight.sum() for x in score[c]]
    assert every["points"][0]["rejection"]["c"]["passing"] == pytest.approx(sum(above), abs=2)


def test_few_jets_and_missing_classes(tmp_path):
    part = jets(300)
    found = evaluate(part, CONFIG, 20, 1)
    (one, ten) = found["ranges"][0]["points"]
    assert one["efficiency"] is None and one["rejection"] == {}
    assert ten["efficiency"]["value"] > 0.5
    part.jets["pt"][part.code == 2] = 100.0
    found = evaluate(part, CONFIG, 20, 1)
    assert all(point["efficiency"] is None for point in found["ranges"][1]["points"])
    with style():
        save(at_mistag(found, Label()), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5_000
    with pytest.raises(BoostflowError, match="trained without class charm; it has b, c, light"):
        evaluate(part, Efficiency(signal="b", background="charm"), 20, 1)


@pytest.mark.parametrize("edges", [[20.0], [20.0, 20.0], [50.0, 20.0]])
def test_edges_ascend(edges):
    with pytest.raises(ValidationError, match="are no edges of ranges"):
        Efficiency(signal="b", background="light", edges=edges)

"""Monitoring: precision at so many false alarms a day, culprits, and the page for shifters."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from boostflow.config.load import load
from boostflow.config.monitored import Monitoring
from boostflow.errors import BoostflowError
from boostflow.evaluate import monitoring
from boostflow.jobs.base import Label
from boostflow.jobs.models import Judged
from boostflow.models.family import Role, Score, Task
from boostflow.plots.monitoring import page
from boostflow.plots.style import save, style
from support.tables import CONTENT, tracks, write

CONFIG = Monitoring(
    time="time",
    truth="fault",
    flagged="bad",
    parameters=["q{0..4}"],
    culprit="culprit",
    kind="kind",
    kinds={"dead": 1, "shifted": 2, "never": 3},
    false_alarms=[1.0, 4.0],
    page=3,
)
CAUSES = [Score(f"cause_{k}", Role.CAUSE, "Cause") for k in (1, 2)]
DETECTOR = Judged(task=Task.DETECT, scores=[Score("error", Role.ERROR, "Score"), *CAUSES])
FEATURES = ["q4", "q3", "q2", "q1", "q0"]
ROWS, RUN = 3000, 10
"""Rows of an hour: 125 days, of which the last 50 are for the test."""


def table(seed: int = 1) -> dict[str, np.ndarray]:
    """A tenth of the runs have a fault, which the score tells by three units of its spread."""
    rng = np.random.default_rng(seed)
    run = np.arange(ROWS) // RUN
    bad = (rng.random(ROWS // RUN) < 0.1)[run]
    culprit = rng.integers(0, 5, ROWS // RUN)[run]
    columns = {f"q{i}": rng.normal(size=ROWS) for i in range(5)}
    for i in range(5):
        columns[f"q{i}"][bad & (culprit == i)] += 8.0
    found = rng.random(ROWS)
    # Features count the other way: that of the culprit is 4 - culprit.
    first = np.where(found < 0.7, 4 - culprit, (5 - culprit) % 5)
    second = np.where(found < 0.9, 4 - culprit, (6 - culprit) % 5)
    rows = {
        **columns,
        **{"time": 3600.0 * np.arange(ROWS), "fault": bad.astype(float)},
        "kind": np.where(bad, 1 + run % 2, -1.0),
        "culprit": np.where(bad, culprit, -1.0),
        "event_id": (run * 7919 % 1000).astype(np.uint64),
        "split": np.repeat([0, 1, 2], [1200, 600, 1200]),
        "error": rng.normal(np.where(bad, 3.0, 0.0), 1.0),
        **{"cause_1": first.astype(float), "cause_2": second.astype(float)},
    }
    mixed = rng.permutation(ROWS)
    return {name: values[mixed] for name, values in rows.items()}


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    return monitoring.evaluate(table(), DETECTOR, FEATURES, CONFIG, 40, 3)


def test_figures_are_those_of_a_count(figures: dict[str, Any]) -> None:
    rows = table()
    test, before = rows["split"] == 2, rows["split"] == 1
    bad, score = rows["fault"] > 0, rows["error"]
    assert figures["days"] == pytest.approx(50) and figures["rows"]["bad"] == bad[test].sum()
    wanted = roc_auc_score(bad[test], score[test])
    assert figures["auc"]["value"] == pytest.approx(wanted, rel=1e-9)
    assert 0 < figures["auc"]["error"] < 0.02
    for point, rate in zip(figures["points"], (1, 4), strict=True):
        allowed = 50 * rate
        cut = np.sort(score[test & ~bad])[-allowed]
        alarm, exact = test & (score >= cut), point["exact"]
        # The loosest cut that has no more: it may lie lower than the last false alarm.
        assert (
            exact["threshold"] <= cut
            and (score[test & ~bad] >= exact["threshold"]).sum() == allowed
        )
        hit = (score[test & bad] >= exact["threshold"]).sum()
        assert hit >= (alarm & bad).sum()
        assert exact["precision"]["value"] == pytest.approx(hit / (hit + allowed))
        assert exact["efficiency"]["value"] == pytest.approx(hit / bad[test].sum())
        assert exact["false_alarms"]["value"] == pytest.approx(rate)
        # As a shifter has it: the threshold is that of the 25 days before.
        earlier = np.sort(score[before & ~bad])[-25 * rate]
        told = point["validated"]
        assert told["threshold"] <= earlier
        false = (score[test & ~bad] >= told["threshold"]).sum() / 50
        assert told["false_alarms"]["value"] == pytest.approx(false)
        assert false == pytest.approx(rate, rel=0.5)
    at_one = np.searchsorted(figures["curve"]["false_alarms"], 0.99)
    value = figures["points"][0]["exact"]["efficiency"]["value"]
    assert figures["curve"]["efficiency"]["value"][at_one] == pytest.approx(value)


def test_kinds_and_culprits(figures: dict[str, Any]) -> None:
    exact = figures["points"][0]["exact"]
    assert set(exact["kinds"]) == {"dead", "shifted"}
    causes = exact["causes"]
    assert causes["1"]["value"] == pytest.approx(0.7, abs=0.08)
    assert causes["2"]["value"] == pytest.approx(0.9, abs=0.06)
    assert 0 < causes["2"]["error"] < 0.1


def test_slices_follow_each_other_in_time(figures: dict[str, Any]) -> None:
    parts = figures["slices"]
    assert len(parts) == monitoring.SLICES
    assert all(one["to"] < two["from"] for one, two in pairwise(parts))
    assert parts[0]["from"] == pytest.approx(75) and all(p["value"] > 0.9 for p in parts)


def test_the_page_shows_runs_in_time_and_who_was_at_fault(
    figures: dict[str, Any], tmp_path: Path
) -> None:
    found = figures["page"]
    assert len(found["days"]) == ROWS * 2 // 5 // RUN and np.all(np.diff(found["days"]) > 0)
    bad = np.array(found["bad"])
    pulls = np.array(found["pulls"])
    assert pulls.shape == (3, len(bad)) and len(found["parameters"]) == 3
    assert np.abs(pulls[:, bad]).max(axis=1).min() > 5 * np.abs(pulls[:, ~bad]).mean()
    assert sum(one["alarms"] for one in found["causes"]) >= sum(x["right"] for x in found["causes"])
    assert not np.any(np.array(found["false"]) & ~np.array(found["alarm"]))
    with style():
        save(page(figures, Label()), tmp_path / "page.png")
        bare = figures | {"page": found | {"causes": [], "threshold": None}}
        save(page(bare, Label()), tmp_path / "bare.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


def test_no_alarm_at_all_is_no_error() -> None:
    """The highest scores are of rows without a fault, more of them than are allowed."""
    rows = table()
    rows["error"] = np.where(rows["fault"] > 0, 0.0, 1.0)
    found = monitoring.evaluate(rows, DETECTOR, FEATURES, CONFIG, 10, 3)
    exact = found["points"][0]["exact"]
    assert exact["threshold"] is None and exact["efficiency"]["value"] == 0
    assert exact["precision"] is None and exact["causes"] == {}
    assert found["curve"]["precision"]["value"][0] is None
    with style():
        plt.close(page(found, Label()))


def test_faults_without_a_known_culprit_are_left_out(figures: dict[str, Any]) -> None:
    """They counted as faults of the first parameter."""
    rows = table()
    lost = (rows["fault"] > 0) & (rows["culprit"] > 0)
    for unknown in (-1.0, np.nan):
        changed = rows | {"culprit": np.where(lost, unknown, rows["culprit"])}
        exact = monitoring.evaluate(changed, DETECTOR, FEATURES, CONFIG, 10, 3)["points"][0][
            "exact"
        ]
        alarm = (rows["split"] == 2) & (rows["error"] >= exact["threshold"])
        mine = alarm & (rows["fault"] > 0) & (rows["culprit"] == 0)
        wanted = (rows["cause_1"][mine] == 4).mean()  # features count the other way
        assert exact["causes"]["1"]["value"] == pytest.approx(wanted)
    wrong = rows | {"culprit": np.where(lost, 5.0, rows["culprit"])}
    with pytest.raises(BoostflowError, match="column culprit says 5 of a fault, there are 5 param"):
        monitoring.evaluate(wrong, DETECTOR, FEATURES, CONFIG, 10, 3)


def test_a_parameter_that_is_never_there_has_no_pull(figures: dict[str, Any]) -> None:
    """Pulls of all others lost their unit."""
    rows = table()
    page_of = {
        value: monitoring.evaluate(
            rows | {"q4": np.full(ROWS, value)}, DETECTOR, FEATURES, CONFIG, 2, 3
        )["page"]
        for value in (0.0, np.nan, np.inf)
    }
    assert page_of[0.0] == page_of[np.nan] == page_of[np.inf]
    assert "q4" not in page_of[0.0]["parameters"]


@pytest.mark.parametrize("name", ["time", "fault"])
def test_rows_need_a_time_and_a_truth(name: str) -> None:
    rows = table()
    lost = np.where(np.arange(ROWS) < 7, np.nan, rows[name])
    with pytest.raises(BoostflowError, match=f"7 rows have no value of column {name}"):
        monitoring.evaluate(rows | {name: lost}, DETECTOR, FEATURES, CONFIG, 2, 3)


def test_false_alarms_a_day_need_days() -> None:
    rows = table()
    for split, name in ((1, "validation"), (2, "test")):
        mine = rows["split"] == split
        time = np.where(mine, rows["time"][mine].min(), rows["time"])
        changed = rows | {"time": time}
        if name == "test":
            with pytest.raises(BoostflowError, match="column time is the same for all test rows"):
                monitoring.evaluate(changed, DETECTOR, FEATURES, CONFIG, 2, 3)
        else:
            found = monitoring.evaluate(changed, DETECTOR, FEATURES, CONFIG, 2, 3)
            assert found["points"][0]["validated"] is None


def test_scores_that_do_not_fit() -> None:
    rows = table()
    classifier = Judged(
        task=Task.CLASSIFY,
        scores=[Score(f"p_{x}", Role.PROBABILITY, "output", x) for x in ("good", "bad")],
    )
    assert np.array_equal(
        monitoring.score_of(rows | {"p_bad": rows["error"]}, classifier, CONFIG), rows["error"]
    )
    with pytest.raises(BoostflowError, match="no score of class bad, and no error"):
        monitoring.evaluate(rows, classifier, FEATURES, CONFIG, 10, 1)
    with pytest.raises(BoostflowError, match="have a NaN score"):
        bad = rows | {"error": np.where(rows["time"] == 0, np.nan, rows["error"])}
        monitoring.evaluate(bad, DETECTOR, FEATURES, CONFIG, 10, 1)
    with pytest.raises(BoostflowError, match="0 of 1200 test rows have a fault by column fault"):
        none = rows | {"fault": np.zeros(ROWS)}
        monitoring.evaluate(none, DETECTOR, FEATURES, CONFIG, 10, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": "when"}, r"evaluate\.monitoring\.time: unknown column 'when'"),
        ({"parameters": ["p", "q"]}, r"evaluate\.monitoring\.parameters: unknown column 'q'"),
        ({"flagged": "kaons"}, r"monitoring\.flagged: unknown class 'kaons'; did you mean 'kaon'"),
        ({"kinds": {"dead": 1}}, r"monitoring\.kind: is missing: name the column"),
        ({"false_alarms": [0]}, r"monitoring\.false_alarms"),
    ],
)
def test_bad_keys(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = write(tmp_path / "tracks.parquet", tracks(60))
    shared = {"source": "table", "files": [str(file)], **CONTENT}
    samples = {
        name: {**shared, "label": name, "rows": {"pdg": pdg}}
        for name, pdg in (("kaon", 321), ("pion", 211))
    }
    keys = {"time": "p", "truth": "tof", "flagged": "kaon", "parameters": ["p"], **change}
    raw = {
        "samples": samples,
        "systematics": None,
        "infer": None,
        "models": {"trees": {"kind": "bdt", "features": ["p"]}},
        "evaluate": {"rejection": [], "monitoring": keys},
    }
    with pytest.raises(BoostflowError, match=message):
        load(raw, tmp_path)


def test_jets_have_no_time(repository: Path) -> None:
    keys = {"time": "pt", "truth": "mass", "flagged": "top", "parameters": ["pt"]}
    with pytest.raises(BoostflowError, match=r"evaluate\.monitoring: is for rows of tables"):
        load({"evaluate": {"monitoring": keys}}, repository)

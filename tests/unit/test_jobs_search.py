"""Jobs of searches: which key makes which of them run again."""

from __future__ import annotations

from typing import Any

import pytest

from boostflow.cli import read
from boostflow.jobs.models import Evaluate, Scoring, Train
from boostflow.jobs.search import Rank, ReportSearch, TrainBest, TrainPoints
from boostflow.models.search import Search
from support.contracts import Case, Jobs, analysis, changed, leaves, named

SEARCH: dict[str, Any] = {
    "method": "halving",
    "keys": {"max_depth": [2, 3, 4, 5, 6, 7], "subsample": {"low": 0.2, "high": 0.9}},
    "points": 8,
    "resource": "rounds",
    "reduction": 2,
}
CONFIG: dict[str, Any] = {
    "samples": {
        name: {"source": "simulation", "process": name, "label": name} for name in ("top", "quark")
    },
    "models": {"trees": {"kind": "bdt", "rounds": 40, "search": SEARCH}},
    "infer": None,
}


def points_of(a: Any) -> TrainPoints:
    """All points of the first step, as if one job trained them."""
    found = [TrainPoints.of(a, batch).points for batch in a.searches.batches]
    return TrainPoints(points=[block for points in found for block in points])


JOBS: Jobs = {
    "points": points_of,
    "rank": lambda a: Rank.of(a, "trees", "rung_0"),
    "more": lambda a: TrainBest.of(a, "trees", a.searches.later("trees")[0], "0"),
    "rank more": lambda a: Rank.of(a, "trees", "chosen"),
    "seeds": lambda a: TrainBest.of(a, "trees", "seeds", "0"),
    "report": lambda a: ReportSearch.of(a, "trees"),
    "train": lambda a: Train.of(a, "trees", "nominal"),
    "score": lambda a: Scoring.of(a, "trees", "nominal"),
    "evaluate": lambda a: Evaluate.of(a, "trees"),
}
FIRST = {"points", "rank"}
TRAININGS = FIRST | {"more", "seeds", "train"}

CASES: list[Case] = [
    ("models.trees.learning_rate", 0.2, TRAININGS),
    ("models.trees.rounds", 80, TRAININGS | {"report"}),
    ("models.trees.decorrelate", {"background": ["quark"]}, {"train", "score", "evaluate"}),
    ("models.trees.search.keys.max_depth", [2, 3, 4, 5, 6, 8], FIRST),
    ("models.trees.search.keys.colsample", [0.5, 0.6], FIRST | {"report", "train"}),
    ("models.trees.search.points", 9, FIRST),
    ("models.trees.search.draw", 2, FIRST),
    ("models.trees.search.figure", "loss", {"rank", "rank more", "report"}),
    ("models.trees.search.seeds", 5, set()),
    ("models.trees.search.points_per_job", 2, {"more", "seeds"}),
    ("models.trees.search.reduction", 3, FIRST | {"more", "report"}),
    ("models.trees.search.lowest", 20, FIRST | {"more", "report"}),
    ("models.trees.search.resource", "early_stopping", TRAININGS - {"train", "seeds"} | {"report"}),
    ("evaluate.bootstrap", 50, {"report", "evaluate"}),
    ("seed", 2, {"report", "evaluate"}),
]


@pytest.mark.parametrize(("key", "value", "expected"), CASES, ids=named)
def test_which_jobs_a_key_changes(key: str, value: Any, expected: set[str]) -> None:
    assert changed(JOBS, CONFIG, {}, key, value) == expected


def test_no_key_is_left_out() -> None:
    """A new key of the block makes some job run again, or none: the table says which."""
    listed = {key for key, _, _ in CASES}
    left = {k for k in leaves(Search, "models.trees.search") if k not in listed}
    # Other methods have other keys, which no single change makes; `keys` has rows of keys in it.
    assert left == {"models.trees.search.method", "models.trees.search.keys"}


def test_jobs_come_back_as_they_were_written() -> None:
    found = analysis(CONFIG, {})
    for make in JOBS.values():
        job = make(found)
        assert read(type(job), job.text()) == job

"""Points of a search: enumeration, names, steps of halving, and what is said of wrong searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.models.bdt.block import BDT
from boostflow.models.dnn.block import DNN
from boostflow.models.search import Between, Search, name_of, point, seeded

GRID = {"max_depth": [2, 4], "learning_rate": [0.05, 0.1, 0.2]}
HALVING = {"method": "halving", "resource": "rounds"}
ALONE = {"infer": None, "systematics": None}


def names(block: BDT | DNN, **search: Any) -> list[str]:
    return [name_of(point(block, settings)) for settings in Search(**search).drawn()]


def test_a_grid_is_every_combination_the_last_key_fastest() -> None:
    found = Search(keys=GRID).drawn()
    assert len(found) == 6
    assert found[:2] == [
        {"max_depth": 2, "learning_rate": 0.05},
        {"max_depth": 2, "learning_rate": 0.1},
    ]


def test_points_keep_their_names_when_a_value_or_a_key_order_changes() -> None:
    before = names(BDT(), keys=GRID)
    assert len(set(before)) == 6
    assert set(before) < set(names(BDT(), keys=GRID | {"max_depth": [3, 2, 4]}))
    assert set(names(BDT(), keys=dict(reversed(GRID.items())))) == set(before)
    # 1 and 1.0 are the same value of a number.
    assert names(BDT(), keys={"learning_rate": [1]}) == names(BDT(), keys={"learning_rate": [1.0]})


def test_what_enters_no_training_enters_no_name() -> None:
    whole = BDT(search={"keys": GRID}, decorrelate={})
    assert name_of(point(whole, {})) == name_of(point(BDT(), {})) == name_of(BDT())
    assert name_of(point(DNN(processes=4), {})) == name_of(point(DNN(processes=1), {}))
    assert name_of(point(BDT(seed=2), {})) != name_of(point(BDT(), {}))
    assert name_of(point(BDT(planing={}), {})) != name_of(point(BDT(), {}))
    assert seeded(BDT(seed=5), 0) == BDT(seed=5) and seeded(BDT(seed=5), 2).seed == 7


def test_keys_of_a_block_in_the_block() -> None:
    block = BDT(planing={"mass": "mass"})
    found = point(block, {"planing.range": [30, 200]})
    assert found.planing is not None and found.planing.mass == "mass"
    assert found.planing.range == [30, 200]
    with pytest.raises(LookupError, match="planing is null"):
        point(BDT(), {"planing.range": [30, 200]})


def test_more_points_at_random_keep_those_that_there_are() -> None:
    keys = {
        "learning_rate": {"low": 0.01, "high": 1.0, "scale": "log"},
        "max_depth": {"low": 2, "high": 9, "whole": True},
        "subsample": [0.5, 1.0],
    }
    few, many = (Search(method="random", points=n, keys=keys).drawn() for n in (10, 400))
    assert many[:10] == few
    rates = [found["learning_rate"] for found in many]
    assert 0.01 <= min(rates) < 0.02 and 0.5 < max(rates) <= 1.0
    # Half of them are below the geometric mean: 200 ± 10.
    assert abs(sum(rate < 0.1 for rate in rates) - 200) < 40
    assert {found["max_depth"] for found in many} == set(range(2, 10))
    assert Search(method="random", points=10, draw=2, keys=keys).drawn() != few


def test_a_range_reaches_from_end_to_end() -> None:
    log = Between(low=0.001, high=1.0, scale="log")
    assert [log.at(part) for part in (0, 1 / 3, 2 / 3, 1)] == [0.001, 0.01, 0.1, 1.0]
    assert Between(low=1, high=4, whole=True).at(0.5) == 2


@pytest.mark.parametrize(
    ("points", "rounds", "more", "expected"),
    [
        (24, 150, {}, [(24, 9), (6, 38), (2, 150)]),
        (24, 150, {"reduction": 3}, [(24, 17), (8, 50), (2, 150)]),
        (27, 81, {"reduction": 3}, [(27, 9), (9, 27), (3, 81)]),
        (24, 150, {"lowest": 20}, [(24, 38), (6, 150)]),
        (8, 40, {"reduction": 2}, [(8, 10), (4, 20), (2, 40)]),
        (24, 4, {}, [(24, 1), (6, 4)]),
        (5, 40, {}, [(5, 10), (2, 40)]),
    ],
)
def test_halving_gives_more_to_fewer(
    points: int, rounds: int, more: dict[str, int], expected: list[tuple[int, int]]
) -> None:
    keys = {"min_leaf": [0.001 * (i + 1) for i in range(points)]}
    steps = Search(**HALVING, keys=keys, **more).steps(BDT(rounds=rounds))
    assert [(step.points, step.given["rounds"]) for step in steps] == expected
    assert [step.name for step in steps] == [f"rung_{i}" for i in range(len(steps) - 1)] + [
        "chosen"
    ]


def test_a_grid_has_one_step_with_all_that_the_block_says() -> None:
    (step,) = Search(keys=GRID).steps(BDT())
    assert (step.name, step.points, step.given) == ("chosen", 6, {})


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"keys": {}}, "keys"),
        ({"keys": {"max_depth": []}}, "at least 1 item"),
        ({"keys": {"max_depth": {"low": 3, "high": 2}}}, "low 3 is not below high 2"),
        ({"keys": {"max_depth": {"low": 0, "high": 2, "scale": "log"}}}, "has no logarithm"),
        ({"keys": {"max_depth": {"low": 2, "high": 4}}}, "keys.max_depth is a range: say how many"),
        ({"method": "random", "keys": GRID}, "method is random: say how many `points`"),
        ({"keys": GRID, "points": 3}, "points: method is grid"),
        ({"method": "halving", "keys": GRID}, "name the `resource`"),
        ({"keys": {key: list(range(10)) for key in "abcde"}}, "make 100000 combinations, at most"),
        ({"keys": GRID, "resource": "rounds"}, "only halving has one"),
        ({**HALVING, "keys": {"rounds": [10, 20]}}, "rounds is searched itself"),
    ],
)
def test_a_search_that_contradicts_itself(search: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Search(**search)


@pytest.mark.parametrize(
    ("search", "key", "message"),
    [
        ({"keys": {"max_dept": [2, 3]}}, "keys.max_dept", "unknown key; did you mean 'max_depth'?"),
        ({"keys": {"max_depth": [2, 99]}}, "keys.max_depth", "less than or equal to 20, not 99"),
        ({"keys": {"max_depth": [2, "deep"]}}, "keys.max_depth", "valid integer"),
        ({"keys": {"max_depth": 2}}, "keys.max_depth", "valid list, not 2"),
        ({"keys": {"max_depth": []}}, "keys.max_depth", "at least 1 item"),
        ({"keys": {"max_depth": [4]}}, "keys", "make one point, nothing to choose"),
        ({"keys": {"max_depth": [4, 4]}}, "keys.max_depth", "4 is listed twice"),
        ({"keys": {"learning_rate": [1, 1.0]}}, "keys.learning_rate", "1.0 is listed twice"),
        ({"keys": {"seed": [1, 2]}}, "keys.seed", "cannot be searched: it is no setting"),
        ({"keys": {"kind": ["a", "b"]}}, "keys.kind", "cannot be searched"),
        ({"keys": {"decorrelate.knots": [4, 5]}}, "keys.decorrelate.knots", "no probability"),
        ({"keys": {"planing.mass": ["mass"]}}, "keys.planing.mass", "planing is null in the model"),
        ({"keys": {"features": [["tau21"], ["tau"]]}}, "keys.features", "unknown observable 'tau'"),
        (
            {"keys": {"learning_rate": {"low": 0.1, "high": 3.0}}, "method": "random", "points": 5},
            "keys.learning_rate",
            "less than or equal to 1, not 3.0",
        ),
        (
            {"keys": {"max_depth": [2, 3]}, "method": "random", "points": 5},
            "points",
            "is 5, but there are only 2 of these keys",
        ),
        (
            {"keys": GRID, "method": "halving", "resource": "epochs"},
            "resource",
            "unknown length of a training 'epochs'; known: rounds",
        ),
        ({"keys": {"bootstrap": [1, 2]}}, "keys.bootstrap", "cannot be searched: it draws"),
        ({**HALVING, "keys": GRID, "lowest": 1000}, "lowest", "more than all of rounds, 150"),
        (
            {**HALVING, "keys": {"max_depth": [2, 3]}},
            "reduction",
            "2 points with 150 rounds cannot be reduced by 4",
        ),
    ],
)
def test_one_message_for_what_the_block_does_not_take(
    repository: Path, search: dict[str, Any], key: str, message: str
) -> None:
    raw = {"models": {"trees": {"kind": "bdt", "search": search}}, **ALONE}
    with pytest.raises(BoostflowError) as refused:
        load(raw, repository)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"config: models.trees.search.{key}: ")
    assert message in line


@pytest.mark.parametrize(
    ("block", "keys", "message"),
    [
        (
            {"kind": "bdt", "planing": {}},
            {"planing": [None, {"mass": "mass"}], "planing.mass": ["msoftdrop", "mass"]},
            "do not go together: planing is null in the model",
        ),
        (
            {"kind": "sequence", "layers": "attention"},
            {"width": [64, 12], "heads": [4, 8]},
            "width 12, heads 8 do not go together: 8 heads cannot share a width of 12",
        ),
        (
            {"kind": "merged", "models": ["one", "two"], "frozen_epochs": 2},
            {"epochs": [12, 6], "frozen_epochs": [4, 8]},
            "epochs 6, frozen_epochs 8 do not go together: 8 are more than all epochs",
        ),
    ],
)
def test_values_that_do_not_go_together_are_named(
    repository: Path, block: dict[str, Any], keys: dict[str, Any], message: str
) -> None:
    parts = {name: {"kind": "dnn"} for name in ("one", "two")}
    raw = {"models": {**parts, "searched": {**block, "search": {"keys": keys}}}, **ALONE}
    with pytest.raises(BoostflowError) as refused:
        load(raw, repository)
    assert message in str(refused.value)


def test_values_that_only_go_together_are_searched(repository: Path) -> None:
    keys = {"attention": [[16, 16], [8]], "hidden": [[[32], [32]], [[16]]]}
    raw = {"models": {"graphs": {"kind": "graph", "search": {"keys": keys}}}, **ALONE}
    with pytest.raises(BoostflowError, match="do not go together"):
        load(raw, repository)
    keys = {"attention": [[16, 16], [16, 8]], "hidden": [[[32], [32]], [[16], [16]]]}
    raw = {"models": {"graphs": {"kind": "graph", "search": {"keys": keys}}}, **ALONE}
    load(raw, repository)


def test_only_what_classifies_is_searched(repository: Path) -> None:
    raw = {"models": {"clusters": {"kind": "ucluster", "search": {"keys": {"batch": [64, 128]}}}}}
    with pytest.raises(BoostflowError, match=r"models\.clusters: search: is for models that class"):
        load(raw | ALONE, repository)

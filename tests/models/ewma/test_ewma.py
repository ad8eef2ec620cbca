"""Moving averages: what they follow, which column they blame, and that order alone decides."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from boostflow.averages import distances
from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.io import read_flat, read_parquet, write_parquet
from boostflow.jobs.models import Scoring
from boostflow.models import columnwise, table
from boostflow.models.bdt.block import BDT
from boostflow.models.detecting import DetectorBlock
from boostflow.models.ewma.block import Ewma
from boostflow.models.following import Follow, Ranked
from boostflow.models.hyperplane.block import Hyperplane
from boostflow.models.isolation.block import Isolation
from boostflow.models.score import score
from support.models import train

FOLLOW = Follow(time="time", halflife=10, clip=3)
COLUMNS = [f"q{i}" for i in range(6)]


def test_averages_without_a_limit_are_exponentially_weighted() -> None:
    """Against the closed form: weights (1 - a)^k of all rows before, and of the start."""
    rng = np.random.default_rng(2)
    x = rng.normal(5, 2, (60, 1))
    found = distances(x, np.arange(60.0), 10, 1e9)[:, 0].astype(float)
    a = 1 - 2 ** (-1 / 10)
    low, middle, high = np.quantile(x[:20, 0], [0.1585, 0.5, 0.8415])
    keep = (1 - a) ** np.arange(60)
    for t in (0, 1, 30, 59):
        mean = keep[t] * middle + sum(a * keep[t - 1 - i] * x[i, 0] for i in range(t))
        variance = keep[t] * ((high - low) / 2) ** 2
        # Squares are those of each row's own distance from the average before it.
        sizes = np.array([_mean(x[:, 0], i, a, middle) for i in range(t)])
        variance += sum(a * keep[t - 1 - i] * (x[i, 0] - sizes[i]) ** 2 for i in range(t))
        assert found[t] == pytest.approx((x[t, 0] - mean) / np.sqrt(variance), rel=1e-5)


def _mean(x: NDArray, t: int, a: float, start: float) -> float:
    return (1 - a) ** t * start + sum(a * (1 - a) ** (t - 1 - i) * x[i] for i in range(t))


def test_changes_that_stay_are_followed_and_faults_are_not() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(600, 2))
    x[200:, 0] += 6.0
    x[400, 1] += 1000.0
    found = distances(x, np.arange(600.0), 10, 3)
    assert found[200, 0] > 4
    assert abs(found[300:400, 0].mean()) < 0.4
    assert found[400, 1] > 500
    assert np.abs(found[401:420, 1]).max() < 4


def test_the_order_of_time_decides_alone() -> None:
    rng = np.random.default_rng(4)
    x, mixed = rng.normal(size=(80, 3)), rng.permutation(80)
    whole = distances(x, np.arange(80.0), 10, 3)
    assert np.array_equal(distances(x[mixed], np.arange(80.0)[mixed], 10, 3), whole[mixed])
    # Later rows change nothing.
    assert np.array_equal(distances(x[:50], np.arange(50.0), 10, 3), whole[:50])
    assert distances(x[:0], np.zeros(0), 10, 3).shape == (0, 3)
    constant = distances(np.ones((40, 1)), np.arange(40.0), 10, 3)
    assert np.array_equal(constant, np.zeros((40, 1)))
    with pytest.raises(BoostflowError, match="1 rows have no time, which says their order"):
        distances(x[:2], np.array([0.0, np.nan]), 10, 3)


def rows(folder: Path, size: int = 1500) -> dict[str, Path]:
    """Two factors drift fast; in rows of `bad` one column, `culprit`, is off by 15 units."""
    rng = np.random.default_rng(6)
    time = np.arange(float(size))
    x = rng.normal(size=(size, 2)) @ rng.normal(size=(2, 6)) + 0.3 * rng.normal(size=(size, 6))
    x += np.outer(time, np.linspace(0.002, 0.02, 6))
    bad = rng.random(size) < 0.05
    culprit = rng.integers(0, 6, size)
    x[bad, culprit[bad]] += 15.0
    columns = {name: x[:, i].astype(np.float32) for i, name in enumerate(COLUMNS)} | {
        **{"time": time, "culprit": culprit, "weight": np.ones(size)},
        "event_id": (np.arange(size) // 5).astype(np.uint64),
        "jet_index": np.arange(size),
        "split": (np.arange(size) * 3 // size).astype(np.int8),
        "label": ak.Array(np.where(bad, "bad", "good")),
    }
    paths = {}
    for name, mine in (("good", ~bad), ("bad", bad)):
        paths[name] = folder / f"{name}.parquet"
        write_parquet(paths[name], ak.zip(columns, depth_limit=1)[mine])
    return paths


def test_what_many_columns_share_is_no_contrast() -> None:
    squares = np.array([[1.0, 1.0, 1.0, 1.0], [30.0, 10.0, 10.0, 10.0], [30.0, 1.0, 1.0, 1.0]])
    given = {"usual": np.array([1.0, 1.0, 1.0, 2.0])}
    wanted = {"mean": squares.mean(axis=1), "largest": [1, 30, 30]}
    wanted["contrast"] = [1 / (2.5 / 3), 30 / (25 / 3), 30 / (2.5 / 3)]
    for way, expected in wanted.items():
        found = columnwise.errors(given | {"combine": np.array(way)}, squares)
        assert found == pytest.approx(expected)
    exact = columnwise.errors(given | {"combine": np.array("contrast")}, np.zeros((1, 4)))
    assert exact == pytest.approx([0.0])


SHARED = {"features": COLUMNS, "normal": ["good"], "causes": 2, "follow": FOLLOW}
BLOCKS = [
    Ewma(**SHARED, combine="largest"),
    Hyperplane(**SHARED, components=2, combine="largest"),
    Isolation(**SHARED, trees=100),
]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.kind)
def test_samples_are_scored_together_and_the_column_at_fault_is_named(
    block: DetectorBlock, tmp_path: Path
) -> None:
    paths = rows(tmp_path)
    inputs, model, scores = list(paths.values()), tmp_path / "model", tmp_path / "s.parquet"
    train(inputs, block, model)
    named = block.scores(("good", "bad"))
    assert block.together() and [one.column for one in named] == ["error", "cause_1", "cause_2"]
    job = Scoring(samples=list(paths), scores=named, together=True)
    table.run(job, Scoring.Files(model=model, jets=inputs, scores=scores))
    found = read_flat(scores)
    whole = ak.concatenate([read_parquet(path) for path in inputs])
    bad, culprit = ak.to_numpy(whole.label == "bad"), ak.to_numpy(whole.culprit)
    assert np.array_equal(found["sample"], np.where(bad, "bad", "good"))
    after = ak.to_numpy(whole.split) == 2
    normal, off = found["error"][~bad & after], found["error"][bad & after]
    # Trees cannot tell a value that is just outside of all that they have seen from a far one.
    forest = block.kind == "isolation"
    assert np.mean(off > np.quantile(normal, 0.5 if forest else 0.99)) > 0.8
    named_first = np.mean(found["cause_1"][bad] == culprit[bad])
    assert named_first > (0.6 if forest else 0.95)
    alone = score(model, read_parquet(paths["bad"]))["error"]
    assert not np.allclose(alone, found["error"][bad]), "other rows move the averages"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"causes": 6}, "causes: is 6, there are 5 features"),
        ({"follow": {"time": "when"}}, r"follow\.time: unknown column 'when'"),
        ({"combine": "worst"}, "combine"),
    ],
)
def test_bad_keys(keys: dict, message: str, repository: Path) -> None:
    features = ["tau21", "c2", "mass", "pt", "multiplicity"]
    shared = {"normal": ["quark"], "features": features, "follow": {"time": "pt"}}
    block = {"kind": "ewma", **shared, **keys}
    raw = {"models": {"found": block}, "infer": None, "systematics": None}
    with pytest.raises(BoostflowError, match=message):
        load(raw, repository)


def test_trees_of_ranked_distances_learn_a_fault_for_all_columns(tmp_path: Path) -> None:
    """In training only one column fails, later the others do."""
    paths = rows(tmp_path)
    seen = read_parquet(paths["bad"])
    kept = seen[(seen.culprit == 0) | (seen.split == 2)]
    write_parquet(paths["bad"], kept)
    inputs = list(paths.values())
    whole = ak.concatenate([read_parquet(path) for path in inputs])
    later, bad = ak.to_numpy(whole.split == 2), ak.to_numpy(whole.label == "bad")
    told = Ranked(time="time", halflife=10, largest=4, causes=2)
    auc = {}
    for name, block in (
        ("ranked", BDT(features=COLUMNS, ranked=told, rounds=20)),
        ("plain", BDT(features=COLUMNS, rounds=20)),
    ):
        train(inputs, block, tmp_path / name)
        found = score(tmp_path / name, whole)
        assert set(found) == {one.column for one in block.scores(("bad", "good"))}
        auc[name] = roc_auc_score(bad[later], found["p_bad"][later])
        if name == "ranked":
            assert np.mean(found["cause_1"][bad] == ak.to_numpy(whole.culprit)[bad]) > 0.9
    assert auc["ranked"] > 0.95 and auc["plain"] < auc["ranked"] - 0.1
    assert block.together() is False and BDT(features=COLUMNS, ranked=told).together()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"largest": 6}, r"ranked\.largest: is 6, there are 5 features"),
        ({"time": "when"}, r"ranked\.time: unknown column 'when'"),
    ],
)
def test_bad_keys_of_ranked_trees(keys: dict, message: str, repository: Path) -> None:
    features = ["tau21", "c2", "mass", "pt", "multiplicity"]
    ranked = {"time": "pt", "largest": 5, **keys}
    raw = {
        "models": {"found": {"kind": "bdt", "features": features, "ranked": ranked}},
        "infer": None,
        "systematics": None,
    }
    with pytest.raises(BoostflowError, match=message):
        load(raw, repository)

"""The BDT: it learns, it is reproducible, and it says what is wrong with its input."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.errors import BoostflowError
from boostflow.io import read_json, write_parquet
from boostflow.models.bdt.block import BDT
from boostflow.models.resampling import of_sample
from boostflow.models.score import score
from boostflow.models.tabular import balanced
from support.models import train

CONFIG = BDT(features=["mass", "tau21"], rounds=60)


def sample(path: Path, label: str, mass: float, n: int = 600, **columns) -> Path:
    rng = np.random.default_rng(int(mass))
    rows = {
        "mass": rng.normal(mass, 10, n).astype("float32"),
        "tau21": rng.uniform(0, 1, n).astype("float32"),
        "label": ak.Array([label] * n),
        "split": rng.integers(0, 3, n).astype("int8"),
        "weight": rng.choice([1.0, 1.0, -1.0], n),
        "event_id": np.arange(n, dtype="uint64") // 2,
        **columns,
    }
    write_parquet(path, ak.zip(rows, depth_limit=1))
    return path


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    return [
        sample(tmp_path / "w.parquet", "w", 80),
        sample(tmp_path / "top.parquet", "top", 170),
        sample(tmp_path / "x.parquet", "unmatched", 20),
    ]


def test_it_separates_what_can_be_separated(inputs: list[Path], tmp_path: Path) -> None:
    train(inputs, CONFIG, tmp_path / "m")
    jets = ak.zip({"mass": [80.0, 170.0], "tau21": [0.5, 0.5]}, depth_limit=1)
    scores = score(tmp_path / "m", jets)
    assert list(scores) == ["p_top", "p_w"]
    assert scores["p_w"][0] > 0.9
    assert scores["p_top"][1] > 0.9
    assert np.allclose(scores["p_w"] + scores["p_top"], 1)
    metrics = read_json(tmp_path / "m" / "metrics.json")
    assert metrics["importance"]["mass"] > metrics["importance"]["tau21"]
    assert metrics["rounds"] <= len(metrics["history"]["loss"])


def test_two_trainings_are_the_same_bit_for_bit(inputs: list[Path], tmp_path: Path) -> None:
    for name in ("one", "two"):
        train(inputs, CONFIG, tmp_path / name)
    one, two = ((tmp_path / name / "model.ubj").read_bytes() for name in ("one", "two"))
    assert one == two


def test_small_leaves_are_learned_by_heart(inputs: list[Path], tmp_path: Path) -> None:
    """Labels that no feature knows: what is learned of them is of the training jets alone."""
    noise = [
        sample(tmp_path / f"{name}.parquet", name, mass) for name, mass in (("a", 80), ("b", 81))
    ]
    loss = {}
    for name, least in (("small", 0.0), ("large", 0.1)):
        keys = {"max_depth": 8, "min_leaf": least, "rounds": 20, "early_stopping": 20}
        train(noise, CONFIG.model_copy(update=keys), tmp_path / name)
        loss[name] = read_json(tmp_path / name / "metrics.json")["history"]["loss"][-1]
    # Guessing is ln 2 = 0.693.
    assert loss["small"] < 0.55 < 0.65 < loss["large"]


def test_a_bootstrap_draws_events(inputs: list[Path], tmp_path: Path) -> None:
    ids = np.arange(200_000, dtype="uint64")
    drawn = of_sample(ids, 7, "top")
    # Poisson(1): mean and variance 1, 37 % not at all; errors of 0.002 each.
    assert drawn.mean() == pytest.approx(1, abs=0.01)
    assert drawn.var() == pytest.approx(1, abs=0.02)
    assert np.mean(drawn == 0) == pytest.approx(np.exp(-1), abs=0.005)
    for other in (of_sample(ids, 8, "top"), of_sample(ids, 7, "w")):
        assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.01
    # By event: the order does not matter, and both jets go together.
    assert (of_sample(ids[::-1], 7, "top") == drawn[::-1]).all()

    models = {}
    for name, seed in (("nominal", None), ("one", 1), ("again", 1), ("two", 2)):
        train(inputs, CONFIG.model_copy(update={"bootstrap": seed}), tmp_path / name)
        models[name] = (tmp_path / name / "model.ubj").read_bytes()
    assert models["one"] == models["again"]
    assert len(set(models.values())) == 3


def test_default_features_that_the_input_lacks_are_left_out(
    inputs: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Files without constituents train on what they have; a chosen feature must be there."""
    train(inputs, BDT(rounds=5), tmp_path / "m")
    assert read_json(tmp_path / "m" / "manifest.json")["config"]["features"] == ["mass", "tau21"]
    assert "the input has no pt, msoftdrop" in caplog.text
    jets = ak.zip({"mass": [80.0, 170.0], "tau21": [0.5, 0.5]}, depth_limit=1)
    assert score(tmp_path / "m", jets)["p_w"].shape == (2,)
    with pytest.raises(BoostflowError, match="no column c2"):
        train(inputs, BDT(features=["mass", "c2"], rounds=5), tmp_path / "n")


def test_every_class_has_the_same_weight() -> None:
    y = np.array([0, 0, 0, 1])
    weight = balanced(y, np.array([1.0, 2.0, 3.0, 5.0]), ["a", "b"], "train")
    assert weight[:3].sum() == pytest.approx(weight[3:].sum())
    assert weight.mean() == pytest.approx(1)


def test_what_is_wrong_is_named(inputs: list[Path], tmp_path: Path) -> None:
    bad = sample(tmp_path / "z.parquet", "z", 90, tau21=np.full(600, np.inf, "float32"))
    with pytest.raises(BoostflowError, match=r"z\.parquet: infinite values in tau21"):
        train([*inputs, bad], CONFIG, tmp_path / "m")
    with pytest.raises(BoostflowError, match="needs at least two classes, the jets have w"):
        train(inputs[:1], CONFIG, tmp_path / "m")
    empty = sample(tmp_path / "q.parquet", "q", 90, n=0)
    with pytest.raises(BoostflowError, match=r"q\.parquet: no jet of this sample passes"):
        train([*inputs, empty], CONFIG, tmp_path / "m")
    few = sample(tmp_path / "g.parquet", "g", 90, split=np.zeros(600, "int8"))
    with pytest.raises(BoostflowError, match="no jets of class g in the validation split"):
        train([*inputs, few], CONFIG, tmp_path / "m")
    assert not (tmp_path / "m").exists()

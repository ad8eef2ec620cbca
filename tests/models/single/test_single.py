"""A cut: its scores order jets as the observable does, and nothing else is learned."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.io import read_json, write_parquet
from boostflow.models.score import score
from boostflow.models.single.block import Single
from support.models import train

BLOCK = Single(observable="tau21", signal="b", keep="above")


def sample(path: Path, label: str, values: np.ndarray) -> Path:
    n = len(values)
    rows = {
        "tau21": values.astype("float32"),
        "label": ak.Array([label] * n),
        "split": (np.arange(n) % 3).astype("int8"),
        "weight": np.ones(n),
        "event_id": np.arange(n, dtype="uint64"),
    }
    write_parquet(path, ak.zip(rows, depth_limit=1))
    return path


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(1)
    # Most jets have no vertex: a value that many share.
    given = {
        label: np.where(rng.random(600) < none, 0, rng.exponential(mean, 600))
        for label, none, mean in (("b", 0.3, 9.0), ("c", 0.7, 4.0), ("light", 0.95, 3.0))
    }
    return [sample(tmp_path / f"{x}.parquet", x, values) for x, values in given.items()]


@pytest.mark.parametrize("keep", ["above", "below"])
def test_scores_have_the_order_of_the_observable(inputs, tmp_path, keep):
    train(inputs, BLOCK.model_copy(update={"keep": keep}), tmp_path / "m")
    values = np.array([-1.0, 0.0, 0.1, 2.0, 2.1, 50.0, 1e9])
    found = score(tmp_path / "m", ak.zip({"tau21": values}, depth_limit=1))
    p = found["p_b"] if keep == "above" else found["p_b"][::-1]
    assert (np.diff(p) >= 0).all() and (np.diff(p[1:-2]) > 0).all()
    assert np.allclose(found["p_c"], found["p_light"])
    assert np.allclose(sum(found.values()), 1)
    # Of all jets, classes in equal parts, about two thirds have none: half of them lie below.
    assert found["p_b"][1] == pytest.approx(0.325 if keep == "above" else 0.675, abs=0.03)
    history = read_json(tmp_path / "m" / "metrics.json")["history"]
    assert history["loss"] != [np.log(3)] and len(history["validation_loss"]) == 1


def test_a_signal_without_jets(inputs, tmp_path):
    with pytest.raises(BoostflowError, match="there are no jets of class top, only of b, c, light"):
        train(inputs, BLOCK.model_copy(update={"signal": "top"}), tmp_path / "m")


def test_names_must_exist() -> None:
    cut = {"kind": "single", "observable": "tau22", "signal": "b"}
    with pytest.raises(BoostflowError) as said:
        load(
            {"models": {"cut": cut}, "infer": None, "systematics": None}, Path(__file__).parents[3]
        )
    text = str(said.value)
    assert "models.cut.observable" in text and "tau2" in text and "models.cut.signal" in text

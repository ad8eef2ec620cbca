"""Bayes' theorem against scipy, and against shares that are known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError
from scipy.stats import norm

from boostflow.errors import BoostflowError
from boostflow.io import write_parquet
from boostflow.models.bayes.block import Bayes
from boostflow.models.bayes.score import probabilities
from boostflow.models.score import score
from support.models import train

DEVIATIONS = {"kaon": ["tpc_k", "tof_k"], "pion": ["tpc_pi", "tof_pi"]}
COLUMNS = ["tpc_k", "tof_k", "tpc_pi", "tof_pi"]


def p_kaon(values: list[float], **more: Any) -> float:
    block = Bayes.model_validate({"deviations": DEVIATIONS} | more)
    assert block.columns() == COLUMNS
    found = probabilities(np.array([values]), block, ["kaon", "pion"])
    assert_allclose(found.sum(), 1)
    return float(found[0, 0])


def test_likelihoods_are_those_of_normal_distributions() -> None:
    values = [0.5, -1.0, 2.0, 1.5]
    kaon, pion = (np.prod(norm.pdf(x)) for x in (values[:2], values[2:]))
    assert_allclose(p_kaon(values), kaon / (kaon + pion))
    priors = {"kaon": 0.1, "pion": 0.9}
    assert_allclose(p_kaon(values, priors=priors), 0.1 * kaon / (0.1 * kaon + 0.9 * pion))
    kaon, pion = (np.prod(0.98 * norm.pdf(x) + 0.0001) for x in (values[:2], values[2:]))
    assert_allclose(p_kaon(values, mismatch=0.02), kaon / (kaon + pion))


def test_what_is_missing_says_nothing() -> None:
    assert_allclose(p_kaon([1.0, math.nan, 2.0, math.nan]), 1 / (1 + math.exp(-1.5)))
    assert_allclose(p_kaon([math.nan] * 4, priors={"kaon": 1, "pion": 3}), 0.25)


def test_what_is_missing_for_one_class_is_compared_with_none() -> None:
    """The class without a value took the likelihood 1, more than any value of others gives."""
    assert_allclose(p_kaon([1.0, 0.0, 2.0, math.nan]), 1 / (1 + math.exp(-1.5)))
    assert_allclose(
        p_kaon([math.nan, 0.5, 0.0, 1.5], mismatch=0.5),
        p_kaon([math.nan, 0.5, math.nan, 1.5], mismatch=0.5),
    )


def test_nothing_underflows() -> None:
    """Far from both classes the nearer one is the likelier; mismatches alone tell nothing."""
    assert p_kaon([0.0, 60.0, 0.0, 61.0]) == 1.0
    assert_allclose(p_kaon([0.0, 60.0, 0.0, 61.0], mismatch=0.01), 0.5)


def test_probabilities_are_shares() -> None:
    """Of tracks with a probability of about 0.7 for kaons 0.7 are kaons."""
    rng, n = np.random.default_rng(3), 200_000
    kaon = rng.random(n) < 0.2
    tpc = rng.normal(np.where(kaon, 0.0, 1.5))
    values = np.stack([tpc, np.full(n, np.nan), tpc - 1.5, np.full(n, np.nan)], axis=1)
    block = Bayes(deviations=DEVIATIONS, priors={"kaon": 0.2, "pion": 0.8})
    found = probabilities(values, block, ["kaon", "pion"])[:, 0]
    for low in (0.1, 0.3, 0.65):
        near = (found > low) & (found < low + 0.1)
        spread = math.sqrt(0.25 / near.sum())
        assert_allclose(kaon[near].mean(), found[near].mean(), atol=4 * spread)


def test_through_the_stages(tmp_path: Path) -> None:
    rng, inputs = np.random.default_rng(1), []
    for name, mean in (("kaon", 0.0), ("pion", 3.0)):
        tpc = rng.normal(mean, 1, 300)
        columns = dict(zip(COLUMNS, (tpc, np.full(300, np.nan)) * 2, strict=True))
        columns["tpc_pi"] = tpc - 3
        rows = {
            **columns,
            "label": ak.Array([name] * 300),
            "split": (np.arange(300) % 3).astype("int8"),
            "weight": np.ones(300),
            "event_id": np.arange(300, dtype="uint64"),
        }
        inputs.append(tmp_path / f"{name}.parquet")
        write_parquet(inputs[-1], ak.zip(rows, depth_limit=1))
    block = Bayes(deviations=DEVIATIONS)
    train(inputs, block, tmp_path / "m")
    found = score(tmp_path / "m", ak.from_parquet(inputs[0]))
    assert found["p_kaon"].mean() > 0.9
    assert_allclose(found["p_kaon"] + found["p_pion"], 1, rtol=1e-6)
    fewer = Bayes(deviations={"kaon": ["tpc_k"], "proton": ["tpc_pi"]})
    with pytest.raises(BoostflowError, match="no `deviations` of class pion"):
        train(inputs, fewer, tmp_path / "n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"deviations": {"kaon": ["a"], "pion": ["b", "c"]}}, "needs a column of each detector"),
        ({"deviations": {"kaon": [], "pion": []}}, "needs a column of each detector"),
        ({"priors": {"kaon": 1}}, "priors: must be those of kaon, pion"),
        ({"priors": {"kaon": 1, "pion": 0}}, "greater than 0"),
    ],
)
def test_wrong_blocks(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Bayes.model_validate({"deviations": DEVIATIONS} | change)

"""The forest's scores, from its arrays, are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from boostflow.io import read_flat
from boostflow.models.isolation.block import Isolation
from boostflow.models.isolation.score import depths, errors, shares
from boostflow.models.isolation.train import history, learn, searched
from boostflow.models.score import score
from support import detectors
from support.models import train


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(700, 5)).astype(np.float32)
    block = Isolation(trees=30, sample=100, seed=7)
    arrays = learn(x, block)
    forest = IsolationForest(n_estimators=30, max_samples=100, random_state=7).fit(x)
    new = np.concatenate([x[:50], 3 * rng.normal(size=(50, 5)).astype(np.float32)])
    np.testing.assert_allclose(errors(arrays, new), -forest.score_samples(new), rtol=1e-12)
    assert history(arrays, new)[-1] == pytest.approx(errors(arrays, new).mean(), rel=1e-12)


def test_shares_add_up_to_what_a_jet_is_isolated_by():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 4)).astype(np.float32)
    arrays = learn(x, Isolation(trees=40, sample=200, seed=3))
    new = rng.normal(size=(60, 4)).astype(np.float32)
    new[:30, 2] += 8.0
    found = shares(arrays, new)
    less = arrays["below"][:, 0].mean() - depths(arrays, new).mean(axis=0)
    np.testing.assert_allclose(found.sum(axis=1), less, rtol=1e-9, atol=1e-9)
    assert (found[:30].argmax(axis=1) == 2).mean() > 0.85 and (
        found[30:].argmax(axis=1) == 2
    ).mean() < 0.5


def test_few_jets_have_the_depths_of_the_paper():
    # c(2) = 1, and c(256) = 10.24 as in section 4.1 of the extended paper (TKDD 6 (2012) 3).
    assert searched([0, 1, 2]).tolist() == [0, 0, 1]
    assert searched(256) == pytest.approx(10.24, abs=0.01)


def test_it_finds_what_it_has_not_learned(tmp_path):
    inputs = detectors.jets(tmp_path)
    block = Isolation(features=detectors.FEATURES, normal=["quark", "gluon"], trees=50)
    train(inputs, block, tmp_path / "model")
    found = {path.stem: score(tmp_path / "model", read_flat(path))["error"] for path in inputs}
    assert found["top"].mean() > found["quark"].mean() + 0.02

"""Runs whose quality is monitored: they hold what is declared, in whatever pieces they are made."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from boostflow.generators.base import generates
from boostflow.generators.runs.block import Kind, Runs
from boostflow.generators.runs.generate import history, parameters

QUIET = Runs(drift=0, jumps=0, faults=0, mistaken=0, parameters=40)


def made(block: Runs, rows: int, start: int = 0) -> Mapping[str, NDArray]:
    return generates(block).generate(block, range(start, start + rows), np.random.default_rng(5))


def matrix(columns: Mapping[str, NDArray], block: Runs) -> NDArray:
    """Parameters in units of their spread, shape (rows, parameters)."""
    fixed = parameters(block)
    x = np.stack([columns[f"q{i}"] for i in range(block.parameters)], axis=1)
    return (x - fixed.mean) / fixed.spread


def test_pieces_are_the_whole() -> None:
    block = Runs(parameters=5, faults=0.5, jumps=0.3)
    whole = made(block, 400)
    assert list(whole) == block.makes()
    for start, rows in ((0, 33), (33, 167), (200, 200)):
        for name, values in made(block, rows, start).items():
            assert np.array_equal(values, whole[name][start : start + rows])
    assert not np.array_equal(made(block.merged({"seed": 2}), 400)["q0"], whole["q0"])
    assert len(made(block, 0)["q4"]) == 0


def test_runs_follow_each_other_in_time() -> None:
    found = made(Runs(parameters=2, intervals=10, seconds=60), 35)
    assert np.array_equal(found["run"], np.arange(35) // 10)
    assert np.array_equal(found["time"], 60.0 * np.arange(35))


def test_correlations_are_those_of_the_factors() -> None:
    fixed, x = parameters(QUIET), matrix(made(QUIET, 50_000), QUIET)
    wanted = fixed.loading @ fixed.loading.T
    np.fill_diagonal(wanted, 1.0)
    # The factors change slowly: 50,000 rows are as good as some 5,000.
    assert np.abs(np.cov(x.T) - wanted).max() < 5 * np.sqrt(2 / 5000)
    assert np.abs(np.diag(fixed.loading @ fixed.loading.T) - QUIET.common).max() < 1e-9


def test_drift_and_changes_are_as_large_as_declared() -> None:
    drifting = QUIET.merged({"drift": 0.1, "parameters": 500})
    found = history(drifting, 200)
    assert np.array_equal(found[:50], history(drifting, 50)) and not found[0].any()
    assert np.std(found[-1]) == pytest.approx(0.1 * np.sqrt(199), rel=0.15)
    jumping = QUIET.merged({"jumps": 0.2, "jump_size": 3.0, "jump_part": 0.25, "parameters": 500})
    steps = np.diff(history(jumping, 400), axis=0)
    changed = (steps != 0).any(axis=1)
    assert changed.mean() == pytest.approx(0.2, abs=0.06)
    assert (steps[changed] != 0).mean() == pytest.approx(0.25, abs=0.02)
    assert steps[steps != 0].std() == pytest.approx(3.0, rel=0.05)


def test_rates_of_faults_and_of_an_experts_mistakes() -> None:
    block = QUIET.merged({"faults": 0.3, "missed": 0.2, "mistaken": 0.1, "parameters": 3})
    found = made(block, 25 * 3000)
    runs = found["run"].astype(int)
    bad, flagged = (np.bincount(runs, found[name]) > 0 for name in ("fault", "flag"))
    assert bad.mean() == pytest.approx(0.3, abs=0.03)
    assert (~flagged[bad]).mean() == pytest.approx(0.2, abs=0.05)
    assert flagged[~bad].mean() == pytest.approx(0.1, abs=0.03)
    assert set(np.unique(found["kind_of_fault"])) == {-1, 1, 2, 3, 4, 5}
    assert np.array_equal(found["culprit"] >= 0, found["fault"] == 1)
    lengths = np.bincount(runs, found["fault"])[bad]
    ends = found["fault"].reshape(-1, 25)[bad][:, -1] > 0
    assert (lengths[~ends] >= 3).all() and lengths.max() > 20


@pytest.mark.parametrize("kind", ["dead", "stuck", "noisy", "shifted", "decoupled"])
def test_faults_are_of_their_kind(kind: Kind) -> None:
    change = {"faults": 1.0, "kinds": [kind], "several": 0.0, "fault_size": 5.0}
    block, well = QUIET.merged(change), made(QUIET, 25 * 400)
    found = made(block, 25 * 400)
    bad = found["fault"] > 0
    j = found["culprit"][bad].astype(int)
    at = np.arange(bad.sum())
    x, y = matrix(found, block)[bad], matrix(well, QUIET)[bad]
    off = x != y
    off[at, j] = False
    assert not off.any(), "other parameters are as they were"
    for name in (f"q{i}" for i in range(block.parameters)):
        assert np.array_equal(found[name][~bad], well[name][~bad])
    noise, one = np.sqrt(1 - block.common), x[at, j] - y[at, j]
    if kind == "dead":
        raw = np.stack([found[f"q{i}"] for i in range(block.parameters)], axis=1)[bad]
        assert np.abs(raw[at, j]).max() < 1e-9
    elif kind == "shifted":
        assert np.abs(one) == pytest.approx(np.full(len(one), 5 * noise))
    elif kind == "noisy":
        assert one.std() == pytest.approx(4 * noise, rel=0.05)
    elif kind == "stuck":
        runs = found["run"][bad]
        assert all(np.ptp(x[at, j][runs == run]) < 1e-12 for run in np.unique(runs))
    else:
        # Alone it looks as it should; what the factors say of it is lost.
        assert x[at, j].std() == pytest.approx(1.0, abs=0.15)
        told = parameters(block).loading[j]
        means = y @ parameters(block).loading / np.linalg.norm(parameters(block).loading) ** 2
        assert np.corrcoef(x[at, j], np.sum(means * told, axis=1))[0, 1] < 0.3
        assert np.corrcoef(y[at, j], np.sum(means * told, axis=1))[0, 1] > 0.6


def test_some_faults_touch_more_parameters() -> None:
    change = {"faults": 1.0, "kinds": ["shifted"], "several": 1.0}
    found, well = made(QUIET.merged(change), 25 * 50), made(QUIET, 25 * 50)
    bad = found["fault"] > 0
    moved = np.abs(matrix(found, QUIET)[bad] - matrix(well, QUIET)[bad])
    assert ((moved > 1e-9).sum(axis=1) == 3).all()
    assert np.array_equal(moved.argmax(axis=1), found["culprit"][bad])

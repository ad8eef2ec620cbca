"""Trees in fixed point: the way of XGBoost, and the same bits from Python, logic and C++."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from boostflow.errors import BoostflowError
from boostflow.io import read_json, read_parquet
from boostflow.models import logic
from boostflow.models.boosting import xgboost
from boostflow.models.fixed_bdt import trees
from boostflow.models.fixed_bdt.block import FixedBDT
from boostflow.models.fixed_bdt.trees import Node
from boostflow.models.grid import Grid
from boostflow.models.score import score
from boostflow.models.tabular import matrix
from support import conformance, firmware

BLOCK = FixedBDT(features=["c2", "d2", "tau32"], rounds=8, bits=8, min_leaf=0.001)
JETS = 100_000
"""Number of points of the grid on which all have to agree."""
GRID = Grid(["mass", "tau21"], [0.0, 0.0], [256.0, 1.0], [False, False], 8)


def test_trees_by_hand() -> None:
    """Codes below a threshold go first, those at it second; leaves of all trees are added."""
    low, high = Node(leaf=-3), Node(leaf=5)
    cut = Node(0, 0, 10, (low, Node(0, 1, -5, (high, low))))
    codes = np.array([[9, -128], [10, -6], [10, -5], [127, -128]])
    found = trees.sums([[cut, high], [low]], codes)
    assert found.tolist() == [[2, -3], [10, -3], [2, -3], [10, -3]]
    made = trees.traced([[cut, high], [low]], GRID, 2)
    given = logic.logits(made, np.ldexp(codes.astype(np.float32), -5), 1)
    assert (given == found / 4).all()


def test_a_threshold_that_no_jet_is_below_or_above() -> None:
    low, high = Node(leaf=-3), Node(leaf=5)
    ends = [Node(0, 0, below, (low, high)) for below in (-128, -127, 127, 128)]
    codes = np.array([[-128, 0], [0, 0], [127, 0]])
    found = trees.sums([[end] for end in ends], codes)
    assert found.tolist() == [[5, -3, -3, -3], [5, 5, -3, -3], [5, 5, 5, -3]]
    made = trees.traced([[end] for end in ends], GRID, 0)
    assert (logic.logits(made, np.ldexp(codes.astype(np.float32), -5), 1) == found).all()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A few trees, and jets that they were trained on."""
    folder = tmp_path_factory.mktemp("fixed_bdt")
    inputs = conformance.jets(folder)
    return conformance.train(inputs, BLOCK, folder), inputs[0]


def read(model: Path) -> tuple[Grid, list[list[Node]]]:
    """Grid and integer trees of a trained model."""
    grid = Grid.read(read_json(model / "manifest.json")["grid"])
    booster = xgboost().Booster(model_file=model / "model.ubj")
    return grid, trees.integers(booster, grid, BLOCK.fraction)


def test_jets_take_the_way_of_xgboost(trained: tuple[Path, Path]) -> None:
    """On the grid the sums differ by the rounding of leaves alone."""
    grid, grown = read(trained[0])
    codes = np.random.default_rng(3).integers(-128, 128, (2000, len(BLOCK.features)))
    values = np.ldexp(codes.astype(np.float32), -grid.kif[2])
    xgb = xgboost()
    booster = xgb.Booster(model_file=trained[0] / "model.ubj")
    data = xgb.DMatrix(values, feature_names=BLOCK.features)
    wanted = booster.predict(data, output_margin=True)
    found = np.ldexp(trees.sums(grown, codes).astype(float), -BLOCK.fraction)
    # A number that all classes have in common does not count.
    difference = (found - wanted) - (found - wanted).mean(axis=1, keepdims=True)
    most = BLOCK.rounds * 0.5 / 2**BLOCK.fraction
    assert np.abs(difference).max() < 2 * most
    assert np.ptp(wanted) > 10 * most


@pytest.mark.slow
def test_logic_and_compiled_cpp_give_the_same_bits(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    grid, grown = read(trained[0])
    codes = np.random.default_rng(2).integers(-128, 128, (JETS, len(BLOCK.features)))
    values = np.ldexp(codes.astype(np.float32), -grid.kif[2])
    wanted = np.ldexp(trees.sums(grown, codes).astype(float), -BLOCK.fraction)
    assert len(np.unique(wanted[:, 0])) > 20
    made = logic.load(trained[0] / logic.LOGIC)
    assert (logic.logits(made, values, 1) == wanted).all()
    if not (shutil.which("g++") and shutil.which("make")):
        pytest.skip("no C++ compiler: needs g++ and make")
    from da4ml.codegen import HLSModel

    compiled = HLSModel(made, logic.TOP, tmp_path)
    compiled.write()
    written = trained[0] / logic.CPP / f"src/{logic.TOP}.hh"
    assert (tmp_path / f"src/{logic.TOP}.hh").read_text() == written.read_text()
    compiled.compile(openmp=False)
    assert (compiled.predict(values, n_threads=1) == wanted).all()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["verilog", "vhdl"])
def test_the_simulated_hdl_gives_the_same_bits(
    language: str, trained: tuple[Path, Path], tmp_path: Path
) -> None:
    grid, grown = read(trained[0])
    codes = np.random.default_rng(4).integers(-128, 128, (1000, len(BLOCK.features)))
    wanted = np.ldexp(trees.sums(grown, codes).astype(float), -BLOCK.fraction)
    values = np.ldexp(codes.astype(np.float32), -grid.kif[2])
    found = firmware.simulated(trained[0], BLOCK, language, values, tmp_path)
    np.testing.assert_array_equal(found, wanted)


def test_scores_are_the_softmax_of_the_sums(trained: tuple[Path, Path]) -> None:
    jets = read_parquet(trained[1])
    grid, grown = read(trained[0])
    x = matrix(jets, grid.features, "jets")
    found = np.exp(np.ldexp(trees.sums(grown, grid.codes(x)).astype(float), -BLOCK.fraction))
    given = score(trained[0], jets)
    for i, name in enumerate(conformance.CLASSES):
        np.testing.assert_allclose(given[f"p_{name}"], found[:, i] / found.sum(1), rtol=1e-5)
    cost = read_json(trained[0] / logic.FIRMWARE)
    assert cost["lut"] > 0 and cost["latency_ns"] == cost["cycles"] * 1e3 / BLOCK.clock


def test_jets_beyond_a_given_range_are_told(tmp_path: Path) -> None:
    block = BLOCK.model_copy(update={"ranges": {"c2": [0.0, 0.5]}})
    inputs = conformance.jets(tmp_path)
    with pytest.raises(BoostflowError, match=r"c2: .* beyond the fixed-point range"):
        conformance.train(inputs, block, tmp_path)
    assert not (tmp_path / "model").exists()

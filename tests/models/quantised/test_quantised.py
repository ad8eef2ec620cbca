"""The network in fixed point: its grid, and the same bits from Keras, logic, C++ and HDL."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.io import read_json, read_parquet
from boostflow.models import logic
from boostflow.models.grid import Grid
from boostflow.models.quantised.block import Quantised
from boostflow.models.score import score
from boostflow.models.tabular import matrix
from support import conformance, firmware

SMALL = Quantised(
    features=["mass", "tau21", "pt"], hidden=[4], epochs=3, batch=32, bits=8, beta=1e-4
)
JETS = 100_000
"""Number of points of the grid on which all have to agree."""

GRID = Grid(["mass"], [0.0], [256.0], [False], 8)


def test_a_step_of_the_grid_is_an_integer() -> None:
    x = np.array([[0.0], [0.99], [1.0], [128.0], [255.9]])
    assert GRID.codes(x).ravel().tolist() == [-128, -128, -127, 0, 127]
    assert GRID.values(x).ravel().tolist() == [-4.0, -4.0, -3.96875, 0.0, 3.96875]
    assert GRID.kif == (1, 2, 5)


def test_what_is_beyond_the_grid_is_at_its_ends() -> None:
    assert GRID.codes(np.array([[-3.0], [256.0], [1e30]])).ravel().tolist() == [-128, 127, 127]


def test_steps_may_be_equal_in_the_logarithm() -> None:
    grid = Grid(["mass", "tau21"], [1.0, 0.0], [256.0, 1.0], [True, False], 4)
    x = np.array([[1.0, 0.0], [1.42, 0.07], [15.9, 0.5], [16.1, 2.0], [0.0, -1.0], [300.0, 1.0]])
    assert grid.codes(x).tolist() == [[-8, -8], [-7, -7], [-1, 0], [0, 7], [-8, -8], [7, 7]]
    x = np.random.default_rng(1).uniform(1, 100, (100, 2))
    assert Grid.of(x, ["a", "b"], {"b": [0.0, 100.0]}, 8, True).logarithmic == [True, False]


def test_a_grid_that_follows_the_jets_holds_them() -> None:
    x = np.random.default_rng(1).normal(100, 10, (1000, 1)).astype(np.float32)
    grid = Grid.of(x, ["mass"], {}, 10)
    assert np.mean(np.abs(grid.codes(x)) >= 511) < 0.015
    constant = Grid.of(np.full((10, 1), 3.0), ["mass"], {}, 10)
    assert constant.codes(np.array([[3.0]])).item() == 0
    assert Grid.read(grid.data()) == grid


def test_jets_beyond_a_given_range_are_told() -> None:
    x = np.linspace(0, 100, 1000)[:, None]
    message = r"mass: 50\.0% of the training jets are beyond the fixed-point range \[0, 50\)"
    with pytest.raises(BoostflowError, match=message):
        Grid.of(x, ["mass"], {"mass": [0.0, 50.0]}, 10)
    assert Grid.of(x, ["mass"], {"mass": [0.0, 128.0]}, 10).high == [128.0]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"bits": 40}, r"models\.net\.bits: .*16"),
        ({"ranges": {"mas": [0, 1]}}, r"models\.net\.ranges\.mas: .*'?mas'?.*mass"),
        ({"ranges": {"mass": [1, 0]}}, r"models\.net\.ranges\.mass: .* not an ascending range"),
        ({"hidden": [0]}, r"models\.net\.hidden: \[0\]: every width must be at least 1"),
        ({"softmax": True}, r"models\.net\.softmax: unknown key"),
    ],
)
def test_what_cannot_be_is_told(keys: dict, message: str, repository: Path) -> None:
    with pytest.raises(BoostflowError, match=message):
        load({"models": {"net": {"kind": "quantised", **keys}}}, repository)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small network, and jets that it was trained on."""
    folder = tmp_path_factory.mktemp("quantised")
    inputs = conformance.jets(folder)
    return conformance.train(inputs, SMALL, folder), inputs[0]


@pytest.fixture(scope="module")
def agreed(trained: tuple[Path, Path]) -> tuple[NDArray, NDArray]:
    """Points of the grid (N, features), and what the integer logic gives there (N, classes)."""
    model = trained[0]
    grid = Grid.read(read_json(model / "manifest.json")["grid"])
    shape = (JETS, len(SMALL.features))
    codes = np.random.default_rng(2).integers(-128, 128, shape)
    values = np.ldexp(codes.astype(np.float32), -grid.kif[2])
    return values, logic.logits(logic.load(model / logic.LOGIC), values, 1)


@pytest.mark.slow
def test_the_logic_gives_the_bits_of_keras(
    trained: tuple[Path, Path], agreed: tuple[NDArray, NDArray]
) -> None:
    import hgq.layers  # noqa: F401 - Keras has to know them
    import keras

    network = keras.models.load_model(trained[0] / "model.keras", compile=False)
    values, wanted = agreed
    assert len(np.unique(wanted[:, 0])) > 50
    assert (network.predict(values, batch_size=4096, verbose=0) == wanted).all()


@pytest.mark.slow
def test_weights_are_counted_without_their_bits(trained: tuple[Path, Path]) -> None:
    widths = [len(SMALL.features), *SMALL.hidden, len(conformance.CLASSES)]
    wanted = sum((one + 1) * two for one, two in pairwise(widths))
    assert read_json(trained[0] / "manifest.json")["parameters"] == wanted


@pytest.mark.slow
def test_scores_are_the_softmax_of_the_logic(trained: tuple[Path, Path]) -> None:
    model, path = trained
    jets = read_parquet(path)
    grid = Grid.read(read_json(model / "manifest.json")["grid"])
    values = grid.values(matrix(jets, grid.features, "jets"))
    found = np.exp(logic.logits(logic.load(model / logic.LOGIC), values, 1))
    given = score(model, jets)
    for i, name in enumerate(conformance.CLASSES):
        np.testing.assert_allclose(given[f"p_{name}"], found[:, i] / found.sum(1), rtol=1e-5)


@pytest.mark.slow
def test_the_compiled_cpp_gives_the_same_bits(
    trained: tuple[Path, Path], agreed: tuple[NDArray, NDArray], tmp_path: Path
) -> None:
    if not (shutil.which("g++") and shutil.which("make")):
        pytest.skip("no C++ compiler: needs g++ and make")
    from da4ml.codegen import HLSModel

    made = HLSModel(logic.load(trained[0] / logic.LOGIC), logic.TOP, tmp_path)
    made.write()
    written = trained[0] / logic.CPP / f"src/{logic.TOP}.hh"
    assert (tmp_path / f"src/{logic.TOP}.hh").read_text() == written.read_text()
    made.compile(openmp=False)
    values, wanted = agreed
    assert (made.predict(values, n_threads=1) == wanted).all()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["verilog", "vhdl"])
def test_the_simulated_hdl_gives_the_same_bits(
    language: str, trained: tuple[Path, Path], agreed: tuple[NDArray, NDArray], tmp_path: Path
) -> None:
    values, wanted = agreed
    found = firmware.simulated(trained[0], SMALL, language, values[:1000], tmp_path)
    np.testing.assert_array_equal(found, wanted[:1000])


@pytest.mark.slow
def test_what_the_firmware_costs_is_said(trained: tuple[Path, Path]) -> None:
    figures = read_json(trained[0] / logic.FIRMWARE)
    assert figures["latency_ns"] == figures["cycles"] * 1e3 / SMALL.clock > 0
    assert 0 < figures["lut_reports"][0] <= figures["lut"] <= figures["lut_reports"][1]
    history = read_json(trained[0] / "metrics.json")["history"]
    assert 0 < figures["ebops"] < 2 * history["ebops"][0]


@pytest.mark.slow
def test_a_damaged_logic_is_told(trained: tuple[Path, Path], tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(trained[0], model)
    (model / logic.LOGIC).write_text("{")
    with pytest.raises(BoostflowError, match=r"logic\.json: is no integer logic of da4ml"):
        score(model, read_parquet(trained[1]))

"""The dense network: its inputs, its export, what it refuses."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.io import read_json, read_parquet
from boostflow.models.dnn.block import DNN
from boostflow.models.inputs import SMALLEST, expanded, scale
from boostflow.models.score import score
from support import conformance

SMALL = DNN(features=["mass", "tau21"], hidden=[6], epochs=2, batch=32, dropout=0)


def test_logarithms_stand_beside_the_values() -> None:
    x = np.array([[100.0, 0.0], [2.0, 1.0]], np.float32)
    wide = expanded(x, True)
    np.testing.assert_allclose(wide[:, :2], x)
    np.testing.assert_allclose(wide[:, 2:], np.log([[100, SMALLEST], [2, 1]]), rtol=1e-6)
    assert expanded(x, False) is x


def test_a_constant_is_not_divided_by_zero() -> None:
    x = np.array([[3.0, 1.0], [3.0, 5.0]], np.float32)
    mean, std = scale(x)
    np.testing.assert_allclose(mean, [3, 3])
    np.testing.assert_allclose(std, [1, 2])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A small network and the jets that it was trained on."""
    folder = tmp_path_factory.mktemp("dnn")
    inputs = conformance.jets(folder)
    return conformance.train(inputs, SMALL, folder), inputs


def test_scores_are_those_of_the_keras_file(trained: tuple[Path, list[Path]]) -> None:
    """The exported graph and the network, on jets with all kinds of values."""
    import keras

    model, inputs = trained
    jets = read_parquet(inputs[0])
    given = score(model, jets)
    x = np.stack([np.asarray(jets[name], np.float32) for name in SMALL.features], axis=1)
    network = keras.models.load_model(model / "model.keras")
    logits = network.predict(x, verbose=0)
    wanted = np.exp(logits - logits.max(axis=1, keepdims=True))
    wanted /= wanted.sum(axis=1, keepdims=True)
    found = np.stack([given[f"p_{name}"] for name in conformance.CLASSES], axis=1)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert read_json(model / "manifest.json")["features"] == SMALL.features


def test_the_network_standardises_the_jets_of_the_training(
    trained: tuple[Path, list[Path]],
) -> None:
    import keras

    model, inputs = trained
    rows = ak.concatenate([read_parquet(path) for path in inputs])
    table = np.stack([np.asarray(rows[name], np.float32) for name in SMALL.features], axis=1)
    seen = table[np.asarray(rows.split) == 0]
    network = keras.models.load_model(model / "model.keras")
    assert [x.name for x in network.inputs] == ["features"]
    first = next(layer for layer in network.layers if isinstance(layer, keras.layers.Dense))
    given = np.asarray(keras.Model(network.inputs[0], first.input)(seen))
    np.testing.assert_allclose(given.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(given.std(axis=0), 1, rtol=1e-4)
    mean, std = scale(expanded(seen, True))
    np.testing.assert_allclose(given, (expanded(seen, True) - mean) / std, atol=1e-4)


def test_a_missing_column_is_named(trained: tuple[Path, list[Path]]) -> None:
    model, inputs = trained
    jets = ak.without_field(read_parquet(inputs[0]), "tau21")
    with pytest.raises(BoostflowError, match="no observable tau21"):
        score(model, jets)


def test_a_damaged_network_is_named(trained: tuple[Path, list[Path]], tmp_path: Path) -> None:
    model, inputs = trained
    (tmp_path / "manifest.json").write_bytes((model / "manifest.json").read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(BoostflowError, match=r"model\.onnx: is no ONNX model"):
        score(tmp_path, read_parquet(inputs[0]))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"features": ["masss"]}, "models.net.features: unknown observable 'masss'; did you mean"),
        ({"features": ["mass", "mass"]}, "models.net.features: an observable is listed twice"),
        ({"hidden": [8, 0]}, r"models.net.hidden: \[8, 0\]: every width must be at least 1"),
    ],
)
def test_what_a_block_may_not_say(keys: dict, message: str, repository: Path) -> None:
    with pytest.raises(BoostflowError, match=message):
        load({"models": {"net": {"kind": "dnn", **keys}}, "infer": None}, repository)

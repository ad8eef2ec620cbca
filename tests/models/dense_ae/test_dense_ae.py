"""The dense autoencoder: its scores are those of its layers, and it names what does not fit."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.io import read_flat, read_json
from boostflow.models.dense_ae import train as training
from boostflow.models.dense_ae.block import DenseAE
from boostflow.models.score import score
from support import detectors
from support.models import train

BLOCK = DenseAE(
    features=detectors.FEATURES,
    normal=["quark", "gluon"],
    hidden=[16],
    latent=2,
    epochs=30,
    batch=64,
    learning_rate=0.01,
    causes=1,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path], keras.Model]:
    """A model of jets in a plane, its input, and its network as Keras has it."""
    folder, kept = tmp_path_factory.mktemp("jets"), []
    inputs = detectors.jets(folder)
    with pytest.MonkeyPatch.context() as patch:
        made = training.network_of
        patch.setattr(training, "network_of", lambda *of: kept.append(made(*of)) or kept[-1])
        train(inputs, BLOCK, folder / "model", checkpoint=folder / "checkpoint")
    return folder / "model", inputs, kept[-1]


def test_scores_are_those_of_the_network(trained: tuple[Path, list[Path], keras.Model]) -> None:
    model, inputs, network = trained
    with np.load(model / "detector.npz") as file:
        mean, spread, usual = file["mean"], file["spread"], file["usual"]
    rows = read_flat(inputs[2])
    x = np.stack([rows[name] for name in detectors.FEATURES], axis=1)
    z = (x - mean) / spread
    left = (z - network.predict(np.clip(z, -5, 5), verbose=0)) ** 2
    found = score(model, rows)
    np.testing.assert_allclose(found["error"], left.mean(axis=1), rtol=2e-3, atol=1e-5)
    assert np.mean(found["cause_1"] == (left / usual).argmax(axis=1)) > 0.99


def test_it_learns_the_plane_of_normal_jets(trained: tuple[Path, list[Path], keras.Model]) -> None:
    model, inputs, _ = trained
    found = {path.stem: score(model, read_flat(path))["error"] for path in inputs}
    losses = read_json(model / "metrics.json")["history"]["loss"]
    assert losses[-1] < 0.3 * losses[0]
    cut = np.quantile(np.concatenate([found["quark"], found["gluon"]]), 0.9)
    assert np.mean(found["top"] > cut) > 0.6


def test_a_column_that_is_far_off_is_named_and_spoils_no_other(
    trained: tuple[Path, list[Path], keras.Model],
) -> None:
    model, inputs, _ = trained
    rows = read_flat(inputs[0])
    for number, name in enumerate(detectors.FEATURES):
        found = score(model, rows | {name: rows[name] + np.float32(1000)})
        assert np.mean(found["cause_1"] == number) > 0.98


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"latent": 40}, r"latent: is 40, must be below the number of features"),
        ({"hidden": [0]}, r"hidden"),
        ({"limit": 0}, r"limit"),
    ],
)
def test_bad_keys(keys: dict, message: str, repository: Path) -> None:
    raw = {"models": {"found": {"kind": "dense_ae", **keys}}, "infer": None, "systematics": None}
    with pytest.raises(BoostflowError, match=message):
        load(raw, repository)

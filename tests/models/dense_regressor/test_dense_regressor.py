"""The dense regression: its graph is the network, and its loss that of a mean and a quantile."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.io import read_flat, read_json
from boostflow.models.dense_regressor.block import DenseRegressor
from boostflow.models.regression import Calibration, columns_of, features_of, level_of
from boostflow.models.score import score
from support import conformance, models

FEATURES = ["pt", "rho", "area", "multiplicity"]


@pytest.mark.slow
def test_scores_are_those_of_the_keras_network(tmp_path: Path) -> None:
    """Kept as a Keras file, and as ONNX: the same to 1e-4 GeV of 100."""
    import keras

    inputs = conformance.jets(tmp_path)
    block = DenseRegressor(features=FEATURES, hidden=[8], epochs=2, batch=32)
    models.train(inputs, block, tmp_path / "model")
    jets = ak.zip(read_flat(inputs[0], FEATURES), depth_limit=1)
    found = score(tmp_path / "model", jets)
    about = read_json(tmp_path / "model/manifest.json")
    columns = features_of(jets, FEATURES)
    x, _ = columns_of(columns, FEATURES)
    mean, _ = keras.models.load_model(tmp_path / "model/model.keras").predict(x, verbose=0).T
    calibrated = Calibration.from_json(about["calibration"])
    estimate = about["centre"] + about["spread"] * mean.astype(np.float64)
    expected = calibrated(estimate, level_of(columns))
    np.testing.assert_allclose(found["pt_corrected"], expected, rtol=1e-4, atol=1e-4)
    assert (found["pt_error"] > 0).all() and x.shape[1] == len(FEATURES) + 1


@pytest.mark.slow
def test_the_loss_of_the_width_is_that_of_a_quantile() -> None:
    """It is least where 68.3 % of a Gaussian are within: at one standard deviation."""
    import tensorflow as tf

    from boostflow.models.dense_regressor.train import of_batch

    y = np.random.default_rng(1).normal(0, 2.0, 40_000).astype(np.float32)
    losses = {}
    for width in (1.6, 1.8, 2.0, 2.2, 2.4):
        raw = np.log(np.expm1(width))
        outputs = tf.constant(np.tile([[0.0, raw]], (len(y), 1)).astype(np.float32))
        square, quantile, total = of_batch(outputs, tf.constant(y), tf.ones(len(y))).numpy()
        losses[width] = quantile / total
        assert square / total == pytest.approx(4.0, rel=0.03)
    assert min(losses, key=lambda width: losses[width]) == 2.0

"""Regression of the true pT of jets on a background, by a dense network."""

from boostflow.models.dense_regressor.block import DenseRegressor
from boostflow.models.family import KERAS, Family

FAMILY = Family(block=DenseRegressor, title="Dense regression", packages=(*KERAS, "numpy", "onnx"))
"""The configuration of a dense network that regresses."""

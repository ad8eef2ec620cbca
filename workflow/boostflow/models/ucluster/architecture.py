"""Numbers of the network that no setting changes: the training and the export share them."""

from __future__ import annotations

BN_EPSILON = 1e-3
LEAK = 0.2
"""Slope of the attention's leaky ReLU below zero."""
GROOMING_WIDTH = 32
JET_WIDTH = 64
"""Width of the layer in which the jet's mean features and its learned masses come together."""
SMALLEST_SQUARE = 1e-4
"""Floor of a squared mass (100 GeV)^2 below its logarithm: 1 GeV."""

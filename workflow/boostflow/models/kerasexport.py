"""Trained Keras networks as ONNX: all layers and operations that can be written."""

from __future__ import annotations

from boostflow.models import keraslayers, kerasops
from boostflow.models.kerasgraph import WRITERS, model_of

__all__ = ["WRITERS", "keraslayers", "kerasops", "model_of"]

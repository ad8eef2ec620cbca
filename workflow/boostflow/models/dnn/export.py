"""The trained network as an ONNX graph, from observables to the probabilities of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from boostflow.models.inputs import SMALLEST
from boostflow.models.onnxgraph import FLOAT, Builder

ONNX = "model.onnx"
FEATURES, PROBABILITIES = "features", "probabilities"
"""Names of the input (jets, features) and the output (jets, classes)."""


def graph(
    layers: Sequence[tuple[NDArray, NDArray]],
    mean: NDArray,
    std: NDArray,
    logarithms: bool,
    names: Sequence[str],
    classes: Sequence[str],
) -> bytes:
    """The network as a serialised ONNX model; it knows its columns and classes.

    Args:
        layers: kernel and offset of each layer; all but the last are followed by a ReLU.
        mean: of each input, shape (inputs,).
        std: of each input, shape (inputs,).
        logarithms: whether the logarithms of the features are inputs, too.
        names: of the features, in order.
        classes: of the outputs, in order.
    """
    build = Builder()
    x = FEATURES
    if logarithms:
        positive = build.op("Max", x, np.float32(SMALLEST))
        x = build.op("Concat", x, build.op("Log", positive), axis=1)
    x = build.op("Div", build.op("Sub", x, mean), std)
    for kernel, offset in layers[:-1]:
        x = build.dense(x, kernel, offset)
    x = build.dense(x, *layers[-1], relu=False)
    build.output(build.op("Softmax", x, axis=1), PROBABILITIES)
    model = build.model(
        "dnn",
        [helper.make_tensor_value_info(FEATURES, FLOAT, ["jets", len(names)])],
        [helper.make_tensor_value_info(PROBABILITIES, FLOAT, ["jets", len(classes)])],
        {"features": " ".join(names), "classes": " ".join(classes)},
    )
    return model.SerializeToString()


def write(folder: Path, content: bytes) -> None:
    """Write the model into the folder of a training."""
    (folder / ONNX).write_bytes(content)

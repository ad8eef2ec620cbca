"""A functional Keras model as an ONNX graph: its layers and operations, one by one.

What is not known here is an error that names it. Masks are arguments (`GRU(8)(x, mask=mask)`), and
1 up to the end of a sequence, then 0; the outputs of a recurrent layer beyond it are 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper

from boostflow.errors import BoostflowError
from boostflow.models.onnxgraph import FLOAT, INT64, Builder

BOOL = TensorProto.BOOL


def model_of(
    network: keras.Model,
    name: str,
    output: str,
    metadata: Mapping[str, str],
    softmax: bool = False,
) -> bytes:
    """A network with one output as a serialised ONNX model, whose inputs are called as its own.

    Integers are int64 there, all numbers else float32.

    Args:
        network: a functional model.
        name: of the graph.
        output: name of the output.
        metadata: texts that the model says of itself.
        softmax: whether the output is the softmax of the network's.

    Raises:
        BoostflowError: a layer or an operation is none of those that can be written.
    """
    graph = Graph()
    (found,) = graph.run(network, [tensor.name for tensor in network.inputs])
    build = graph.build
    build.output(build.op("Softmax", found, axis=-1) if softmax else found, output)
    (last,) = network.outputs
    return build.model(
        name,
        [_info(tensor.name, tensor) for tensor in network.inputs],
        [_info(output, last)],
        dict(metadata),
    ).SerializeToString()


def _info(name: str, tensor: keras.KerasTensor) -> onnx.ValueInfoProto:
    """A tensor's name, type and shape; the first axis of all is that of the jets."""
    shape = [size if size is not None else f"{name}_{i}" for i, size in enumerate(tensor.shape)]
    return helper.make_tensor_value_info(name, kind_of(tensor.dtype), ["jets", *shape[1:]])


def kind_of(dtype: str) -> int:
    """Type of an ONNX tensor for a type of Keras."""
    return BOOL if dtype == "bool" else INT64 if "int" in dtype else FLOAT


class Graph:
    """An ONNX graph that grows by the nodes of Keras models."""

    def __init__(self) -> None:
        self.build = Builder()

    def run(self, network: keras.Model, inputs: Sequence[str]) -> list[str]:
        """Names of a model's outputs, from those of its inputs.

        Args:
            network: functional.
            inputs: a name for each of the model's.

        Raises:
            BoostflowError: something cannot be written.
        """
        network = _functional(network)
        if not hasattr(network, "_nodes_by_depth"):
            raise BoostflowError(f"{network.name}: only functional Keras models can be exported")
        names = {id(t): name for t, name in zip(network.inputs, inputs, strict=True)}
        for depth in sorted(network._nodes_by_depth, reverse=True):
            for node in network._nodes_by_depth[depth]:
                if node.is_input:
                    continue
                one = node.operation
                args, kwargs = keras.tree.map_structure(
                    lambda x: names[id(x)] if isinstance(x, keras.KerasTensor) else x,
                    (node.arguments.args, node.arguments.kwargs),
                )
                outputs = node.output_tensors
                if hasattr(_functional(one), "_nodes_by_depth"):
                    given = [names[id(t)] for t in node.input_tensors]
                    found = self.run(one, given)
                else:
                    written = self.write(one, list(args), dict(kwargs), node)
                    found = [written] if isinstance(written, str) else written
                for tensor, name in zip(outputs, found, strict=True):
                    names[id(tensor)] = name
        return [names[id(tensor)] for tensor in network.outputs]

    def write(
        self, one: Any, args: list[Any], kwargs: dict[str, Any], node: Any
    ) -> str | list[str]:
        """The output of one layer or operation, or its outputs."""
        writer = WRITERS.get(type(one).__name__)
        if writer is None:
            raise BoostflowError(
                f"{one.name}: a {type(one).__name__} cannot be exported; known are"
                f" {', '.join(sorted(WRITERS))}"
            )
        return writer(self, one, args, kwargs, node)

    def activated(self, x: str, activation: Any) -> str:
        """The activation of a layer, applied."""
        name = activation.__name__
        op = self.build.op
        if name == "linear":
            return x
        if name == "silu":
            return op("Mul", x, op("Sigmoid", x))
        if name == "gelu":
            half = op("Mul", x, np.float32(0.5))
            erf = op("Erf", op("Mul", x, np.float32(np.sqrt(0.5))))
            return op("Mul", half, op("Add", erf, np.float32(1)))
        if name not in ACTIVATIONS:
            raise BoostflowError(f"the activation {name} cannot be exported")
        kind, attributes = ACTIVATIONS[name]
        return op(kind, x, **attributes)

    def cast(self, x: str, to: int) -> str:
        """A tensor in another type."""
        return self.build.op("Cast", x, to=to)

    def transposed(self, x: str, *axes: int) -> str:
        """A tensor with its axes in another order."""
        return self.build.op("Transpose", x, perm=list(axes))


Writer = Callable[[Graph, Any, list[Any], dict[str, Any], Any], str | list[str]]
"""From a layer or operation, its arguments (tensors by name), and its symbolic output to a name, or
a name of each output."""
WRITERS: dict[str, Writer] = {}
"""How each layer or operation is written, by the name of its class."""


def writes(*names: str) -> Callable[[Writer], Writer]:
    """A decorator: how layers or operations of these classes are written."""

    def add(writer: Writer) -> Writer:
        WRITERS.update(dict.fromkeys(names, writer))
        return writer

    return add


ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "softmax": ("Softmax", {"axis": -1}),
    "softplus": ("Softplus", {}),
    "elu": ("Elu", {"alpha": 1.0}),
    "selu": ("Selu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
    "exponential": ("Exp", {}),
}


def _functional(network: Any) -> Any:
    """The functional model within a sequential one, or what is given."""
    return getattr(network, "_functional", network)


def constant(variable: Any) -> np.ndarray:
    """The value of a weight."""
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float32)

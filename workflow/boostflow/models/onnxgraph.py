"""Writing an ONNX graph node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 18, 8
"""ONNX 1.13 (December 2022): older runtimes read it too."""
INT64 = TensorProto.INT64
FLOAT = TensorProto.FLOAT


class Builder:
    """Nodes in the order of their computation. A tensor is its name, a constant an array."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def constant(self, values: ArrayLike) -> str:
        """A constant, written once: integers become int64, all else float32."""
        given = np.asarray(values)
        array = given.astype(np.int64 if given.dtype.kind in "iu" else np.float32)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._names:
            self._names[key] = f"constant_{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(array, self._names[key]))
        return self._names[key]

    def op(self, kind: str, *inputs: str | ArrayLike, outputs: int = 1, **attributes: Any) -> str:
        """Add a node; returns the name of its last output."""
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        stem = f"{kind.lower()}_{len(self.nodes)}"
        results = [f"{stem}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, names, results, name=stem, **attributes))
        return results[-1]

    def output(self, x: str, name: str) -> None:
        """Give a tensor the name of an output."""
        self.nodes.append(helper.make_node("Identity", [x], [name], name=f"output_{name}"))

    def zeros(self, shape: str) -> str:
        """int64 zeros of a shape."""
        return self.op("ConstantOfShape", shape, value=helper.make_tensor("zero", INT64, [1], [0]))

    def ones(self, shape: str) -> str:
        """int64 ones of a shape."""
        return self.op("ConstantOfShape", shape, value=helper.make_tensor("one", INT64, [1], [1]))

    def dense(self, x: str, kernel: NDArray, offset: NDArray, relu: bool = True) -> str:
        """x W + b, followed by a ReLU unless told otherwise."""
        x = self.op("Add", self.op("MatMul", x, kernel), offset)
        return self.op("Relu", x) if relu else x

    def model(
        self,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
        metadata: dict[str, str],
    ) -> onnx.ModelProto:
        """The finished model; every output is the name of a tensor."""
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.constants)
        model = helper.make_model(
            graph,
            producer_name="boostflow",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        helper.set_model_props(model, metadata)
        return model

"""How Keras' operations (`keras.ops`, and those layers that are nothing else) are written as ONNX.

See `kerasgraph`. Arguments are tensors by name, or numbers and arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from boostflow.errors import BoostflowError
from boostflow.models.kerasgraph import BOOL, Graph, kind_of, writes

ELEMENTWISE = {
    **{"Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "Divide": "Div", "TrueDivide": "Div"},
    **{"Maximum": "Max", "Minimum": "Min", "Power": "Pow"},
    **{"Equal": "Equal", "Greater": "Greater", "Less": "Less", "GreaterEqual": "GreaterOrEqual"},
    **{"LessEqual": "LessOrEqual", "LogicalAnd": "And", "LogicalOr": "Or"},
}
UNARY = {
    **{"Exp": "Exp", "Log": "Log", "Sqrt": "Sqrt", "Absolute": "Abs"},
    **{"Negative": "Neg", "Sigmoid": "Sigmoid", "Tanh": "Tanh", "Relu": "Relu", "Sin": "Sin"},
    **{"Cos": "Cos", "LogicalNot": "Not", "Softplus": "Softplus"},
}
REDUCTIONS = {"Sum": "ReduceSum", "Mean": "ReduceMean", "Max": "ReduceMax", "Min": "ReduceMin"}


def _given(names: tuple[str, ...], args: list, kwargs: dict) -> list[Any]:
    """Arguments of a call by their names; those that are missing are None."""
    found = {**dict(zip(names, args, strict=False)), **kwargs}
    return [found.get(name) for name in names]


def _value(x: Any, like: Any) -> Any:
    """A number as an array of the type of a tensor."""
    if isinstance(x, str):
        return x
    return np.asarray(x, np.int64 if "int" in like else np.float32)


def _rank(node: Any) -> int:
    return len(node.input_tensors[0].shape)


@writes(*ELEMENTWISE)
def _elementwise(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    # Layers of these names have a list of tensors, operations two arguments.
    given = list(args[0]) if len(args) == 1 and isinstance(args[0], list) else list(args)
    given += [kwargs[name] for name in ("x1", "x2") if name in kwargs]
    like = node.input_tensors[0].dtype
    first, *others = (_value(x, like) for x in given)
    for other in others:
        first = graph.build.op(ELEMENTWISE[type(one).__name__], first, other)
    return first


@writes(*UNARY)
def _unary(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    return graph.build.op(UNARY[type(one).__name__], args[0])


@writes("Square")
def _square(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    return graph.build.op("Mul", args[0], args[0])


@writes("ReLU")
def _relu(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    if getattr(one, "max_value", None) or getattr(one, "negative_slope", 0) or one.threshold:
        raise BoostflowError(f"{one.name}: only a plain ReLU can be exported")
    return graph.build.op("Relu", args[0])


@writes("Softmax")
def _softmax(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    if len(args) > 1 or kwargs.get("mask") is not None:
        raise BoostflowError(f"{one.name}: add a large negative number where the mask is 0")
    return graph.build.op("Softmax", args[0], axis=one.axis)


@writes(*REDUCTIONS)
def _reduction(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    axis = one.axis
    axes = list(range(_rank(node))) if axis is None else list(np.atleast_1d(axis))
    return graph.build.op(REDUCTIONS[type(one).__name__], args[0], axes, keepdims=int(one.keepdims))


@writes("Cumsum")
def _cumsum(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    if one.axis is None:
        raise BoostflowError(f"{one.name}: `cumsum` needs an axis")
    return graph.build.op("CumSum", args[0], np.int64(one.axis))


@writes("ExpandDims")
def _expand(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    return graph.build.op("Unsqueeze", args[0], list(np.atleast_1d(one.axis)))


@writes("Squeeze")
def _squeeze(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    return graph.build.op("Squeeze", args[0], list(np.atleast_1d(one.axis)))


@writes("Concatenate")
def _concatenate(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    given = args[0] if args else kwargs["xs"]
    return graph.build.op("Concat", *given, axis=one.axis)


@writes("Stack")
def _stack(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    given = args[0] if args else kwargs["xs"]
    axis = one.axis
    return graph.build.op(
        "Concat", *(graph.build.op("Unsqueeze", x, [axis]) for x in given), axis=axis
    )


@writes("Flatten")
def _flatten(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    return graph.build.op("Reshape", args[0], [0, -1])


@writes("Reshape")
def _reshape(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    shape = node.output_tensors[0].shape
    unknown = [i for i, size in enumerate(shape) if size is None]
    given = node.input_tensors[0].shape
    # 0 takes an axis over, -1 is what is left.
    sizes = [-1 if size is None else size for size in shape]
    for i in unknown:
        if i < len(given) and given[i] is None and len(unknown) > 1:
            sizes[i] = 0
            unknown = [j for j in unknown if j != i]
    return graph.build.op("Reshape", args[0], sizes)


@writes("Permute")
def _permute(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    return graph.transposed(args[0], 0, *one.dims)


@writes("Transpose")
def _transpose(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    axes = one.axes if one.axes is not None else reversed(range(_rank(node)))
    return graph.transposed(args[0], *axes)


@writes("Matmul")
def _matmul(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    first, second = _given(("x1", "x2"), args, kwargs)
    return graph.build.op("MatMul", first, second)


@writes("Cast")
def _cast(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    return graph.cast(args[0], kind_of(node.output_tensors[0].dtype))


@writes("Where")
def _where(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    where, yes, no = _given(("condition", "x1", "x2"), args, kwargs)
    like = node.output_tensors[0].dtype
    where = graph.cast(where, BOOL)
    return graph.build.op("Where", where, _value(yes, like), _value(no, like))


@writes("Take")
def _take(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    x, indices = _given(("x", "indices"), args, kwargs)
    if one.axis is None:
        raise BoostflowError(f"{one.name}: `take` needs an axis")
    return graph.build.op("Gather", x, _value(indices, "int"), axis=one.axis)


@writes("TakeAlongAxis")
def _take_along_axis(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    x, indices = _given(("x", "indices"), args, kwargs)
    if not isinstance(indices, str):
        raise BoostflowError(f"{one.name}: the indices of `take_along_axis` must be a tensor")
    shape, mine = (tensor.shape for tensor in node.input_tensors[:2])
    axis = one.axis % len(shape)
    wide = [
        size if i != axis and size is not None and mine[i] == 1 else 1
        for i, size in enumerate(shape)
    ]
    if max(wide) > 1:
        indices = graph.build.op("Expand", indices, wide)
    return graph.build.op("GatherElements", x, indices, axis=axis)


@writes("TopK")
def _top_k(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> list[str]:
    last = graph.build.op("TopK", args[0], [one.k], outputs=2, axis=-1, largest=1, sorted=1)
    stem = last.rpartition("_")[0]
    return [f"{stem}_0", last]


@writes("GetItem")
def _get_item(graph: Graph, one: Any, args: list, kwargs: dict, node: Any) -> str:
    x, key = _given(("x", "key"), args, kwargs)
    keys = list(key) if isinstance(key, tuple | list) else [key]
    if Ellipsis in keys:
        place = keys.index(Ellipsis)
        full = _rank(node) - sum(k is not None for k in keys) + 1
        keys[place : place + 1] = [slice(None)] * full
    axis = 0
    gone: list[int] = []
    new: list[int] = []
    for number, part in enumerate(keys):
        if part is None:
            new.append(number - len(gone))
            continue
        if isinstance(part, int):
            end = part + 1 if part != -1 else np.iinfo(np.int64).max
            x = graph.build.op("Slice", x, [part], [end], [axis])
            gone.append(axis)
        elif isinstance(part, slice) and (part.step or 1) > 0:
            if part != slice(None):
                last = np.iinfo(np.int64).max if part.stop is None else part.stop
                x = graph.build.op("Slice", x, [part.start or 0], [last], [axis], [part.step or 1])
        else:
            raise BoostflowError(f"{one.name}: only numbers and slices forwards can be exported")
        axis += 1
    if gone:
        x = graph.build.op("Squeeze", x, gone)
    return graph.build.op("Unsqueeze", x, new) if new else x

"""How Keras' layers are written as ONNX; see `kerasgraph`."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from boostflow.errors import BoostflowError
from boostflow.models.kerasgraph import Graph, constant, writes
from boostflow.models.onnxgraph import FLOAT


@writes("Dense")
def _dense(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    x = graph.build.op("MatMul", args[0], constant(layer.kernel))
    if layer.use_bias:
        x = graph.build.op("Add", x, constant(layer.bias))
    return graph.activated(x, layer.activation)


@writes("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "Identity")
def _identity(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    return args[0]


@writes("Activation")
def _activation(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    return graph.activated(args[0], layer.activation)


@writes("LeakyReLU")
def _leaky(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    return graph.build.op("LeakyRelu", args[0], alpha=float(layer.negative_slope))


@writes("Normalization")
def _normalization(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    mean, variance = constant(layer.mean), constant(layer.variance)
    centred = graph.build.op("Sub", args[0], mean)
    return graph.build.op("Div", centred, np.maximum(np.sqrt(variance), np.float32(1e-7)))


@writes("BatchNormalization")
def _batch_normalization(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    rank = len(node.output_tensors[0].shape)
    if layer.axis not in (-1, rank - 1):
        raise BoostflowError(f"{layer.name}: a batch normalisation of the last axis alone")
    scale = 1 / np.sqrt(constant(layer.moving_variance).astype(np.float64) + layer.epsilon)
    if layer.scale:
        scale = scale * constant(layer.gamma)
    offset = -constant(layer.moving_mean) * scale
    if layer.center:
        offset = offset + constant(layer.beta)
    scaled = graph.build.op("Mul", args[0], scale.astype(np.float32))
    return graph.build.op("Add", scaled, offset.astype(np.float32))


@writes("LayerNormalization")
def _layer_normalization(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    shape = node.output_tensors[0].shape
    if list(np.atleast_1d(layer.axis)) not in ([-1], [len(shape) - 1]):
        raise BoostflowError(f"{layer.name}: a layer normalisation of the last axis alone")
    scale = constant(layer.gamma) if layer.scale else np.ones(shape[-1], np.float32)
    offset = constant(layer.beta) if layer.center else np.zeros(shape[-1], np.float32)
    return graph.build.op(
        "LayerNormalization", args[0], scale, offset, axis=-1, epsilon=float(layer.epsilon)
    )


# --- images and sequences -------------------------------------------------------------------------


def _channels_first(graph: Graph, x: str, rank: int) -> str:
    return graph.transposed(x, 0, rank - 1, *range(1, rank - 1))


def _channels_last(graph: Graph, x: str, rank: int) -> str:
    return graph.transposed(x, 0, *range(2, rank), 1)


def _padding(layer: Any) -> str:
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise BoostflowError(f"{layer.name}: channels have to come last")
    if layer.padding not in ("same", "valid"):
        raise BoostflowError(f"{layer.name}: padding {layer.padding!r} cannot be exported")
    return {"same": "SAME_UPPER", "valid": "VALID"}[layer.padding]


@writes("Conv1D", "Conv2D")
def _convolution(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    rank = layer.rank + 2
    kernel = np.moveaxis(constant(layer.kernel), (-1, -2), (0, 1))
    padding: dict[str, Any] = {"auto_pad": _padding(layer)}
    if max(layer.dilation_rate) > 1 and layer.padding == "same":
        # Keras has no strides here, so what is padded does not depend on the size.
        sizes = zip(layer.kernel_size, layer.dilation_rate, strict=True)
        total = [(size - 1) * rate for size, rate in sizes]
        padding = {"pads": [*(n // 2 for n in total), *(n - n // 2 for n in total)]}
    x = graph.build.op(
        "Conv",
        _channels_first(graph, args[0], rank),
        kernel,
        *([constant(layer.bias)] if layer.use_bias else []),
        **padding,
        strides=list(layer.strides),
        dilations=list(layer.dilation_rate),
        group=layer.groups,
    )
    return graph.activated(_channels_last(graph, x, rank), layer.activation)


@writes("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D")
def _pooling(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    rank = len(node.output_tensors[0].shape)
    kind = "MaxPool" if type(layer).__name__.startswith("Max") else "AveragePool"
    x = graph.build.op(
        kind,
        _channels_first(graph, args[0], rank),
        auto_pad=_padding(layer),
        kernel_shape=list(layer.pool_size),
        strides=list(layer.strides),
    )
    return _channels_last(graph, x, rank)


@writes(
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D"),
    *("GlobalMaxPooling1D", "GlobalMaxPooling2D"),
)
def _global_pooling(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    if kwargs.get("mask") is not None or len(args) > 1:
        raise BoostflowError(f"{layer.name}: masked means are to be sums of products")
    kind = type(layer).__name__
    axes = [1] if kind.endswith("1D") else [1, 2]
    keep = int(layer.keepdims)
    if kind.startswith("GlobalMax"):
        return graph.build.op("ReduceMax", args[0], axes, keepdims=keep)
    return graph.build.op("ReduceMean", args[0], axes, keepdims=keep)


# --- recurrent ------------------------------------------------------------------------------------


@writes("GRU", "LSTM")
def _recurrent(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    mask = kwargs.get("mask", args[1] if len(args) > 1 else None)
    return recurrent(graph, layer, args[0], mask, layer.go_backwards)


@writes("Bidirectional")
def _bidirectional(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    if layer.merge_mode != "concat":
        raise BoostflowError(f"{layer.name}: only merge_mode concat can be exported")
    mask = kwargs.get("mask", args[1] if len(args) > 1 else None)
    both = (layer.forward_layer, False), (layer.backward_layer, True)
    found = [recurrent(graph, part, args[0], mask, reverse) for part, reverse in both]
    return graph.build.op("Concat", *found, axis=-1)


def recurrent(graph: Graph, layer: Any, x: str, mask: str | None, reverse: bool) -> str:
    """The last state (B, U) of a GRU or LSTM, or all of them (B, n, U).

    Args:
        graph: that is written.
        layer: of Keras, with the activations that it has by default.
        x: sequences (B, n, F).
        mask: 1 up to the end of each sequence, (B, n), bool; None if all are as long.
        reverse: whether they are read from the end; states are in the order of the input.

    Raises:
        BoostflowError: other activations, or a state that is kept between batches.
    """
    gates = (layer.activation.__name__, layer.recurrent_activation.__name__)
    if gates != ("tanh", "sigmoid") or layer.stateful or layer.return_state:
        raise BoostflowError(f"{layer.name}: only with tanh and sigmoid, and without a state")
    if reverse and layer.return_sequences and layer.go_backwards and mask is None:
        # Keras gives them backwards outside of `Bidirectional`, which turns them again.
        raise BoostflowError(f"{layer.name}: backwards only with its last state")
    op, units, cell = graph.build.op, layer.units, layer.cell
    kind = type(layer).__name__
    order = [0, 1, 2] if kind == "GRU" else [0, 3, 1, 2]
    """Keras' numbers of the gates, in ONNX' order: z r h, or i o f c."""

    def sorted_gates(weight: np.ndarray) -> np.ndarray:
        parts = np.split(weight, len(order), axis=-1)
        return np.concatenate([parts[i] for i in order], axis=-1)

    bias = np.zeros((2, len(order) * units), np.float32)
    if layer.use_bias:
        given = constant(cell.bias)
        bias[: 1 if given.ndim == 1 else 2] = given
    more: dict[str, Any] = {}
    if kind == "GRU":
        if not layer.reset_after:
            raise BoostflowError(f"{layer.name}: only with reset_after")
        more["linear_before_reset"] = 1
    lengths = ""
    if mask is not None:
        counts = op("ReduceSum", graph.cast(mask, TensorProto.INT32), [1], keepdims=0)
        lengths = graph.cast(counts, TensorProto.INT32)
    outputs = 2 if kind == "GRU" else 3
    last = op(
        kind,
        graph.transposed(x, 1, 0, 2),
        sorted_gates(constant(cell.kernel)).T[None],
        sorted_gates(constant(cell.recurrent_kernel)).T[None],
        sorted_gates(bias).reshape(1, -1),
        *([lengths] if mask is not None else []),
        outputs=outputs,
        hidden_size=units,
        direction="reverse" if reverse else "forward",
        **more,
    )
    stem = last.rpartition("_")[0]
    if layer.return_sequences:
        return graph.transposed(op("Squeeze", f"{stem}_0", [1]), 1, 0, 2)
    return op("Squeeze", f"{stem}_1", [0])


# --- attention ------------------------------------------------------------------------------------


@writes("MultiHeadAttention")
def _attention(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    names = ("query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    other = [n for n in names[3:6] if given.get(n) is not None]
    if other or given.get("use_causal_mask") or given.get("return_attention_scores"):
        raise BoostflowError(f"{layer.name}: only with `attention_mask`, and without its scores")
    op, heads = graph.build.op, layer.num_heads
    value = given["value"]
    key = value if given.get("key") is None else given["key"]

    def split(x: str, dense: Any) -> str:
        kernel = constant(dense.kernel)
        width = kernel.shape[-1]
        x = op("MatMul", x, kernel.reshape(kernel.shape[0], -1))
        if dense.bias is not None:
            x = op("Add", x, constant(dense.bias).reshape(-1))
        return graph.transposed(op("Reshape", x, [0, 0, heads, width]), 0, 2, 1, 3)

    query = split(given["query"], layer.query_dense)
    turned = graph.transposed(split(key, layer.key_dense), 0, 1, 3, 2)
    logits = op("Mul", op("MatMul", query, turned), np.float32(layer.key_dim**-0.5))
    mask = given.get("attention_mask")
    if mask is not None:
        there = op("Unsqueeze", graph.cast(mask, FLOAT), [1])
        away = op("Mul", op("Sub", np.float32(1), there), np.float32(-1e9))
        logits = op("Add", logits, away)
    mixed = op("MatMul", op("Softmax", logits, axis=-1), split(value, layer.value_dense))
    kernel = constant(layer.output_dense.kernel)
    joined = op("Reshape", graph.transposed(mixed, 0, 2, 1, 3), [0, 0, heads * kernel.shape[1]])
    x = op("MatMul", joined, kernel.reshape(-1, kernel.shape[-1]))
    if layer.output_dense.bias is not None:
        x = op("Add", x, constant(layer.output_dense.bias))
    return x


@writes("Embedding")
def _embedding(graph: Graph, layer: Any, args: list, kwargs: dict, node: Any) -> str:
    if layer.mask_zero:
        raise BoostflowError(f"{layer.name}: masks are to be arguments")
    return graph.build.op("Gather", constant(layer.embeddings), args[0], axis=0)

"""The trained network as an ONNX graph: from the content of model.npz, without TensorFlow.

Scoring runs this graph, and each model's directory holds it as `model.onnx` for use elsewhere. Jets
are packed as in training: P particles, jet after jet, k neighbours; B units (jets or events).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from boostflow.config.messages import describe
from boostflow.errors import BoostflowError
from boostflow.io import atomic
from boostflow.models.onnxgraph import FLOAT, INT64, Builder
from boostflow.models.ucluster.architecture import (
    BN_EPSILON,
    GROOMING_WIDTH,
    JET_WIDTH,
    LEAK,
    SMALLEST_SQUARE,
)
from boostflow.models.ucluster.batch import jets_in, views
from boostflow.models.ucluster.block import UCluster
from boostflow.models.ucluster.features import used

if TYPE_CHECKING:
    import onnx

ONNX = "model.onnx"
INPUTS = ("features", "momenta", "neighbours", "counts")
"""Inputs of the graph, the arrays of `features.Packed`."""
EMBEDDING, DISTANCES, ATTENTION, CHANNELS = "embedding", "distances", "attention", "channel_weights"
"""Names of outputs; those of the mass bins are `logits_of(view)`."""


def logits_of(view: str) -> str:
    """The output that holds the logits of a view's mass bins."""
    return f"logits_{view}"


def build(header: Mapping[str, Any], arrays: Mapping[str, NDArray], where: str) -> onnx.ModelProto:
    """The network at inference, batch normalisation folded into the layers before it.

    Inputs: features (P, F), momenta (P, 4), neighbours (P, k), counts (B * J,), as in
    `features.Packed`, with at least one particle in every jet; a unit is one jet (J = 1) or the two
    of an event.

    Outputs: embedding (B, D); distances (B, K), squared, to the centroids; logits_<view> (B, bins);
    attention (P, k), the first block's weights of the neighbours, which add up to 1;
    channel_weights (P, C), those of the particles in each mass channel, if there are any.

    Metadata: `config` and `features` (names in order) as JSON, `edges_<view>` (inner edges of the
    mass bins in GeV) as JSON.

    Args:
        header, arrays: of model.npz (`checkpoint.read`).
        where: name of that file, for messages.

    Raises:
        BoostflowError: the arrays are not those of such a network.
    """
    from onnx import helper

    try:
        config, bins = UCluster.model_validate(header["config"]), list(header["bins"])
        metadata = {"config": json.dumps(header["config"])}
        metadata["features"] = json.dumps(header["features"])
        names = views(config.unit, config.views)
        for view in names:
            metadata[f"edges_{view}"] = json.dumps(arrays[f"edges_{view}"].tolist())
    except KeyError as error:
        raise BoostflowError(f"{where}: not a trained UCluster, it has no {error}") from None
    except ValidationError as error:
        problems = "; ".join(map(str, describe(error, UCluster)))
        raise BoostflowError(
            f"{where}: not a UCluster of this version, train it again: {problems}"
        ) from None

    weights = _Weights(arrays, where)
    graph = Builder()
    _network(graph, weights, config, bins)
    floats = {
        EMBEDDING: ("B", config.embedding),
        DISTANCES: ("B", config.clusters),
        **{logits_of(v): ("B", n) for v, n in zip(names, bins, strict=True)},
        ATTENTION: ("P", config.neighbours),
        **({CHANNELS: ("P", config.mass_channels)} if config.mass_channels else {}),
    }
    info = helper.make_tensor_value_info
    int32 = helper.np_dtype_to_tensor_dtype(np.dtype(np.int32))
    return graph.model(
        "ucluster",
        [
            info("features", FLOAT, ("P", used(config.local_pt))),
            info("momenta", FLOAT, ("P", 4)),
            info("neighbours", int32, ("P", config.neighbours)),
            info("counts", int32, ("jets",)),
        ],
        [info(name, FLOAT, shape) for name, shape in floats.items()],
        metadata,
    )


def write(path: Path, header: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
    """Write the graph as a file, after ONNX' own checks.

    Raises:
        BoostflowError: the arrays are not those of such a network.
    """
    import onnx

    model = build(header, arrays, str(path))
    onnx.checker.check_model(model, full_check=True)
    with atomic(path) as part:
        part.write_bytes(model.SerializeToString(deterministic=True))


class _Weights:
    """The arrays of a network, each asked for with its shape."""

    def __init__(self, arrays: Mapping[str, NDArray], where: str) -> None:
        self.arrays, self.where = arrays, where

    def take(self, name: str, *shape: int) -> NDArray[np.float64]:
        """The array of a name as float64; a BoostflowError if it is missing or of another shape."""
        found = self.arrays.get(name)
        if found is None or found.shape != shape:
            has = "missing" if found is None else f"of shape {found.shape}"
            raise BoostflowError(
                f"{self.where}: does not fit its configuration: {name} is {has}, not {shape}"
            )
        return found.astype(np.float64)

    def fold(
        self, name: str, kernel: NDArray, offset: NDArray, norm: bool
    ) -> tuple[NDArray, NDArray]:
        """Kernel and offset with the batch normalisation `name`/norm behind them."""
        if not norm:
            return kernel, offset
        gamma, beta, mean, variance = (
            self.take(f"{name}/norm/{what}", len(offset))
            for what in ("gamma", "beta", "mean", "variance")
        )
        scale = gamma / np.sqrt(variance + BN_EPSILON)
        return kernel * scale, (offset - mean) * scale + beta

    def dense(
        self, name: str, inputs: int, outputs: int, norm: bool = False, bias: bool = True
    ) -> tuple[NDArray, NDArray]:
        """Kernel (inputs, outputs) and offset (outputs,) of `network.Dense`."""
        kernel = self.take(f"{name}/kernel", inputs, outputs)
        offset = self.take(f"{name}/bias", outputs) if bias else np.zeros(outputs)
        return self.fold(name, kernel, offset, norm)


class _Jets:
    """Which particle belongs to which jet, in int64 tensors, and sums over the jets."""

    def __init__(self, graph: Builder, k: int) -> None:
        self.graph, self.k = graph, k
        op = graph.op
        self.counts = op("Cast", "counts", to=INT64)
        self.starts = op("Sub", op("CumSum", self.counts, 0), self.counts)
        size = op("Shape", "features", start=0, end=1)
        total = op("Squeeze", size, [0])
        # A one where each jet begins; their running sum numbers the jets.
        ones = graph.ones(op("Shape", self.counts))
        begins = op("ScatterElements", graph.zeros(size), self.starts, ones)
        self.jet = op("Sub", op("CumSum", begins, 0), 1)
        self.first = op("Gather", self.starts, self.jet)
        self.here = op("Sub", op("Range", 0, total, 1), self.first)
        self.most = op("Max", op("ReduceMax", self.counts, keepdims=0), k)
        self.places = op("Range", 0, self.most, 1)
        self.real = op("Less", self.places, op("Unsqueeze", self.counts, [1]))
        # Rows of the particles of each jet (B, most); where there is none, the row behind the last.
        rows = op("Add", self.places, op("Unsqueeze", self.starts, [1]))
        self.rows = op("Where", self.real, rows, total)
        self.size = op("Unsqueeze", op("Cast", self.counts, to=FLOAT), [1])

    def padded(self, x: str, width: int) -> str:
        """(P, F) -> (B, most, F), zeros where there is no particle."""
        with_zero = self.graph.op("Concat", x, np.zeros((1, width)), axis=0)
        return self.graph.op("Gather", with_zero, self.rows, axis=0)

    def mean(self, x: str, width: int, jets: int = 1) -> str:
        """Means over the particles of each jet (or of `jets` in a row), (P, F) -> (B, F)."""
        op = self.graph.op
        total = op("ReduceSum", self.padded(x, width), [1], keepdims=0)
        size = self.size
        if jets > 1:
            total = op("ReduceSum", op("Reshape", total, [-1, jets, width]), [1], keepdims=0)
            size = op("ReduceSum", op("Reshape", size, [-1, jets, 1]), [1], keepdims=0)
        return op("Div", total, size)

    def to_rows(self, positions: str) -> str:
        """Positions inside the jet (P, k) as rows of all particles."""
        return self.graph.op("Add", positions, self.graph.op("Unsqueeze", self.first, [1]))

    def nearest(self, x: str, width: int) -> str:
        """`network.nearest`: the k nearest in the space of x (P, F), itself first, as rows."""
        op = self.graph.op
        x = self.padded(x, width)
        square = op("ReduceSum", op("Mul", x, x), [2], keepdims=1)
        product = op("MatMul", x, op("Transpose", x, perm=[0, 2, 1]))
        distance = op("Add", square, op("Transpose", square, perm=[0, 2, 1]))
        distance = op("Sub", distance, op("Mul", product, 2.0))
        distance = op("Where", op("Unsqueeze", self.real, [1]), distance, np.inf)
        itself = op("Equal", self.places, op("Unsqueeze", self.places, [1]))
        distance = op("Where", itself, -1.0, distance)
        found = op("TopK", distance, [self.k], outputs=2, axis=2, largest=0)
        slot = op("Add", op("Mul", self.jet, self.most), self.here)
        found = op("Gather", op("Reshape", found, [-1, self.k]), slot)
        count = op("Unsqueeze", op("Gather", self.counts, self.jet), [1])
        found = op("Where", op("Less", found, count), found, op("Unsqueeze", self.here, [1]))
        return self.to_rows(found)


def _network(graph: Builder, weights: _Weights, config: UCluster, bins: list[int]) -> None:
    """`network.Network` without training, and the distances to the centroids."""
    op, norm, in_unit = graph.op, config.batch_norm, jets_in(config.unit)
    jets = _Jets(graph, config.neighbours)
    features = used(config.local_pt)
    mean, std = (weights.take(f"ucluster/feature_{w}", features) for w in ("mean", "std"))
    inputs = op("Div", op("Sub", "features", mean), std)
    neighbours = jets.to_rows(op("Cast", "neighbours", to=INT64))

    x, width = inputs, features
    kept, maxima = [], []
    for i, (size, layers) in enumerate(zip(config.attention, config.hidden, strict=True)):
        if i and config.regraph:
            neighbours = jets.nearest(x, width)
        x, highest, share = _attention(
            graph, weights, f"attention_{i}", x, neighbours, (width, size), norm
        )
        if i == 0:
            graph.output(share, ATTENTION)
        maxima.append(highest)
        x, width = op("Concat", x, inputs, axis=1), size + features
        for j, wide in enumerate(layers):
            x = graph.dense(x, *weights.dense(f"hidden_{i}_{j}", width, wide, norm))
            kept.append(x)
            width = wide
    x = op("Concat", *kept, *maxima, axis=1)
    width = sum(config.attention) + sum(map(sum, config.hidden))

    relu = config.embedding_relu
    if config.mass_channels:
        means = jets.mean(x, width)
        masses = _log_masses(graph, weights, jets, x, means, width, config.mass_channels, norm)
        together = op("Concat", means, masses, axis=1)
        layer = weights.dense("jet", width + config.mass_channels, JET_WIDTH, norm)
        together = graph.dense(together, *layer)
        if in_unit > 1:
            together = op("Reshape", together, [-1, in_unit * JET_WIDTH])
            layer = weights.dense("event", in_unit * JET_WIDTH, JET_WIDTH, norm)
            together = graph.dense(together, *layer)
        layer = weights.dense("embedding", JET_WIDTH, config.embedding, norm and relu)
        embedding = graph.dense(together, *layer, relu=relu)
    else:
        layer = weights.dense("embedding", width, config.embedding, norm and relu)
        embedding = jets.mean(graph.dense(x, *layer, relu=relu), config.embedding, in_unit)
    graph.output(embedding, EMBEDDING)

    centroids = weights.take("clusters/centroids", config.clusters, config.embedding)
    away = op("Sub", op("Unsqueeze", embedding, [1]), centroids)
    graph.output(op("ReduceSum", op("Mul", away, away), [2], keepdims=0), DISTANCES)

    for v, (view, n) in enumerate(zip(views(config.unit, config.views), bins, strict=True)):
        x, width = embedding, config.embedding
        for i, wide in enumerate(config.head):
            x = graph.dense(x, *weights.dense(f"head_{v}_{i}", width, wide, norm))
            width = wide
        graph.output(
            graph.dense(x, *weights.dense(f"logits_{v}", width, n), relu=False), logits_of(view)
        )


def _attention(
    graph: Builder,
    weights: _Weights,
    name: str,
    x: str,
    neighbours: str,
    widths: tuple[int, int],
    norm: bool,
) -> tuple[str, str, str]:
    """`network.Attention`: result (P, width), maximum (P, width), attention weights (P, k)."""
    op = graph.op
    inputs, width = widths
    node = graph.dense(x, *weights.dense(f"{name}/node", inputs, width, norm, bias=False))
    kernel, offset = weights.dense(f"{name}/edge", inputs, width, norm)
    w = op("MatMul", x, kernel)
    here = op("Unsqueeze", op("Add", w, offset), [1])
    edge = op("Relu", op("Sub", here, op("Gather", w, neighbours)))
    logit = op(
        "Add",
        op(
            "Unsqueeze",
            graph.dense(node, *weights.dense(f"{name}/node_logit", width, 1, norm)),
            [1],
        ),
        graph.dense(edge, *weights.dense(f"{name}/edge_logit", width, 1, norm)),
    )
    logit = op("LeakyRelu", op("Squeeze", logit, [2]), alpha=LEAK)
    share = op("Softmax", logit, axis=1)
    total = op("ReduceSum", op("Mul", op("Unsqueeze", share, [2]), edge), [1], keepdims=0)
    out = op("Relu", op("Add", total, weights.take(f"{name}/bias", width)))
    return out, op("ReduceMax", edge, [1], keepdims=0), share


def _log_masses(
    graph: Builder,
    weights: _Weights,
    jets: _Jets,
    x: str,
    mean: str,
    width: int,
    channels: int,
    norm: bool,
) -> str:
    """`network.MassChannels`: logarithms of the squared masses, (B, channels)."""
    op = graph.op
    # One layer on (particle, mean of its jet), of which the second part is the same for all.
    kernel = np.concatenate(
        [
            weights.take(f"masses/{part}/kernel", width, GROOMING_WIDTH)
            for part in ("particle", "jet")
        ]
    )
    offset = weights.take("masses/particle/bias", GROOMING_WIDTH)
    kernel, offset = weights.fold("masses/particle", kernel, offset, norm)
    around = op("Gather", op("MatMul", mean, kernel[width:]), jets.jet)
    hidden = op("Relu", op("Add", graph.dense(x, kernel[:width], offset, relu=False), around))
    layer = weights.dense("masses/weight", GROOMING_WIDTH, channels)
    weight = op("Sigmoid", graph.dense(hidden, *layer, relu=False))
    graph.output(weight, CHANNELS)
    by_channel = op("Transpose", jets.padded(weight, channels), perm=[0, 2, 1])
    total = op("MatMul", by_channel, jets.padded("momenta", 4))
    plus, minus, px, py = (op("Gather", total, i, axis=2) for i in range(4))
    square = op("Sub", op("Mul", plus, minus), op("Add", op("Mul", px, px), op("Mul", py, py)))
    return op("Log", op("Max", square, SMALLEST_SQUARE))

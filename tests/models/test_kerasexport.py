"""Keras networks as ONNX: the same numbers, for every layer and operation that can be written."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from boostflow.errors import BoostflowError  # noqa: E402
from boostflow.models.kerasexport import WRITERS, model_of  # noqa: E402
from boostflow.models.runtime import session  # noqa: E402

L, ops = keras.layers, keras.ops
TOLERANCE = 1e-5
FEATURES = 6

Network = Callable[..., "keras.KerasTensor"]
SETS: dict[str, Network] = {}
"""Networks of sequences (B, n, 6), masks (B, n) and positions (B, n)."""
IMAGES: dict[str, Network] = {}
"""Networks of images (B, 12, 9, 2)."""


def of(networks: dict[str, Network]) -> Callable[[Network], Network]:
    """A decorator: a network by its name."""

    def add(network: Network) -> Network:
        networks[network.__name__] = network
        return network

    return add


def pooled(x: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    return ops.sum(x * ops.expand_dims(mask, -1), axis=1)


@of(SETS)
def deep_sets(x, mask, near):
    for activation in ("relu", "gelu", "silu", "tanh", "elu", "selu", "softplus", "leaky_relu"):
        x = L.Dense(8, activation=activation, use_bias=activation != "tanh")(x)
    x = L.LayerNormalization()(L.BatchNormalization()(x))
    x = L.Dropout(0.3)(L.ReLU()(L.LeakyReLU()(x)))
    return L.Dense(3)(pooled(x, mask))


@of(SETS)
def means_and_maxima(x, mask, near):
    there = ops.expand_dims(mask, -1)
    mean = pooled(x, mask) / ops.sum(there, axis=1)
    top = ops.max(ops.where(there > 0.5, x, -1e3), axis=1)
    low = ops.min(x * there + 1e3 * (1.0 - there), axis=1)
    root = ops.sqrt(ops.maximum(ops.mean(ops.square(x * there), axis=1), 1e-3))
    joined = L.Concatenate()([mean, top, low, root, ops.log(1 + ops.exp(ops.negative(mean)))])
    return L.Dense(4, activation="sigmoid")(L.Add()([L.Dense(5)(joined), L.Dense(5)(top)]))


@of(SETS)
def gru(x, mask, near):
    there = ops.cast(mask, "bool")
    x = L.GRU(7, return_sequences=True)(x, mask=there)
    return L.Dense(3)(L.GRU(5)(x, mask=there))


@of(SETS)
def lstm(x, mask, near):
    there = ops.cast(mask, "bool")
    x = L.LSTM(7, return_sequences=True, use_bias=False)(x, mask=there)
    return L.Dense(3)(L.LSTM(5, unit_forget_bias=True)(x, mask=there))


@of(SETS)
def both_ways(x, mask, near):
    there = ops.cast(mask, "bool")
    x = L.Bidirectional(L.GRU(4, return_sequences=True))(x, mask=there)
    x = L.Bidirectional(L.LSTM(4))(x, mask=there)
    return L.Dense(3)(x)


@of(SETS)
def no_masks(x, mask, near):
    return L.Concatenate()([L.GRU(4)(x), L.LSTM(4, go_backwards=True)(x)])


@of(SETS)
def convolutions(x, mask, near):
    x = L.Conv1D(8, 3, padding="same", activation="relu")(x)
    x = L.Conv1D(8, 2, dilation_rate=2, padding="same")(x)
    x = L.MaxPooling1D(2)(L.AveragePooling1D(2, strides=1, padding="same")(x))
    return ops.concatenate([L.GlobalAveragePooling1D()(x), L.GlobalMaxPooling1D()(x)], axis=-1)


@of(SETS)
def attention(x, mask, near):
    x = L.Dense(8)(x)
    for _ in range(2):
        seen = L.MultiHeadAttention(2, 5)(x, x, attention_mask=ops.expand_dims(mask, 1))
        x = L.LayerNormalization(epsilon=1e-5)(x + seen)
    return L.Dense(3)(pooled(x, mask))


@of(SETS)
def attention_by_hand(x, mask, near):
    query, key = L.Dense(4)(x), L.Dense(4)(x)
    logits = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / 2.0
    logits = logits + (ops.expand_dims(mask, 1) - 1.0) * 1e9
    return L.Dense(3)(pooled(ops.matmul(L.Softmax()(logits), x), mask))


@of(SETS)
def neighbours(x, mask, near):
    other = ops.take_along_axis(x, ops.expand_dims(near, -1), axis=1)
    edge = L.Dense(8, activation="relu")(ops.concatenate([x, x - other], axis=-1))
    return L.Dense(3)(pooled(edge, mask))


@of(SETS)
def nearest_in_features(x, mask, near):
    low = ops.matmul(x, ops.transpose(x, (0, 2, 1))) + (ops.expand_dims(mask, 1) - 1.0) * 1e9
    values, places = ops.top_k(low, 3)
    other = ops.take_along_axis(x, places[:, :, 2:], axis=1)
    return L.Dense(3)(
        pooled(ops.concatenate([x - other, ops.maximum(values, -9.0)], axis=-1), mask)
    )


@of(SETS)
def pieces(x, mask, near):
    first, rest = x[:, 0, :2], x[..., 2:]
    place = ops.cast(ops.cumsum(mask, axis=1), "int32")
    kinds = L.Embedding(20, 3)(near) + L.Embedding(20, 3)(place)
    x = ops.concatenate([rest, kinds, ops.expand_dims(x[:, :, 1], -1), x[..., None, 0]], axis=-1)
    x = ops.take(x, np.array([3, 0, 5]), axis=-1)
    x = L.Reshape((-1, 3, 1))(x)
    x = ops.squeeze(L.Permute((1, 3, 2))(x), axis=2)
    both = ops.stack([x, ops.absolute(x)], axis=-1)
    return ops.concatenate([first, ops.max(both, axis=(1, 3))], axis=1)


@of(SETS)
def comparisons(x, mask, near):
    low, high = ops.minimum(x, 0.5), ops.power(ops.absolute(x) + 1.0, 1.5)
    one = ops.logical_and(ops.less(x, 0.3), ops.logical_not(ops.less_equal(x, -0.3)))
    two = ops.logical_or(ops.greater_equal(x, 1.0), ops.equal(low, 0.5))
    x = ops.where(one, ops.sin(low), ops.where(two, ops.cos(high), ops.divide(low, high)))
    x = ops.softplus(ops.relu(x)) - ops.tanh(ops.sigmoid(x))
    return L.Dense(3)(pooled(x, mask))


@of(SETS)
def what_is_left_out(x, mask, near):
    x = L.Normalization(mean=[1, 2, 0, 0, 0, 3], variance=[4, 1, 0.5, 1, 1, 2])(x)
    x = L.Identity()(L.GaussianNoise(0.5)(L.SpatialDropout1D(0.5)(x)))
    x = L.Activation("tanh")(L.Subtract()([x, ops.minimum(x, 0)]))
    return pooled(L.Minimum()([L.Maximum()([x, ops.exp(x)]), x + 1]), mask)


@of(IMAGES)
def images(x):
    x = L.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = L.BatchNormalization()(L.MaxPooling2D()(L.SpatialDropout2D(0.2)(x)))
    x = L.Conv2D(6, (2, 3), strides=2)(x)
    x = L.LayerNormalization()(L.AveragePooling2D(2, padding="same")(x))
    both = [L.GlobalAveragePooling2D()(x), L.GlobalMaxPooling2D()(x)]
    return L.Dense(3)(L.Concatenate()([L.Flatten()(x), *both]))


@of(IMAGES)
def nested(x):
    inner = keras.Sequential([L.Conv2D(4, 3), L.ReLU(), L.Flatten(), L.Dense(5)])
    return L.Dense(2)(L.Multiply()([inner(x), L.Dense(5)(L.Flatten()(x))]))


def randomised(network: keras.Model) -> keras.Model:
    """A network none of whose weights has its start value."""
    rng = np.random.default_rng(1)
    for weight in network.weights:
        if "float" not in weight.dtype:
            continue
        noise = rng.normal(0, 0.2, weight.shape)
        positive = "variance" in weight.path
        weight.assign(rng.uniform(0.5, 1.5, weight.shape) if positive else weight + noise)
    return network


def compared(network: keras.Model, inputs: dict[str, np.ndarray]) -> None:
    content = model_of(network, "toy", "out", {"classes": "a b"})
    exported = session(content, 1)
    assert exported.get_modelmeta().custom_metadata_map == {"classes": "a b"}
    there = {one.name for one in exported.get_inputs()}
    given = {name: x.astype(np.int64) if x.dtype.kind == "i" else x for name, x in inputs.items()}
    (found,) = exported.run(["out"], {name: given[name] for name in there})
    wanted = network([inputs[tensor.name] for tensor in network.inputs], training=False)
    np.testing.assert_allclose(found, np.asarray(wanted), rtol=TOLERANCE, atol=TOLERANCE)
    assert np.ptp(found, axis=0).max() > 1e-3


@pytest.mark.parametrize("name", SETS)
def test_networks_of_sequences(name: str) -> None:
    x = keras.Input((None, FEATURES), name="x")
    mask = keras.Input((None,), name="mask")
    near = keras.Input((None,), dtype="int32", name="near")
    network = randomised(keras.Model([x, mask, near], SETS[name](x, mask, near)))
    rng = np.random.default_rng(2)
    for longest, jets in ((9, 5), (4, 3)):
        counts = np.concatenate([[longest, 1], rng.integers(1, longest + 1, jets - 2)])
        there = np.arange(longest) < counts[:, None]
        values = {
            "x": (rng.normal(size=(jets, longest, FEATURES)) * there[..., None]).astype(np.float32),
            "mask": there.astype(np.float32),
            "near": (rng.integers(0, 99, (jets, longest)) % counts[:, None]).astype(np.int32),
        }
        compared(network, values)


@pytest.mark.parametrize("name", IMAGES)
def test_networks_of_images(name: str) -> None:
    x = keras.Input((12, 9, 2), name="x")
    network = randomised(keras.Model([x], IMAGES[name](x)))
    compared(network, {"x": np.random.default_rng(3).normal(size=(5, 12, 9, 2)).astype("float32")})


def test_the_softmax_can_be_added() -> None:
    x = keras.Input((3,), name="x")
    content = model_of(keras.Model([x], L.Activation("linear")(x)), "toy", "p", {}, softmax=True)
    (found,) = session(content, 1).run(["p"], {"x": np.log([[1, 2, 5]]).astype(np.float32)})
    np.testing.assert_allclose(found, [[0.125, 0.25, 0.625]], rtol=1e-6)


def test_what_is_not_known_is_named() -> None:
    x = keras.Input((8, 3), name="x")
    network = keras.Model([x], L.UpSampling1D(name="wider")(x))
    with pytest.raises(BoostflowError, match="wider: a UpSampling1D cannot be exported; known"):
        model_of(network, "toy", "out", {})
    network = keras.Model([x], L.GRU(3, activation="relu", name="odd")(x))
    with pytest.raises(BoostflowError, match="odd: only with tanh and sigmoid"):
        model_of(network, "toy", "out", {})


def test_all_that_can_be_written_is_tried() -> None:
    """No writer without a network above that uses it."""
    seen = set()
    x, mask = keras.Input((None, FEATURES)), keras.Input((None,))
    near = keras.Input((None,), dtype="int32")
    models = [keras.Model([x, mask, near], make(x, mask, near)) for make in SETS.values()]
    x = keras.Input((12, 9, 2))
    models += [keras.Model([x], make(x)) for make in IMAGES.values()]
    for model in models:
        seen |= {type(one).__name__ for one in model.operations}
    assert not WRITERS.keys() - seen

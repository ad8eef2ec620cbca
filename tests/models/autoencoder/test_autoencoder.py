"""The codec: bounds, exact networks, what the training does not know, and what the loss says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from boostflow.config.rounding import Rounded
from boostflow.errors import BoostflowError
from boostflow.models.autoencoder import exact
from boostflow.models.autoencoder.block import Autoencoder
from boostflow.models.autoencoder.codec import Codec, Column
from boostflow.models.autoencoder.narrow import LATENTS_MAX, Narrow
from support.compression import random_layers, untrained

DECLARED = {
    "mass": Rounded(type="positive", bound=1e-3),
    "eta": Rounded(bound=1e-3),
    "phi": Rounded(type="angle", bound=1e-3),
    "multiplicity": Rounded(type="integer"),
}


def jets(count: int, seed: int = 1) -> dict[str, NDArray]:
    """Columns of jets; some masses are groomed away."""
    rng = np.random.default_rng(seed)
    mass = rng.lognormal(4, 0.5, count).astype(np.float32)
    mass[::50] = 0
    return {
        "mass": mass,
        "eta": rng.normal(0, 1, count).astype(np.float32),
        "phi": rng.uniform(-np.pi, np.pi, count).astype(np.float64),
        "multiplicity": rng.poisson(mass).astype(np.int32),
    }


def codec(table: dict[str, NDArray]) -> Codec:
    """Networks that nobody has trained: bits are many, but what comes back is right."""
    return untrained(DECLARED, table)


def test_what_comes_back_is_what_rounding_alone_gives() -> None:
    one = codec(jets(3000))
    table = jets(2000, seed=2)
    for name, hard in (("mass", [np.nan, np.inf, -1.0, 1e30, 1e-20]), ("eta", [-np.inf, 1e9])):
        table[name][: len(hard)] = hard
    table["multiplicity"][:2] = [-(2**31), 2**31 - 1]
    again = Codec.of(one.content(), "test")
    back = again.decode(one.encode(table))
    for name, column in one.columns.items():
        assert back[name].dtype == table[name].dtype
        np.testing.assert_array_equal(back[name], column.rounding.rounded(table[name]))


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("activation", ["tanh", "leaky_relu"])
def test_a_bottleneck_keeps_the_bounds_whatever_its_latents_say(
    skip: bool, activation: str
) -> None:
    """Of networks that nobody trained, on jets that are unlike those which made the columns."""
    rng = np.random.default_rng(3)
    seen = jets(3000)
    shapes = [(4, 8), (8,), (8, 8), (8,), (8, 2), (2,)]
    weights = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    one = Codec(codec(seen).columns, [], Narrow(weights, np.full(2, 9.0), activation, True), skip)
    one.layers = [random_layers(one.seen(i), 2, i) for i in range(6)]
    assert [len(layers.first) for layers in one.layers] == [
        0,
        1,
        *([2, 3, 4, 5] if skip else [2] * 4),
    ]
    table = jets(500, seed=2)
    table["mass"][:3] = [np.nan, 1e30, 7e4]
    again = Codec.of(one.content(), "test")
    content = one.encode(table)
    assert again.encode(table) == content
    back = again.decode(content)
    for name, column in one.columns.items():
        np.testing.assert_array_equal(back[name], column.rounding.rounded(table[name]))
    # Latents are paid, too; their numbers differ from jet to jet.
    assert one.bits(table).shape == (500, 6) and (one.bits(table) >= 0).all()
    latents = one.codes(table)[0][:2]
    assert min(len(np.unique(x)) for x in latents) > 5
    data = json.loads(one.content())
    data["narrow"]["weights"] = data["narrow"]["weights"][2:]
    with pytest.raises(BoostflowError, match="layers of other widths"):
        Codec.of(json.dumps(data).encode(), "test")


def test_a_column_that_the_network_does_not_expect_is_coded_without_it() -> None:
    """So a wrong network costs its own size, and hardly more than rounding does."""
    table = jets(3000)
    table["mass"] = np.full(3000, 50.0, np.float32)
    one = codec(jets(3000))
    bits, size = one.bits(table).mean(axis=0), 8 * len(one.encode(table)) / 3000
    assert size < bits[1:].sum() + 1 and bits[0] > 2


def test_no_jets_and_one_jet() -> None:
    one = codec(jets(1000))
    for count in (0, 1):
        table = {name: values[:count] for name, values in jets(5).items()}
        back = one.decode(one.encode(table))
        assert [len(values) for values in back.values()] == [count] * 4


def test_sums_are_the_same_in_any_order() -> None:
    """Inputs and hidden units in another order: the same bits."""
    rng = np.random.default_rng(4)
    layers = random_layers(30, 5, 2, hidden=64)
    x = exact.inputs(rng.normal(0, 4, (500, 30)))
    order, units = rng.permutation(30), rng.permutation(64)
    other = exact.Layers(
        layers.first[order][:, units],
        layers.first_bias[units],
        layers.second[units][:, units],
        layers.second_bias[units],
        layers.last[units],
        layers.last_bias,
        layers.skip[order],
    )
    first, second = exact.outputs(layers, x), exact.outputs(other, x[:, order])
    assert (first == second).all() and np.unique(first).size > 1000


def test_sums_stay_exact_at_the_largest_that_there_may_be() -> None:
    """200 columns, all latents, the widest layers, weights and inputs at limits: below 2^53."""
    columns, hidden = 200 + LATENTS_MAX, Autoencoder.model_fields["hidden"].metadata[1].le
    largest = exact.FARTHEST * 2.0**exact.INPUTS
    weight = exact.FARTHEST * 2.0**exact.WEIGHTS
    assert columns * largest * weight + largest * 2.0**exact.WEIGHTS < 2**53
    assert 2 * hidden * exact.ACTIVATIONS_MAX * weight < 2**53
    assert 2 * hidden * exact.ACTIVATIONS_MAX * exact.FARTHEST * 2.0**exact.OUTPUTS < 2**53
    assert columns * largest * exact.FARTHEST / 2 * 2.0**exact.SKIPS < 2**53


def test_a_bound_too_small_for_the_coder_is_refused() -> None:
    with pytest.raises(BoostflowError, match=r"mass: .* steps of its bound"):
        Column.seen("mass", Rounded(bound=1e-9), np.array([0.0, 1.0]))
    with pytest.raises(BoostflowError, match="no finite value"):
        Column.seen("mass", Rounded(bound=1e-3), np.full(3, np.nan))


def test_a_constant_column_takes_hardly_a_bit() -> None:
    column = Column.seen("x", Rounded(bound=1e-3), np.full(10, 4.0))
    assert column.codes < 10


def test_a_model_of_another_version_or_shape_is_refused() -> None:
    data = json.loads(codec(jets(100)).content())
    for change, why in (
        ({"version": 2}, "version 2"),
        ({"layers": data["layers"][:2]}, "without a network"),
        ({"layers": data["layers"][::-1]}, "holds no model"),
        ({"columns": [{}]}, "holds no model"),
    ):
        with pytest.raises(BoostflowError, match=why):
            Codec.of(json.dumps(data | change).encode(), "test")


@pytest.mark.slow
def test_the_loss_is_the_size_and_what_columns_tell_of_each_other_is_not_paid_twice() -> None:
    """x uniform, y twice x: no bits for y. The loss of the training is what the codec takes."""
    from boostflow.models.autoencoder.train import BitsLearner
    from boostflow.training.loop import Loop
    from boostflow.training.ranks import Single

    rng = np.random.default_rng(1)
    x = rng.uniform(0, 1, 6000)
    table = {"x": x.astype(np.float32), "y": (2 * x).astype(np.float32)}
    declared = {"x": Rounded(bound=1e-3), "y": Rounded(bound=4e-2)}
    block = Autoencoder(columns=declared, hidden=8, components=2, epochs=12, learning_rate=0.02)
    split = (np.arange(6000) % 3).astype(np.int8)
    learner = BitsLearner(block, table, split, Single())
    Loop(learner, "model", block).run()
    found = learner.codec()
    validation = {name: values[split == 1] for name, values in table.items()}
    bits = found.bits(validation).mean(axis=0)
    # 1 / 0.002 steps of the same probability: no code takes fewer bits.
    assert np.log2(500) - 0.05 < bits[0] < np.log2(500) + 0.5
    # Alone it takes log2(25) = 4.6.
    assert bits[1] < 1.5
    sums = learner.validate(0)
    assert bits.sum() == pytest.approx(sums[0] / sums[1], abs=0.05)
    assert 8 * len(found.encode(validation)) / 2000 == pytest.approx(bits.sum(), abs=2)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["tanh", "leaky_relu"])
def test_a_trained_latent_tells_what_columns_share(activation: str) -> None:
    """Three columns are one number: each alone takes 5.6 bits, given the latent hardly any."""
    from boostflow.models.autoencoder.train import BitsLearner
    from boostflow.training.loop import Loop
    from boostflow.training.ranks import Single

    rng = np.random.default_rng(1)
    x = rng.uniform(0, 1, 6000).astype(np.float32)
    table = {"x": x, "y": 1 - x, "z": 2 * x}
    declared = {name: Rounded(bound=0.01 * (1 + (name == "z"))) for name in table}
    block = Autoencoder(
        columns=declared, hidden=8, components=2, epochs=25, learning_rate=0.02, batch=128,
        latents=1, skip=False, encoder=[8, 8], activation=activation,
    )  # fmt: skip
    learner = BitsLearner(block, table, (np.arange(6000) % 3).astype(np.int8), Single())
    Loop(learner, "model", block).run()
    validation = {name: values[1::3] for name, values in table.items()}
    bits = learner.codec().bits(validation).mean(axis=0)
    assert len(bits) == 4
    # No order of coding can take less than what one of them takes.
    assert np.log2(50) - 0.1 < bits.sum() < 2 * np.log2(50)
    assert bits[:3].sum() < 6
    sums = learner.validate(0)
    assert bits.sum() == pytest.approx(sums[0] / sums[1], abs=0.05)

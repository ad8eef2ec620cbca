"""Sequences of constituents: padding has no effect, the export, the order."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.load import load
from boostflow.constituents.packing import Layout
from boostflow.errors import BoostflowError
from boostflow.io import read_parquet
from boostflow.models import packed
from boostflow.models.sequence.block import Sequences
from support import conformance
from support.taggers import given, of_keras, outputs

SMALL = {"width": 8, "heads": 2, "depth": 1, "head": [8], "epochs": 1, "batch": 64}
KINDS = {
    "gru": {"layers": "gru"},
    "lstm": {"layers": "lstm", "observables": ["mass"]},
    "convolution": {"layers": "convolution", "order": "tree"},
    "attention": {"layers": "attention"},
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Toy jets of three classes."""
    return conformance.jets(tmp_path_factory.mktemp("jets"))


@pytest.fixture(scope="module", params=KINDS)
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, inputs: list[Path]
) -> tuple[Sequences, Path]:
    """A small network of each kind, and its folder."""
    config = Sequences(**SMALL | KINDS[request.param])
    return config, conformance.train(inputs, config, tmp_path_factory.mktemp(request.param))


def test_scores_are_those_of_the_keras_file_whatever_the_padding(
    trained: tuple[Sequences, Path], inputs: list[Path]
) -> None:
    """Keras gets jets padded to the longest, and further; scores get them in other batches."""
    (config, model), jets = trained, read_parquet(inputs[0])
    read = given(config, jets)
    mine = outputs(model, jets)
    for more in (0, 13):
        wider = {
            name: np.pad(values, [(0, 0), (0, more), *[(0, 0)] * (values.ndim - 2)])
            if name in (packed.PARTICLES, packed.MASK)
            else values
            for name, values in read.items()
        }
        np.testing.assert_allclose(mine, of_keras(model, wider), atol=1e-5)
    few = ak.argsort(ak.num(jets.pf_pt))[:2]
    np.testing.assert_allclose(outputs(model, jets[few]), mine[ak.to_numpy(few)], atol=1e-5)


def test_the_order_matters(trained: tuple[Sequences, Path], inputs: list[Path]) -> None:
    """Places tell the network something: it is no set."""
    import keras

    (config, model), jets = trained, read_parquet(inputs[1])
    found = packed.layout(config.packing()).pack(jets, "toy")
    read = packed.given(config, found, np.zeros((len(jets), len(config.observables)), np.float32))
    turned = dict(read)
    shortest = int(found.counts.min())
    order = np.concatenate([np.arange(shortest)[::-1], np.arange(shortest, found.counts.max())])
    turned[packed.PARTICLES] = read[packed.PARTICLES][:, order]
    network = keras.models.load_model(model / "model.keras")
    one, two = (np.asarray(network(list(x.values()), training=False)) for x in (read, turned))
    assert np.abs(one - two).max() > 1e-4


def test_models_share_packed_jets_unless_the_order_differs() -> None:
    plain, tree = Sequences(), Sequences(order="tree")
    assert plain.prepared_name() == Sequences(layers="gru", width=8).prepared_name()
    assert plain.prepared_name() != tree.prepared_name()
    assert Sequences.model_validate(tree.prepared()).packing() == tree.packing()
    assert packed.layout(tree.packing()) == Layout(tuple(tree.particles), 64, order="tree")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"head": [0]}, r"models.net.head: \[0\]: every width must be at least 1"),
        ({"layers": "attention", "heads": 5}, "models.net.heads: 5 heads cannot share a width of"),
        ({"layers": "transformer"}, "models.net.layers"),
        ({"order": "kt"}, "models.net.order"),
    ],
)
def test_what_a_block_may_not_say(keys: dict, message: str, repository: Path) -> None:
    with pytest.raises(BoostflowError, match=message):
        load({"models": {"net": {"kind": "sequence", **keys}}, "infer": None}, repository)

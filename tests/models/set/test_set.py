"""Deep sets: what they are by construction, their export, their filters."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.load import load
from boostflow.constituents.packing import Layout
from boostflow.errors import BoostflowError
from boostflow.io import read_parquet
from boostflow.models.score import score
from boostflow.models.set.block import DeepSets
from boostflow.models.set.plots import POINTS, REACH, filters
from support import conformance

SMALL = {"phi": [8, 6], "head": [8], "epochs": 2, "batch": 32, "dropout": 0.2}
KINDS = {
    "particle flow": SMALL | {"observables": ["mass", "tau21"]},
    "energy flow": SMALL | {"energy_weighted": True},
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Toy jets of three classes."""
    return conformance.jets(tmp_path_factory.mktemp("jets"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, inputs: list[Path]) -> dict[str, Path]:
    """A small network of each kind."""
    folder = tmp_path_factory.mktemp("models")
    result = {}
    for name, keys in KINDS.items():
        (folder / name).mkdir()
        result[name] = conformance.train(inputs, DeepSets(**keys), folder / name)
    return result


def outputs(model: Path, jets: ak.Array) -> np.ndarray:
    found = score(model, jets)
    return np.stack([found[f"p_{name}"] for name in conformance.CLASSES], axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_keras_file(
    models: dict[str, Path], inputs: list[Path], kind: str
) -> None:
    import keras

    config, jets = DeepSets(**KINDS[kind]), read_parquet(inputs[0])
    features = tuple(config.packed_features())
    given = list(Layout(features, config.constituents).pack(jets, "toy").padded())
    if config.observables:
        given.append(np.stack([np.asarray(jets[n], np.float32) for n in config.observables], 1))
    network = keras.models.load_model(models[kind] / "model.keras")
    logits = np.asarray(network(given, training=False))
    wanted = np.exp(logits - logits.max(axis=1, keepdims=True))
    wanted /= wanted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(outputs(models[kind], jets), wanted, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_constituents_does_not_matter(
    models: dict[str, Path], inputs: list[Path], kind: str
) -> None:
    """Also jets of other batches do not: padding has no effect."""
    jets = read_parquet(inputs[1])
    wanted = outputs(models[kind], jets)
    rng = np.random.default_rng(1)
    order = ak.Array([rng.permutation(n) for n in ak.num(jets.pf_pt)])
    turned = jets
    for name in ("pf_pt", "pf_eta", "pf_phi", "pf_mass"):
        turned = ak.with_field(turned, jets[name][order], name)
    np.testing.assert_allclose(outputs(models[kind], turned), wanted, atol=1e-6)
    few = ak.argsort(ak.num(jets.pf_pt))[:3]
    np.testing.assert_allclose(
        outputs(models[kind], jets[few]), wanted[ak.to_numpy(few)], atol=1e-6
    )


def split(jets: ak.Array) -> ak.Array:
    """Jets whose hardest constituent has become two of the same direction, of 1/4 and 3/4."""
    for name in ("pf_pt", "pf_eta", "pf_phi", "pf_mass"):
        column = jets[name]
        first = column[:, :1]
        parts = [first * 0.25, first * 0.75] if name == "pf_pt" else [first, first]
        jets = ak.with_field(jets, ak.concatenate([*parts, column[:, 1:]], axis=1), name)
    return jets


def test_an_energy_flow_network_is_collinear_safe(
    models: dict[str, Path], inputs: list[Path]
) -> None:
    jets = read_parquet(inputs[2])
    for kind, model in models.items():
        moved = np.abs(outputs(model, split(jets)) - outputs(model, jets)).max()
        assert (moved < 1e-5) == (kind == "energy flow"), (kind, moved)


def test_filters_are_the_layers_of_the_directions(models: dict[str, Path]) -> None:
    import keras

    side, values = filters(models["energy flow"])
    assert values.shape == (POINTS, POINTS, 6) and side[-1] == -side[0] == REACH
    network = keras.models.load_model(models["energy flow"] / "model.keras")
    flow = network.get_layer("filters")
    points = np.array([[[side[7], side[100]], [side[80], side[3]]]], np.float32)
    wanted = np.asarray(flow(points))[0]
    np.testing.assert_allclose(values[[100, 3], [7, 80]], wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"phi": [8, 0]}, r"models.net.phi: \[8, 0\]: every width must be at least 1"),
        ({"head": [0]}, r"models.net.head: \[0\]: every width must be at least 1"),
        (
            {"energy_weighted": True, "particles": ["log_pt"]},
            "models.net.particles: energy_weighted: true reads eta_rel, phi_rel and the share",
        ),
    ],
)
def test_what_a_block_may_not_say(keys: dict, message: str, repository: Path) -> None:
    with pytest.raises(BoostflowError, match=message):
        load({"models": {"net": {"kind": "set", **keys}}, "infer": None}, repository)

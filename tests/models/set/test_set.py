"""Deep sets: what they are by construction, their export, their filters."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.io import read_parquet
from boostflow.models.set.block import DeepSets
from boostflow.models.set.plots import POINTS, REACH, filters
from support import conformance
from support.taggers import assert_no_order_matters, given, of_keras, outputs, trained

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
    return trained(inputs, DeepSets, KINDS, tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_keras_file(
    models: dict[str, Path], inputs: list[Path], kind: str
) -> None:
    jets = read_parquet(inputs[0])
    wanted = of_keras(models[kind], given(DeepSets(**KINDS[kind]), jets))
    np.testing.assert_allclose(outputs(models[kind], jets), wanted, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_constituents_does_not_matter(
    models: dict[str, Path], inputs: list[Path], kind: str
) -> None:
    assert_no_order_matters(models[kind], read_parquet(inputs[1]), 1e-6)


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

"""Graph networks: what they are by construction, their export, their learned masses."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.load import load
from boostflow.constituents.packing import Packed
from boostflow.errors import BoostflowError
from boostflow.io import read_parquet
from boostflow.models import packed
from boostflow.models.graph.block import GraphNetwork
from boostflow.models.graph.inputs import arrays
from boostflow.models.score import score
from support import conformance
from support.taggers import (
    assert_no_order_matters,
    given,
    of_keras,
    outputs,
    trained,
    with_particles,
)

SMALL = {
    "neighbours": 5,
    "attention": [6, 5],
    "hidden": [[8], [7, 6]],
    "mass_channels": 3,
    "head": [8],
    "epochs": 2,
    "batch": 32,
}
KINDS = {
    "new graphs": SMALL,
    "one graph": SMALL | {"regraph": False, "mass_channels": 0, "observables": ["mass", "tau21"]},
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Toy jets of three classes."""
    return conformance.jets(tmp_path_factory.mktemp("jets"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, inputs: list[Path]) -> dict[str, Path]:
    """A small network of each kind."""
    return trained(inputs, GraphNetwork, KINDS, tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_keras_file(
    models: dict[str, Path], inputs: list[Path], kind: str
) -> None:
    jets = read_parquet(inputs[0])
    wanted = of_keras(models[kind], given(GraphNetwork(**KINDS[kind]), jets))
    np.testing.assert_allclose(outputs(models[kind], jets), wanted, atol=1e-5)
    assert np.ptp(wanted, axis=0).min() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_constituents_does_not_matter(
    models: dict[str, Path], inputs: list[Path], kind: str
) -> None:
    assert_no_order_matters(models[kind], read_parquet(inputs[1]), 1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_jets_have_fewer_constituents_than_a_particle_has_neighbours(
    models: dict[str, Path], inputs: list[Path], kind: str
) -> None:
    jets = read_parquet(inputs[2])[:12]
    sizes = np.arange(12) % 4 + 1
    short = with_particles(jets, ak.Array([np.arange(n) for n in sizes]))
    alone = np.concatenate([outputs(models[kind], short[i : i + 1]) for i in range(12)])
    mixed = ak.concatenate([short, read_parquet(inputs[0])[:5]])
    np.testing.assert_allclose(outputs(models[kind], mixed)[:12], alone, atol=1e-5)


def test_neighbours_are_rows_of_the_batch() -> None:
    """Each particle first names itself; where there is none, too."""
    config = GraphNetwork(**SMALL, particles=["eta_rel", "phi_rel"])
    rng = np.random.default_rng(3)
    counts = np.array([3, 1, 2], np.int32)
    records = np.zeros(6, packed.layout(config.packing()).dtype)
    records["features"] = rng.normal(size=(6, 2))
    records["momenta"] = rng.normal(size=(6, 4))
    at = np.array([0, 1, 2, 0, 0, 1])
    records["neighbours"] = at[:, None]
    records["neighbours"][0] = [0, 2, 1, 0, 0]
    found = arrays(config, Packed(records, counts))
    rows, mask = found["rows"], found["mask"] == 1
    assert rows.shape == (3, 5, 5) and rows.dtype == np.int32
    np.testing.assert_array_equal(rows[..., 0].ravel(), np.arange(15))
    np.testing.assert_array_equal(rows[0, 0], [0, 2, 1, 0, 0])
    np.testing.assert_array_equal(mask.sum(1), counts)
    np.testing.assert_array_equal(found["momenta"][mask], records["momenta"])
    assert found["particles"].shape == (3, 5, 2) and not found["particles"][~mask].any()


def test_attention_is_its_formula() -> None:
    """Against NumPy, one particle at a time."""
    import keras

    from boostflow.models.attention import attention, nearest

    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 4, 3)).astype(np.float32)
    mask = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], np.float32)[..., None]
    itself = np.arange(8, dtype=np.int32).reshape(2, 4, 1)
    a, b = keras.Input((None, 3)), keras.Input((None, 1))
    rows = keras.Input((None, 1), dtype="int32")
    near = nearest(a, b, rows, 3)
    network = keras.Model([a, b, rows], [near, *attention(a, near, 5, "one")])
    for weight in network.weights:
        weight.assign(weight + rng.normal(0, 0.3, weight.shape))
    found, total, top = (np.asarray(v) for v in network([x, mask, itself]))
    flat, valid = x.reshape(8, 3), mask.ravel() == 1

    def layer(name: str, values: np.ndarray) -> np.ndarray:
        kernel, *bias = (np.asarray(w) for w in network.get_layer(f"one_{name}").weights)
        return values @ kernel + sum(bias)

    for i in np.flatnonzero(valid):
        mine = np.flatnonzero(valid & (np.arange(8) // 4 == i // 4))
        near_i = mine[np.argsort(((flat[mine] - flat[i]) ** 2).sum(1))[:3]]
        np.testing.assert_array_equal(found.reshape(8, 3)[i], near_i)
        edge = np.maximum(layer("here", flat[i]) - layer("there", flat[near_i]), 0)
        node = np.maximum(layer("node", flat[i]), 0)
        logit = layer("edge_logit", edge)[:, 0] + layer("node_logit", node)[0]
        logit = np.where(logit > 0, logit, 0.2 * logit)
        weight = np.exp(logit) / np.exp(logit).sum()
        np.testing.assert_allclose(total.reshape(8, 5)[i], weight @ edge, atol=1e-5)
        np.testing.assert_allclose(top.reshape(8, 5)[i], edge.max(0), atol=1e-5)


def test_masses_begin_near_that_of_the_jet(inputs: list[Path]) -> None:
    import keras
    import vector

    from boostflow.models.attention import masses

    jets = read_parquet(inputs[0])
    found = packed.layout(GraphNetwork(**SMALL).packing()).pack(jets, "toy")
    x, mean = keras.Input((None, 2)), keras.Input((2,))
    mask, momenta = keras.Input((None, 1)), keras.Input((None, 4))
    network = keras.Model([x, mean, mask, momenta], masses(x, mean, mask, momenta, 3))
    for weight in network.weights:
        # Weights of 1: a kernel of 0, an offset beyond which a sigmoid is 1.
        weight.assign(np.full(weight.shape, 30.0 if "bias" in weight.path else 0.0))
    there = found.there[..., None].astype(np.float32)
    zeros = np.zeros((*there.shape[:2], 2), np.float32)
    logarithms = network([zeros, zeros[:, 0], there, found.spread(found.momenta)])
    parts = vector.awk(
        ak.zip({k: jets[f"pf_{k}"] for k in ("pt", "eta", "phi", "mass")}, with_name="Momentum4D")
    )
    hardest = ak.argsort(jets.pf_pt, ascending=False)[:, :64]
    wanted = ak.to_numpy(ak.sum(parts[hardest], axis=1).mass)
    np.testing.assert_allclose(
        100 * np.exp(np.asarray(logarithms) / 2), np.stack([wanted] * 3, axis=1), rtol=1e-3
    )


def test_no_constituents_is_said(models: dict[str, Path], inputs: list[Path]) -> None:
    jets = read_parquet(inputs[0])[:4]
    empty = with_particles(jets, ak.Array([[0], [], [1], [0]]))
    with pytest.raises(BoostflowError, match="1 jets have no constituents"):
        score(models["one graph"], empty)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"attention": [8, 0]}, r"net.attention: \[8, 0\]: every width must be at least 1"),
        ({"hidden": [[8], [0]]}, r"net.hidden: \[\[8\], \[0\]\]: every width must be at least 1"),
        ({"attention": [8]}, r"net.hidden: .* for each of the 1 attention blocks"),
        ({"hidden": [[8], []]}, r"net.hidden: .* not empty, for each of the 2 attention blocks"),
        ({"head": [0]}, r"net.head: \[0\]: every width must be at least 1"),
        ({"neighbours": 1}, "net.neighbours.*greater than or equal to 2"),
    ],
)
def test_what_a_block_may_not_say(keys: dict, message: str, repository: Path) -> None:
    with pytest.raises(BoostflowError, match=message):
        load({"models": {"net": {"kind": "graph", **keys}}, "infer": None}, repository)

"""What tests of networks that read constituents share: small ones, their scores, Keras' own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from boostflow.models import packed
from boostflow.models.networks import TaggerBlock
from boostflow.models.score import score
from support import conformance

MOMENTUM = ("pf_pt", "pf_eta", "pf_phi", "pf_mass")


def trained(
    inputs: list[Path], block: type[TaggerBlock], kinds: Mapping[str, Any], folder: Path
) -> dict[str, Path]:
    """Folders of small networks.

    Args:
        inputs: selected jets.
        block: of the family.
        kinds: keys of the block by name of the network.
        folder: to write into.
    """
    result = {}
    for name, keys in kinds.items():
        (folder / name).mkdir()
        result[name] = conformance.train(inputs, block(**keys), folder / name)
    return result


def outputs(model: Path, jets: ak.Array) -> np.ndarray:
    """Scores of a network, (jets, classes)."""
    found = score(model, jets)
    return np.stack([found[f"p_{name}"] for name in conformance.CLASSES], axis=1)


def given(config: TaggerBlock, jets: ak.Array) -> dict[str, np.ndarray]:
    """All inputs of a network, by name."""
    columns = [np.asarray(jets[name], np.float32) for name in config.observables]
    observables = np.stack(columns, 1) if columns else np.zeros((len(jets), 0), np.float32)
    return packed.given(config, packed.layout(config.packing()).pack(jets, "toy"), observables)


def of_keras(model: Path, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Probabilities by the Keras file of a network, (jets, classes)."""
    import keras

    network = keras.models.load_model(model / "model.keras")
    logits = np.asarray(network(list(inputs.values()), training=False))
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def with_particles(jets: ak.Array, order: ak.Array) -> ak.Array:
    """Jets with their constituents in another order, or some of them."""
    for name in MOMENTUM:
        jets = ak.with_field(jets, jets[name][order], name)
    return jets


def shuffled(jets: ak.Array) -> ak.Array:
    """Jets whose constituents are in another order."""
    rng = np.random.default_rng(1)
    return with_particles(jets, ak.Array([rng.permutation(n) for n in ak.num(jets.pf_pt)]))


def assert_no_order_matters(model: Path, jets: ak.Array, atol: float) -> None:
    """That of constituents does not, nor do other jets of a batch: padding has no effect."""
    wanted = outputs(model, jets)
    np.testing.assert_allclose(outputs(model, shuffled(jets)), wanted, atol=atol)
    few = ak.to_numpy(ak.argsort(ak.num(jets.pf_pt))[:3])
    np.testing.assert_allclose(outputs(model, jets[few]), wanted[few], atol=atol)

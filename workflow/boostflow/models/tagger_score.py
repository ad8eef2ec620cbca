"""Scores of networks that read constituents: a probability of each class, by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.constituents.catalogue import needed
from boostflow.constituents.particles import require
from boostflow.io import read_json
from boostflow.models import packed
from boostflow.models.family import families
from boostflow.models.networks import TaggerBlock
from boostflow.models.runtime import session
from boostflow.models.tabular import matrix
from boostflow.training.data import in_order

ONNX = "model.onnx"
PROBABILITIES = "probabilities"
"""Name of the graph's output; its inputs are called as the network's."""
BATCH = 512
JETS = "jets to score"


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """Class probabilities, `p_<class>`, each of shape (jets,).

    Args:
        model: folder of the trained network.
        jets: with the columns of the features and observables that it was trained on.
        threads: that compute at the same time.

    Raises:
        BoostflowError: the model is damaged, or a column is missing or not finite.
    """
    about = read_json(model / "manifest.json")
    block = families()[about["kind"]].block.model_validate(about["config"])
    assert isinstance(block, TaggerBlock)
    network = session(model / ONNX, threads)
    kept, names = packed.layout(about["packing"]), about["packing"]["observables"]
    require(jets, JETS, needed(kept.features))
    x = matrix(jets, names, JETS) if names else np.empty((len(jets), 0), np.float32)
    particles = kept.pack(jets, JETS)
    # Jets of a batch have about as many constituents, so little is padded.
    order = np.argsort(particles.counts, kind="stable")
    result = np.empty((len(jets), len(about["classes"])), np.float32)
    for rows in in_order(order, BATCH):
        given = packed.given(block, particles.take(rows), x[rows])
        (result[rows],) = network.run([PROBABILITIES], {k: exported(v) for k, v in given.items()})
    return {f"p_{name}": result[:, i] for i, name in enumerate(about["classes"])}


def exported(x: NDArray) -> NDArray:
    """An input in the type that it has in an exported graph."""
    return x.astype(np.int64) if x.dtype.kind == "i" else x

"""Trained networks at work: from jets to a probability of each class, by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from boostflow.models.runtime import session
from boostflow.training.data import in_order

if TYPE_CHECKING:
    import awkward as ak

ONNX, KERAS = "model.onnx", "model.keras"
"""Files of a trained network: from its inputs to probabilities, and the same to logits."""
PROBABILITIES = "probabilities"
"""Name of the output of an ONNX graph."""
BATCH = 512
"""Jets that are scored together."""


class Source(Protocol):
    """The inputs of a network, of some jets."""

    def __len__(self) -> int:
        """Number of jets."""

    @property
    def work(self) -> NDArray[np.integer]:
        """How much there is to do for each jet, (N,)."""

    def batch(self, rows: NDArray[np.int64]) -> tuple[NDArray, ...]:
        """All inputs of the named jets in the network's order; the first axis is that of jets."""


class Sources(Protocol):
    """What the module `Family.score` of networks holds that can be parts of others."""

    def source(self, about: Mapping[str, Any], jets: ak.Array) -> Source:
        """The inputs of a trained network.

        Args:
            about: the network's manifest.
            jets: selected jets.

        Raises:
            BoostflowError: a column is missing or not finite.
        """


def probabilities(
    model: Path, about: Mapping[str, Any], source: Source, threads: int
) -> dict[str, NDArray[np.float32]]:
    """Class probabilities, `p_<class>`, each of shape (jets,).

    Args:
        model: folder of the trained network.
        about: its manifest.
        source: its inputs.
        threads: that compute at the same time.

    Raises:
        BoostflowError: the network is missing or damaged.
    """
    network = session(model / ONNX, threads)
    names = [given.name for given in network.get_inputs()]
    # Jets of a batch have about as much to do for each, so that little is padded.
    order = np.argsort(source.work, kind="stable")
    result = np.empty((len(source), len(about["classes"])), np.float32)
    for rows in in_order(order, BATCH):
        given = dict(zip(names, map(exported, source.batch(rows)), strict=True))
        (result[rows],) = network.run([PROBABILITIES], given)
    return {f"p_{name}": result[:, i] for i, name in enumerate(about["classes"])}


def exported(x: NDArray) -> NDArray:
    """An input in the type that it has in an exported graph."""
    return x.astype(np.int64) if x.dtype.kind == "i" else x

"""Scores of networks that read constituents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.constituents.particles import require
from boostflow.io import read_json
from boostflow.models import packed
from boostflow.models.family import families
from boostflow.models.network_score import probabilities
from boostflow.models.networks import TaggerBlock
from boostflow.models.tabular import matrix

JETS = "jets to score"


class Constituents:
    """The inputs of a network that reads constituents (`network_score.Source`)."""

    def __init__(self, about: Mapping[str, Any], jets: ak.Array) -> None:
        """Pack some jets.

        Args:
            about: manifest of the network.
            jets: with the columns of its features and observables.

        Raises:
            BoostflowError: a column is missing or not finite.
        """
        block = families()[about["kind"]].block.model_validate(about["config"])
        assert isinstance(block, TaggerBlock)
        self.block, packing = block, about["packing"]
        kept = packed.layout(packing)
        require(jets, JETS, kept.needed())
        self.observables = matrix(jets, packing["observables"], JETS)
        self.packed = kept.pack(jets, JETS)

    def __len__(self) -> int:
        return len(self.packed)

    @property
    def work(self) -> NDArray[np.integer]:
        """Constituents of each jet, (N,)."""
        return self.packed.counts

    def batch(self, rows: NDArray[np.int64]) -> tuple[NDArray, ...]:
        """All inputs of the named jets."""
        given = packed.given(self.block, self.packed.take(rows), self.observables[rows])
        return tuple(given.values())


source = Constituents
"""The inputs of a trained network; see `network_score.Sources`."""


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
    return probabilities(model, about, source(about, jets), threads)

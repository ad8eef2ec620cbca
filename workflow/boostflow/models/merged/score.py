"""Scores of merged networks: a probability of each class, by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.io import read_json
from boostflow.models.family import families
from boostflow.models.network_score import Source, probabilities


def leaves(about: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Manifests of the networks that read jets, in the order of the inputs: parts, and theirs."""
    if "parts" not in about:
        yield about
        return
    for part in about["parts"]:
        yield from leaves(part["manifest"])


class Joined:
    """The inputs of all parts (`network_score.Source`)."""

    def __init__(self, sources: Sequence[Source]) -> None:
        """`sources`: of the same jets."""
        self.sources = sources

    def __len__(self) -> int:
        return len(self.sources[0])

    @property
    def work(self) -> NDArray[np.integer]:
        """How much there is to do for each jet, (N,)."""
        return np.sum([source.work for source in self.sources], axis=0)

    def batch(self, rows: NDArray[np.int64]) -> tuple[NDArray, ...]:
        """All inputs of the named jets, part by part."""
        return tuple(x for source in self.sources for x in source.batch(rows))


def source(about: Mapping[str, Any], jets: ak.Array) -> Joined:
    """The inputs of a trained network; see `network_score.Sources`."""
    parts = list(leaves(about))
    modules = [families()[part["kind"]].module("score") for part in parts]
    return Joined([module.source(part, jets) for module, part in zip(modules, parts, strict=True)])


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """Class probabilities, `p_<class>`, each of shape (jets,).

    Args:
        model: folder of the trained network.
        jets: with all columns that its parts were trained on.
        threads: that compute at the same time.

    Raises:
        BoostflowError: the model is damaged, or a column is missing or not finite.
    """
    about = read_json(model / "manifest.json")
    return probabilities(model, about, source(about, jets), threads)

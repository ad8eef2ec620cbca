"""Showers from the networks: energy is split, generation by generation, in all parts at once.

A split is empty on one side, or the logarithm of the ratio of both sides is drawn from Gaussians.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter.geometry import CELLS
from boostflow.errors import BoostflowError
from boostflow.models.runtime import session
from boostflow.models.splitnet.tree import CAP, inputs, tree

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

INPUT, OUTPUT = "energies", "splits"
"""Names in the graphs: what is seen of splits (R, F), their parameters (R, 3 + 3 K)."""
KINDS = 3
"""Logits of a split before the parameters of the Gaussians: all on the left, all on the right, on
both sides."""
LEAST = 0.03
"""Choices that are less likely than this are not drawn: a network never says 0, and among 504
splits of a shower a wrong one of large parts would be too frequent."""
LIMIT = 14.0
"""Largest logarithm of a ratio of both sides."""
LOG_WIDTHS = (-7.0, 3.0)
"""Smallest and largest logarithm of the width of a Gaussian."""


def file_of(number: int) -> str:
    """The name of the network of a generation."""
    return f"split_{number:02}.onnx"


class Generator:
    """Showers from trained networks."""

    def __init__(self, networks: list[InferenceSession]) -> None:
        """Of the network of each generation."""
        self.networks, self.tree = networks, tree()

    def generate(self, energy: NDArray, rng: np.random.Generator) -> NDArray[np.float32]:
        """Cells (MeV) of showers, shape (N, 504); see `boostflow.models.generating.Generates`."""
        parts = (CAP * 1000 * np.asarray(energy, np.float32))[:, None]
        for generation, network in zip(self.tree.generations, self.networks, strict=True):
            whole = parts[:, generation.parents]
            # Most parts are empty in the end, and have nothing to split.
            showers, splits = np.nonzero(whole)
            seen = inputs(generation, parts, showers, splits)
            share = np.zeros_like(whole)
            if len(seen):
                (found,) = network.run([OUTPUT], {INPUT: seen})
                if parts.shape[1] == 1:
                    # No shower is empty, and none has all of what is split at first.
                    found[:, : KINDS - 1] = -np.inf
                share[showers, splits] = drawn(found, rng)
            after = np.empty((len(parts), generation.width + len(generation.parents)), np.float32)
            after[:, generation.left] = whole * share
            after[:, generation.right] = whole * (1 - share)
            after[:, generation.moved] = parts[:, generation.kept]
            parts = after
        cells = np.empty((len(parts), CELLS), np.float32)
        cells[:, self.tree.cells] = parts[:, :-1]
        return cells


def drawn(found: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Parts of the energy on the left side, shape (R,).

    Args:
        found: parameters of splits, shape (R, 3 + 3 K).
        rng: whatever is random is drawn from it.
    """
    number = (found.shape[1] - KINDS) // 3
    kinds, weights, means, widths = np.split(found, KINDS + number * np.arange(3), axis=1)
    rows = np.arange(len(found))
    side, which = chosen(kinds, rng), chosen(weights, rng)
    width = np.exp(np.clip(widths[rows, which], *LOG_WIDTHS))
    logarithm = means[rows, which] + width * rng.standard_normal(len(found), np.float32)
    share = 1 / (1 + np.exp(-np.clip(logarithm, -LIMIT, LIMIT)))
    share[side == 0], share[side == 1] = 1.0, 0.0
    return share.astype(np.float32)


def chosen(logits: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int64]:
    """One of K, by chance, for logits of shape (R, K); none that is as unlikely as `LEAST`."""
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    power[power < LEAST * power.sum(axis=1, keepdims=True)] = 0.0
    reached = np.cumsum(power, axis=1)
    place = rng.random(len(logits), np.float32) * reached[:, -1]
    return (place[:, None] >= reached[:, :-1]).sum(axis=1)


def load(model: Path) -> Generator:
    """The generator of a trained model.

    Raises:
        BoostflowError: a network is missing or damaged, or splits other parts.
    """
    networks = []
    for number, generation in enumerate(tree().generations):
        network = session(model / file_of(number), 1)
        if network.get_inputs()[0].shape[1:] != [sum(x.shape[1] for x in generation[-2:])]:
            raise BoostflowError(
                f"{model / file_of(number)}: sees other parts than this version makes: train it"
                " again"
            )
        networks.append(network)
    return Generator(networks)

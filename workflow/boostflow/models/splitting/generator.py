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
from boostflow.models.splitting.tree import CAP, inputs, tree

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

INPUT, OUTPUT = "energies", "splits"
"""Names in the graphs: logarithms of energies (B, parts), parameters (B, splits, 3 + 3 K)."""
KINDS = 3
"""Logits of a split before the parameters of the Gaussians: all on the left, all on the right, on
both sides."""
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
            (found,) = network.run([OUTPUT], {INPUT: inputs(parts)})
            logarithm, sides = drawn(found, rng)
            whole = parts[:, generation.parents]
            after = np.empty((len(parts), generation.width + len(generation.parents)), np.float32)
            share = 1 / (1 + np.exp(-logarithm))
            share[sides == 0], share[sides == 1] = 1.0, 0.0
            after[:, generation.left] = whole * share
            after[:, generation.right] = whole * (1 - share)
            after[:, generation.moved] = parts[:, generation.kept]
            parts = after
        cells = np.empty((len(parts), CELLS), np.float32)
        cells[:, self.tree.cells] = parts[:, :-1]
        return cells


def drawn(
    found: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Logarithms of the ratio of both sides, and where energy is, of `KINDS`; shape (N, S) each.

    Args:
        found: parameters of the splits, shape (N, S, 3 + 3 K).
        rng: whatever is random is drawn from it.
    """
    number = (found.shape[2] - KINDS) // 3
    weights, means, widths = (
        found[:, :, KINDS + k * number : KINDS + (k + 1) * number] for k in range(3)
    )
    sides = chosen(found[:, :, :KINDS], rng)
    which = chosen(weights, rng)[:, :, None].astype(np.intp)
    mean = np.take_along_axis(means, which, 2)[:, :, 0]
    width = np.exp(np.clip(np.take_along_axis(widths, which, 2)[:, :, 0], *LOG_WIDTHS))
    logarithm = mean + width * rng.standard_normal(mean.shape, np.float32)
    return np.clip(logarithm, -LIMIT, LIMIT), sides


def chosen(logits: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int8]:
    """One of K, by chance, for logits of shape (..., K)."""
    power = np.exp(logits - logits.max(axis=-1, keepdims=True))
    reached = np.cumsum(power, axis=-1)
    drawn_at = rng.random(logits.shape[:-1], np.float32) * reached[..., -1]
    found: NDArray[np.int8] = (drawn_at[..., None] >= reached[..., :-1]).sum(axis=-1, dtype=np.int8)
    return found


def load(model: Path) -> Generator:
    """The generator of a trained model.

    Raises:
        BoostflowError: a network is missing or damaged, or splits other parts.
    """
    networks = []
    for number, generation in enumerate(tree().generations):
        network = session(model / file_of(number), 1)
        shapes = network.get_inputs()[0].shape[1:], network.get_outputs()[0].shape[1:2]
        if shapes != ([generation.width], [len(generation.parents)]):
            raise BoostflowError(
                f"{model / file_of(number)}: splits other parts than this calorimeter has: train"
                " it again"
            )
        networks.append(network)
    return Generator(networks)

"""The narrow place of a bottleneck: whole numbers that a network makes of the columns of a jet.

They are coded first, and the columns by what they say. Only who compresses needs this network: what
comes back depends on the numbers alone, so it may compute in floating point.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.models.autoencoder import exact
from boostflow.models.autoencoder.block import LATENTS_MAX

LEAK = 0.2
"""Slope of the leaky ReLU below 0."""


class Latent:
    """One of the numbers, as codes from 0 to `codes` - 1."""

    codes = 255
    center = 127.0
    spread = 16.0
    """Codes in a unit of what networks see of it."""

    def input(self, code: NDArray[np.int64]) -> NDArray[np.float64]:
        """What the networks of later numbers and columns see, in whole numbers, shape (jets,)."""
        return exact.inputs(np.asarray((code - self.center) / self.spread, np.float64))


@dataclass
class Narrow:
    """The trained network from columns to latents."""

    weights: list[NDArray[np.float32]]
    """Of each layer the weights (I, O) and the biases (O,), from the columns to the latents."""
    gains: NDArray[np.float32]
    """Codes in a unit of the last layer's outputs, one over the learned steps, shape (latents,)."""
    activation: str
    """Of hidden layers: `leaky_relu` or `tanh`."""
    residual: bool
    """Whether hidden layers add to what they read, where that is as wide."""

    def codes(self, inputs: Sequence[NDArray[np.float64]]) -> NDArray[np.int64]:
        """Latents of N jets, shape (N, latents).

        Args:
            inputs: what networks see of each column, in whole numbers, shape (N,) each.
        """
        h = (np.stack(inputs, axis=1) * 2.0**-exact.INPUTS).astype(np.float32)
        for at in range(0, len(self.weights) - 2, 2):
            more = h @ self.weights[at] + self.weights[at + 1]
            more = np.tanh(more) if self.activation == "tanh" else np.maximum(more, LEAK * more)
            h = more + h if self.residual and more.shape == h.shape else more
        far = (h @ self.weights[-2] + self.weights[-1]) * self.gains
        return np.clip(np.rint(far) + Latent.center, 0, Latent.codes - 1).astype(np.int64)

    def data(self) -> dict[str, Any]:
        """All that `of` needs, as JSON data."""

        def text(array: NDArray) -> dict[str, Any]:
            content = base64.b64encode(array.astype("<f4").tobytes()).decode()
            return {"shape": list(array.shape), "float32": content}

        return {
            "weights": [text(array) for array in self.weights],
            "gains": text(self.gains),
            "activation": self.activation,
            "residual": self.residual,
        }

    @classmethod
    def of(cls, data: Mapping[str, Any], columns: int) -> Narrow:
        """The network that `data` described.

        Args:
            data: of another one.
            columns: that it reads.

        Raises:
            KeyError, TypeError, ValueError: the data are not those of a network.
        """

        def array(item: Mapping[str, Any]) -> NDArray[np.float32]:
            content = base64.b64decode(item["float32"], validate=True)
            return np.frombuffer(content, "<f4").astype(np.float32).reshape(item["shape"])

        found = cls(
            [array(item) for item in data["weights"]],
            array(data["gains"]),
            str(data["activation"]),
            bool(data["residual"]),
        )
        width = columns
        for weight, bias in zip(found.weights[::2], found.weights[1::2], strict=True):
            if weight.shape != (width, len(bias)):
                raise ValueError("layers of other widths")
            width = len(bias)
        if found.gains.shape != (width,) or not 1 <= width <= LATENTS_MAX:
            raise ValueError("another number of latents")
        return found

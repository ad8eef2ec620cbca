"""The network of each column in whole numbers: every sum is exact, in whatever order it is made.

Weights and activations are integers in double precision, and no sum of products reaches 2^53. So a
matrix product has the same bits on every machine, which decoding depends on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

INPUTS, HIDDEN, WEIGHTS, OUTPUTS, SKIPS = 20, 16, 12, 16, 19
"""Binary digits behind the point: of inputs and activations; of weights of hidden layers, of the
output layer, and of those that lead past the hidden layers."""
FARTHEST = 8.0
"""Inputs and weights are cut off here (weights of `skip` at half of it), activations at 64."""

ACTIVATIONS_MAX = float(64 << HIDDEN)


class Layers(NamedTuple):
    """The network of one column, which reads I inputs, with H hidden units and O outputs."""

    first: NDArray[np.float64]
    """(I, H)."""
    first_bias: NDArray[np.float64]
    """(H,)."""
    second: NDArray[np.float64]
    """(H, H): adds to what it reads."""
    second_bias: NDArray[np.float64]
    """(H,)."""
    last: NDArray[np.float64]
    """(H, O)."""
    last_bias: NDArray[np.float64]
    """(O,)."""
    skip: NDArray[np.float64]
    """(I, O): from the inputs to the outputs."""

    def data(self) -> dict[str, Any]:
        """The integers, as JSON data."""
        return {name: np.rint(x).astype(int).tolist() for name, x in self._asdict().items()}

    @classmethod
    def of(cls, data: Mapping[str, Any], inputs: int) -> Layers:
        """The network that `data` described.

        Raises:
            KeyError, TypeError, ValueError: the data are not those of a network.
        """
        found = {name: np.array(data[name], np.float64) for name in cls._fields}
        hidden, outputs = found["last"].shape
        # JSON has no empty rows.
        found["first"] = found["first"].reshape(inputs, hidden)
        found["skip"] = found["skip"].reshape(inputs, outputs)
        layers = cls(**found)
        shapes = [x.shape for x in (layers.first_bias, layers.second, layers.second_bias)]
        if shapes != [(hidden,), (hidden, hidden), (hidden,)] or len(layers.last_bias) != outputs:
            raise ValueError("layers of other widths")
        return layers


def whole(layers: Layers) -> Layers:
    """A trained network in whole numbers.

    Args:
        layers: weights as they were trained.
    """

    def fixed(x: NDArray, digits: int, most: float) -> NDArray[np.float64]:
        return np.rint(np.clip(x.astype(np.float64), -most, most) * 2.0**digits)

    return Layers(
        fixed(layers.first, WEIGHTS, FARTHEST),
        fixed(layers.first_bias, INPUTS + WEIGHTS, FARTHEST),
        fixed(layers.second, WEIGHTS, FARTHEST),
        fixed(layers.second_bias, HIDDEN + WEIGHTS, FARTHEST),
        fixed(layers.last, OUTPUTS, FARTHEST),
        fixed(layers.last_bias, HIDDEN + OUTPUTS, 64.0),
        fixed(layers.skip, SKIPS, FARTHEST / 2),
    )


def inputs(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inputs in whole numbers, of any shape."""
    return np.rint(np.clip(x, -FARTHEST, FARTHEST) * 2.0**INPUTS)


ROWS = 4096
"""Jets at a time, so that what lies between two layers stays in the cache."""


def _activated(sums: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    """ReLU, with `digits` fewer binary digits, in place."""
    sums *= 2.0**-digits
    np.clip(sums, 0.0, ACTIVATIONS_MAX, out=sums)
    return np.rint(sums, out=sums)


def outputs(layers: Layers, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the network gives, shape (N, O).

    Args:
        layers: in whole numbers.
        x: in whole numbers, shape (N, I).
    """
    found = np.empty((len(x), len(layers.last_bias)))
    for start in range(0, len(x), ROWS):
        some = x[start : start + ROWS]
        h = _activated(some @ layers.first + layers.first_bias, INPUTS + WEIGHTS - HIDDEN)
        h += _activated(h @ layers.second + layers.second_bias, WEIGHTS)
        past = (some @ layers.skip) * 2.0 ** -(INPUTS + SKIPS)
        last = (h @ layers.last + layers.last_bias) * 2.0 ** -(HIDDEN + OUTPUTS)
        np.add(last, past, out=found[start : start + ROWS])
    return found

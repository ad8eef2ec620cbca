"""Features as fixed-point numbers: what a trigger's electronics would hand to the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError

INTEGER = 2
"""Bits before the point of a number on the grid, besides its sign: it is between -4 and 4."""
TAILS = (0.5, 99.5)
"""Percentiles between which the grid of a feature lies where no range is given."""
BEYOND = 0.01
"""Largest part of the training jets that may be beyond a range that is given."""


@dataclass(frozen=True)
class Grid:
    """A range of each feature in steps, which become numbers of `bits` bits in [-4, 4)."""

    features: Sequence[str]
    low: Sequence[float]
    high: Sequence[float]
    logarithmic: Sequence[bool]
    """Whether the steps are equal in the logarithm."""
    bits: int

    @property
    def kif(self) -> tuple[int, int, int]:
        """Sign, bits before and bits after the point of a number on the grid."""
        return 1, INTEGER, self.bits - 1 - INTEGER

    def codes(self, x: NDArray) -> NDArray[np.int64]:
        """Numbers of the steps, signed integers of `bits` bits; jets beyond are at the ends.

        Args:
            x: observables, shape (jets, features).
        """
        low, high = np.asarray(self.low), np.asarray(self.high)
        inside = np.clip(x.astype(np.float64), low, high)
        of_log = np.flatnonzero(self.logarithmic)
        for ends in (inside.T, low, high):
            ends[of_log] = np.log(ends[of_log])
        half = 1 << (self.bits - 1)
        steps = np.floor((inside - low) / (high - low) * (2 * half))
        return np.clip(steps, 0, 2 * half - 1).astype(np.int64) - half

    def values(self, x: NDArray) -> NDArray[np.float32]:
        """Observables as numbers of the grid in [-4, 4), which float32 holds exactly.

        Args:
            x: observables, shape (jets, features).

        Returns:
            Shape (jets, features).
        """
        return np.ldexp(self.codes(x).astype(np.float32), -self.kif[2])

    @classmethod
    def of(
        cls,
        x: NDArray,
        features: Sequence[str],
        ranges: Mapping[str, Sequence[float]],
        bits: int,
        logarithms: bool = False,
    ) -> Self:
        """The grid of a training.

        Args:
            x: observables of the training jets, shape (jets, features).
            features: their names.
            ranges: lower and upper end by feature; that of others holds 99 % of the jets.
            bits: of a number on the grid.
            logarithms: whether the steps of features with a positive range are equal in the
                logarithm.

        Raises:
            BoostflowError: more than 1 % of the jets are beyond a given range.
        """
        low, high = (np.percentile(x, percent, axis=0).tolist() for percent in TAILS)
        for i, name in enumerate(features):
            if name in ranges:
                low[i], high[i] = ranges[name]
                beyond = float(np.mean((x[:, i] < low[i]) | (x[:, i] >= high[i])))
                if beyond > BEYOND:
                    raise BoostflowError(
                        f"{name}: {beyond:.1%} of the training jets are beyond the fixed-point"
                        f" range [{low[i]:g}, {high[i]:g}), which holds 99 %: widen"
                        f" `ranges: {{{name}: ...}}` (they are between {x[:, i].min():.4g} and"
                        f" {x[:, i].max():.4g})"
                    )
            elif high[i] <= low[i]:
                low[i], high[i] = low[i] - 0.5, low[i] + 0.5
        return cls(list(features), low, high, [logarithms and end > 0 for end in low], bits)

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """The grid that a manifest holds, see `data`."""
        return cls(**content)

    def data(self) -> dict[str, Any]:
        """The grid as JSON data."""
        return dict(vars(self))

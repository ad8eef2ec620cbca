"""Columns as integers, within the bound of each, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from boostflow.config.rounding import Rounded

SLACK = 1e-3
"""Part of a bound that is left for the rounding of what comes back to single precision."""
SMALLEST = 1e-12
"""Numbers nearer to 0 than this, but for 0 itself, are kept as they are under a relative bound."""
LARGEST = 2**53
"""Integers beyond this are not told apart by double precision, and kept as they are."""


class Rounding:
    """A column as integers.

    Under an absolute bound they count steps of twice the bound, under a relative one such steps of
    the logarithm, with the sign of the number, and 0 for 0. Steps of an angle divide the circle.
    """

    def __init__(self, declared: Rounded) -> None:
        """`declared`: what the column is, and how far it may be off."""
        self.declared = declared
        self.turn = 0
        """Steps in a turn of an angle; 0 for what is none."""
        if declared.bound is None:
            self.step = 1.0
        elif declared.is_relative:
            self.step = 2 * math.log1p(declared.bound) * (1 - SLACK)
            self.first = round(math.log(SMALLEST) / self.step) - 1
        else:
            self.step = 2 * declared.bound * (1 - SLACK)
            if declared.type == "angle":
                self.turn = math.ceil(2 * math.pi / self.step)
                self.step = 2 * math.pi / self.turn

    def integers(self, values: NDArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Integers that stand for values, and which values they stand for within the bound.

        Args:
            values: of any type of numbers, shape (jets,).

        Returns:
            integers (jets,), 0 where there is none that will do; and where there is one (jets,).
        """
        x = values.astype(np.float64)
        good = np.isfinite(x)
        x = np.where(good, x, 0.0)
        if self.declared.type == "positive":
            good &= x >= 0
        if self.declared.is_relative:
            size = np.abs(x)
            logs = np.rint(np.log(np.maximum(size, SMALLEST)) / self.step) - self.first
            q = np.where(size > 0, np.sign(x) * logs, 0.0)
        else:
            with np.errstate(over="ignore"):  # too many steps is told below
                q = np.rint(x / self.step)
        good &= np.abs(q) < LARGEST
        q = np.where(good, q, 0.0).astype(np.int64)
        if self.turn:
            q = (q + self.turn // 2) % self.turn - self.turn // 2
        good &= self._within(x, self.values(q, values.dtype).astype(np.float64))
        if self.declared.type == "integer" and values.dtype.kind in "iu":
            good &= q.astype(values.dtype) == values
        return np.where(good, q, 0), good

    def values(self, integers: NDArray[np.int64], kind: np.dtype) -> NDArray:
        """The values that integers stand for.

        Args:
            integers: shape (jets,).
            kind: type of the column.
        """
        if self.declared.is_relative:
            with np.errstate(over="ignore"):  # the step above the largest double
                size = np.exp((np.abs(integers) + self.first) * self.step)
            x = np.where(integers == 0, 0.0, np.sign(integers) * size)
        else:
            x = integers * self.step
        if kind.kind in "iu":
            limits = np.iinfo(kind)
            # Beyond 2^53 the limits themselves are not told apart from what lies past them.
            x = np.clip(np.rint(x), max(limits.min, -LARGEST), min(limits.max, LARGEST))
        elif kind == np.float32:
            x = np.clip(x, -np.finfo(kind).max, np.finfo(kind).max)
        return x.astype(kind)

    def rounded(self, values: NDArray) -> NDArray:
        """What comes back of values, shape (jets,); those that no integer stands for stay."""
        q, good = self.integers(values)
        return np.where(good, self.values(q, values.dtype), values)

    def _within(self, x: NDArray[np.float64], back: NDArray[np.float64]) -> NDArray[np.bool_]:
        return self.error(x, back) <= (self.declared.bound or 0.0)

    def error(self, x: NDArray[np.float64], back: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each value is off, as its bound counts it, shape (jets,)."""
        off = np.abs(back - x)
        if self.turn:
            off = off % (2 * math.pi)
            off = np.minimum(off, 2 * math.pi - off)
        if self.declared.is_relative:
            size = np.abs(x)
            with np.errstate(over="ignore"):
                return np.where(off == 0, 0.0, off / np.where(size > 0, size, 1e-300))
        return off


def roundings(columns: Mapping[str, Rounded]) -> dict[str, Rounding]:
    """The rounding of each column, by name."""
    return {name: Rounding(declared) for name, declared in columns.items()}

"""Declared weights of selected jets: what nominal multiplies, and columns of relative variations.

Corrections are evaluated after all shifts and cuts: a scale factor takes the shifted pT, and need
not be defined for jets and events that are not selected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.config.weights import (
    ABSOLUTE,
    VARIED,
    SampleWeight,
    Side,
    branch_column,
    column_of,
    relative_column,
)
from boostflow.correctionfile import WAY_OUT
from boostflow.errors import BoostflowError
from boostflow.weightfile import WeightCorrection

Factors = NDArray[np.float64]


class Weigher:
    """The weights of one sample.

    Args:
        sample: its name, for messages.
        weights: by name; their `file` can be opened.

    Raises:
        BoostflowError: a correction is not there.
    """

    def __init__(self, sample: str, weights: Mapping[str, SampleWeight]) -> None:
        self.sample, self.weights = sample, weights
        self.corrections = {
            name: WeightCorrection(block.file, block.correction)
            for name, block in weights.items()
            if block.file is not None and block.correction is not None
        }

    def __call__(self, rows: ak.Array, file: str) -> tuple[ak.Array, Factors]:
        """The jets with columns of relative weights, and the product of their nominal weights.

        Relative is up over nominal; 1 where both are 0.

        Args:
            rows: selected jets, shape (jets,).
            file: where they are from, for messages.

        Raises:
            BoostflowError: a weight is not finite, negative, or not defined; or a variation is not
                0 where nominal is.
        """
        product = np.ones(len(rows))
        for name, block in self.weights.items():
            found = {side: self._values(rows, file, name, side) for side in block.sides()}
            nominal = found["nominal"]
            if block.apply:
                product = product * nominal
            for side in VARIED:
                if side in found:
                    relative = self._relative(rows, file, f"{name}.{side}", found[side], nominal)
                    rows = ak.with_field(rows, relative, relative_column(name, side))
        return rows, product

    def _values(self, rows: ak.Array, file: str, name: str, side: Side) -> Factors:
        """A weight of each jet."""
        block = self.weights[name]
        source = block.source(side)
        if isinstance(source, str):
            found = self._column(rows, name, branch_column(source))
            if block.apply:
                self._require_weights(rows, file, f"{name} ({side})", found)
            return found
        columns = {
            taken: self._column(rows, name, column_of(given))
            for taken, given in block.inputs.items()
        }
        correction = self.corrections[name]

        def first(number: int) -> Factors:
            some = {taken: values[:number] for taken, values in columns.items()}
            return np.broadcast_to(correction.evaluate(some, source), (number,))

        try:
            values = first(len(rows))
        except ValueError as error:
            row = _first_failing(first, len(rows))
            given = correction.outside({k: float(column[row]) for k, column in columns.items()})
            text = (
                f"is not defined for {given} ({block.file}: {correction.name}: {error}): {WAY_OUT}"
            )
            raise self._error(rows, file, row, f"{name} ({side})", text) from None
        self._require_weights(rows, file, f"{name} ({side})", values)
        return values

    def _require_weights(self, rows: ak.Array, file: str, what: str, values: Factors) -> None:
        bad = ~np.isfinite(values) | (values < 0)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            text = f"is {values[row]:g}: weights must be finite and not negative"
            raise self._error(rows, file, row, what, text)

    def _relative(
        self, rows: ak.Array, file: str, what: str, varied: Factors, nominal: Factors
    ) -> Factors:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            relative = np.where((nominal == 0) & (varied == 0), 1.0, varied / nominal)
        bad = ~np.isfinite(relative)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            text = (
                f"is {varied[row]:g} where nominal is {nominal[row]:g}: there is no weight relative"
                " to that; make nominal larger than 0 there, or both 0"
            )
            raise self._error(rows, file, row, what, text)
        return relative

    def _column(self, rows: ak.Array, name: str, column: str) -> Factors:
        if column in ABSOLUTE:
            return np.abs(self._column(rows, name, ABSOLUTE[column]))
        if column not in rows.fields:
            raise BoostflowError(
                f"samples.{self.sample}.weights.{name}: needs {column}, which its files do not have"
            )
        return ak.to_numpy(rows[column]).astype(np.float64)

    def _error(self, rows: ak.Array, file: str, row: int, what: str, text: str) -> BoostflowError:
        entry, jet = rows.entry[row], rows.jet_index[row]
        return BoostflowError(
            f"{file}: entry {entry}, fat jet {jet}: samples.{self.sample}.weights.{what} {text}"
        )


def _first_failing(evaluate: Callable[[int], Factors], number: int) -> int:
    """The first row for which a function of a number of rows fails."""
    good, failing = 0, number
    while failing - good > 1:
        middle = (good + failing) // 2
        try:
            evaluate(middle)
            good = middle
        except ValueError:
            failing = middle
    return failing - 1

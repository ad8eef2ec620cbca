"""Selection of rows of tables: a column shifted, limits of columns, and groups in every split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.config.systematics import JetShift
from boostflow.config.tables import Limits
from boostflow.errors import BoostflowError
from boostflow.select.cuts import one_after_another
from boostflow.weightfile import WeightCorrection

if TYPE_CHECKING:
    from boostflow.select.run import Cutflow


class TableCuts:
    """What one job does to the rows of a table.

    Args:
        limits: ranges of columns.
        shift: one direction of the shift of a column, or None.
        corrections: correctionlib file of the shift, where it names a correction.
    """

    def __init__(self, limits: Limits, shift: JetShift | None, corrections: Path | None) -> None:
        self.limits, self.shift, self.path = limits, shift, corrections

    def __call__(self, rows: ak.Array, flow: Cutflow) -> ak.Array:
        """The rows that pass, with `candidate`: each row stands for itself.

        Args:
            rows: of the ingested table.
            flow: rows are counted in it, a step each limit.

        Raises:
            BoostflowError: there is no such column, or the shift is not defined for a row.
        """
        if self.shift is not None and self.shift.column is not None:
            rows = self._shifted(rows, self.shift.column, self.shift)
        weight = ak.to_numpy(rows.genWeight).astype(np.float64)
        passed = np.ones(len(rows), dtype=bool)
        cuts = {}
        for name, (low, high) in self.limits.items():
            value = _column(rows, name)
            cuts[f"{low:g} <= {name} < {high:g}"] = (value >= low) & (value < high)
        for text, passed in one_after_another(cuts).items():
            flow.add(text, passed.sum(), weight[passed].sum())
        return ak.with_field(rows, np.ones(len(rows), dtype=bool), "candidate")[passed]

    def _shifted(self, rows: ak.Array, column: str, shift: JetShift) -> ak.Array:
        size = shift.value if shift.correction is None else self._correction(rows, shift.correction)
        moved = _column(rows, column) + (1 if shift.side == "up" else -1) * np.asarray(size)
        return ak.with_field(rows, moved, column)

    def _correction(self, rows: ak.Array, name: str) -> NDArray[np.float64]:
        """What a correction is for each row; NaN where one of its inputs is NaN."""
        if self.path is None:
            raise BoostflowError(f"a column is to be shifted by {name}, but no corrections given")
        correction = WeightCorrection(self.path, name)
        inputs = {x: _column(rows, x) for x in correction.inputs}
        there = np.isfinite(np.sum([*inputs.values(), np.zeros(len(rows))], axis=0))
        size = np.full(len(rows), np.nan)
        try:
            found = correction.evaluate({x: value[there] for x, value in inputs.items()}, {})
        except ValueError as error:
            raise BoostflowError(
                f"{self.path}: {name} is not defined for all rows: {error}"
            ) from None
        size[there] = found
        return size


def _column(rows: ak.Array, name: str) -> NDArray[np.float64]:
    if name not in rows.fields:
        raise BoostflowError(f"the table has no column {name}; it has {', '.join(rows.fields)}")
    return ak.to_numpy(rows[name]).astype(np.float64)


def require_splits(sample: str, counts: NDArray[np.integer]) -> None:
    """Refuse a sample that a model is trained on and that is not in every split.

    Args:
        sample: its name.
        counts: rows in the training, validation and test split.

    Raises:
        BoostflowError: there are rows, but none in one of the splits.
    """
    names = ("train", "validation", "test")
    if empty := [name for name, n in zip(names, counts, strict=True) if counts.sum() and not n]:
        raise BoostflowError(
            f"sample {sample}: none of its {counts.sum()} rows is in the {' and the '.join(empty)}"
            " split: rows of a `group` stay together, and there are too few groups; name a finer"
            " one, or add files"
        )

"""Theory weights of selected jets: relative to their reference, and normalised.

The weight of member i of an event is m_i / m_0, with the reference m_0 that `boostflow.theory`
names (1 where there is none), over the same ratio of sums over all generated events,

    (sum of w m_i) / (sum of w m_0),    w = genWeight:

nominal and every variation have one rate before any cut, also where events were left out since, and
a variation changes acceptance and shape alone. Sums are those of `Runs` for a skim that has them,
else of the events in the files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import awkward as ak
import numpy as np

from boostflow.theory import NOMINAL_SCALE, branch_of, reference_of

Meta = Mapping[str, Any]


def norms(metas: Sequence[tuple[float | None, Meta]]) -> dict[str, float]:
    """The ratio of sums that divides each column of theory weights; NaN where there is none.

    Args:
        metas: of each part the JSON that ingest wrote, and the factor from the sums of the events
            in it to those before the skim (None: unknown, as no events are left).
    """
    sums: dict[str, list[float]] = {}
    for scale, meta in metas:
        left = {} if scale is None else meta["sumw_weights"]
        found = {name: value * (scale or 0.0) for name, value in left.items()}
        found |= meta["sumw_weights_before"]
        for name, value in found.items():
            total = sums.setdefault(name, [0.0, 0.0])
            total[0] += value
            total[1] += found.get(reference_of(name) or "", meta["sumw"])
    return {
        name: above / below if below and above / below > 0 else np.nan
        for name, (above, below) in sums.items()
    }


class Relative:
    """Divides columns of theory weights, and keeps the first bad value of each.

    Args:
        norms: by column.

    Attributes:
        bad: what is wrong with the first jet that has no finite weight, by column.
    """

    def __init__(self, norms: Mapping[str, float]) -> None:
        self.norms = norms
        self.bad: dict[str, str] = {}

    def __call__(self, rows: ak.Array, file: str) -> ak.Array:
        """The jets with their columns; those that a file lacks are NaN.

        Args:
            rows: jets with the columns as ingest wrote them, shape (jets,).
            file: where they are from, for messages.
        """
        raw = {name: ak.to_numpy(rows[name]) for name in self.norms if name in rows.fields}
        for name, norm in self.norms.items():
            own = raw.get(name, np.full(len(rows), np.nan))
            reference = raw.get(reference_of(name) or "", np.ones(len(rows)))
            with np.errstate(divide="ignore", invalid="ignore"):
                values = own.astype(np.float64) / reference / norm
            bad = ~np.isfinite(values)
            if bad.any() and name not in self.bad:
                row = int(np.flatnonzero(bad)[0])
                self.bad[name] = _why(name, file, rows.entry[row], raw, row, norm)
            if name != NOMINAL_SCALE:
                rows = ak.with_field(rows, np.where(bad, np.nan, values).astype(np.float32), name)
        return rows[[name for name in rows.fields if name != NOMINAL_SCALE]]


def _why(
    name: str, file: str, entry: int, raw: Mapping[str, np.ndarray], row: int, norm: float
) -> str:
    branch, reference = branch_of(name), reference_of(name)
    if name not in raw:
        return f"{file}: has no {name}, which other files of the sample have"
    if not np.isfinite(norm):
        return f"{file}: {name} of {branch} adds up to nothing that it could be normalised to"
    if not np.isfinite(raw[name][row]):
        return f"{file}: entry {entry}: {name} of {branch} is {raw[name][row]:g}, or missing"
    held = raw[reference or name][row]
    return f"{file}: entry {entry}: {reference}, which {name} is relative to, is {held:g}"

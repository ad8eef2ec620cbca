"""Jets as they come back from a compression."""

from __future__ import annotations

from collections.abc import Mapping

import awkward as ak

from boostflow.config.rounding import Rounded
from boostflow.errors import BoostflowError


def compressed(rows: ak.Array, columns: Mapping[str, Rounded]) -> ak.Array:
    """Jets whose columns are replaced by what comes back of them within their bounds.

    Args:
        rows: fat jets.
        columns: those that were compressed; none leaves the jets as they are.

    Raises:
        BoostflowError: the jets lack one of them.
    """
    if not columns or not len(rows):
        return rows
    from boostflow.coding.rounding import roundings

    if missing := [name for name in columns if name not in rows.fields]:
        raise BoostflowError(f"jets: no column {', '.join(missing)}, which a compression replaces")
    for name, rounding in roundings(columns).items():
        rows = ak.with_field(rows, rounding.rounded(ak.to_numpy(rows[name])), name)
    return rows

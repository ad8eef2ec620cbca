"""How a compression is judged: bits of each column and sample on the test split, and errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.coding.codec import Codec
from boostflow.coding.rounding import Rounding
from boostflow.coding.whole import packed
from boostflow.errors import BoostflowError
from boostflow.scored import TEST, Table, rows


def evaluate(table: Table, codec: Codec) -> tuple[dict[str, Any], Table]:
    """Figures of merit, and the test jets behind them.

    Args:
        table: jets of all samples with the codec's columns, `split` and `sample`.
        codec: of the model.

    Returns:
        `bits` of each sample and of all, each a value and its statistical error; `columns`: of each
        the mean `bits`, those of `rounded` numbers that pcodec compresses, those that it needs to
        keep all digits (`lossless`), the root mean square and the largest `error` in the unit of
        its bound, and the number of values that were `kept`; `latents`: bits of what columns share.

    Raises:
        BoostflowError: there are no test jets.
    """
    test = rows(table, table["split"] == TEST)
    if not len(test["split"]):
        raise BoostflowError("no jets in the test split: more events are needed")
    columns = {name: test[name] for name in codec.rounded()}
    bits = codec.bits(columns)
    total = bits.sum(axis=1)
    back = codec.decode(codec.encode(columns))
    figures = {
        name: {"bits": float(bits[:, number].mean())}
        | of_column(Rounding(declared), columns[name], back[name])
        for number, (name, declared) in enumerate(codec.rounded().items())
    }
    of_samples = {
        str(name): _mean(total[test["sample"] == name]) for name in np.unique(test["sample"])
    }
    shared = float(bits[:, len(columns) :].sum(axis=1).mean())
    of_all = {"all": _mean(total), **of_samples}
    return {"bits": of_all, "columns": figures, "latents": shared}, test


def of_column(rounding: Rounding, values: NDArray, back: NDArray) -> dict[str, float]:
    """What rounding alone would take, and how far values are off; see `evaluate`.

    Args:
        rounding: of the column.
        values: shape (jets,).
        back: what came back (jets,).
    """
    integers, good = rounding.integers(values)
    fine = np.isfinite(values)
    off = rounding.error(values[fine].astype(np.float64), back[fine].astype(np.float64))
    return {
        "rounded": size_of(integers) / len(values),
        "lossless": size_of(values) / len(values),
        "rms": float(np.sqrt(np.mean(off**2))) if len(off) else 0.0,
        "largest": float(off.max()) if len(off) else 0.0,
        "bound": rounding.declared.bound or 0.0,
        "kept": int((~good).sum()),
    }


def size_of(values: NDArray) -> float:
    """Bits that pcodec needs for numbers."""
    return 8.0 * len(packed(values))


def _mean(values: NDArray) -> Mapping[str, float]:
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
    return {"value": float(values.mean()), "error": error}

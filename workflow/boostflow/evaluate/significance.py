"""Significance of a counting experiment, and its scan against a cut on a score."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boostflow.errors import BoostflowError
from boostflow.evaluate.curves import FEW
from boostflow.scored import TEST, VALIDATION, Table

CUTS = np.concatenate([np.linspace(0.0, 0.9, 91), 1 - np.geomspace(0.095, 0.001, 40)])
"""Cuts on the score that are scanned: finer towards 1."""
MEASURES = ("s/sqrt(b)", "s/sqrt(s+b)", "asimov")


def asimov(s: ArrayLike, b: ArrayLike, sigma: ArrayLike = 0.0) -> NDArray:
    """Median discovery significance of s on b events with background uncertainty sigma.

    Cowan, Cranmer, Gross, Vitells, Eur. Phys. J. C 71 (2011) 1554, eq. 97; with sigma: Cowan,
    "Discovery sensitivity for a counting experiment with background uncertainty" (2012), eq. 20.
    Broadcasts. NaN where b <= 0 (undefined), 0 where s <= 0.
    """
    s, b, sigma = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (s, b, sigma)))
    good = b > 0
    safe_b = np.where(good, b, 1.0)
    safe_s = np.maximum(s, 0.0)
    variance = sigma**2
    plain = (safe_s + safe_b) * np.log1p(safe_s / safe_b) - safe_s
    exact = variance > 1e-12 * safe_b
    v = np.where(exact, variance, 1.0)
    # The published logarithms, rearranged so that they stay exact for small sigma.
    full = (safe_s + safe_b) * np.log1p(safe_s * safe_b / (safe_b**2 + (safe_s + safe_b) * v))
    full -= safe_b**2 / v * np.log1p(v * safe_s / (safe_b * (safe_b + v)))
    z = np.sqrt(2 * np.maximum(np.where(exact, full, plain), 0.0))
    return np.where(good, z, np.nan)


def measures(s: ArrayLike, b: ArrayLike, relative: float) -> dict[str, NDArray]:
    """The three significances for a relative background uncertainty (only `asimov` knows it)."""
    s, b = np.asarray(s, dtype=float), np.asarray(b, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "s/sqrt(b)": np.where(b > 0, s / np.sqrt(b), np.nan),
            "s/sqrt(s+b)": np.where(s + b > 0, s / np.sqrt(s + b), np.nan),
            "asimov": asimov(s, b, relative * b),
        }


def _counts(weight: NDArray, score: NDArray, signal: NDArray) -> dict[str, NDArray]:
    """Expected events that pass each cut, their variances, and the number of background jets."""
    result = {}
    for name, mine in (("s", signal), ("b", ~signal)):
        order = np.argsort(score[mine])
        first = np.searchsorted(score[mine][order], CUTS, side="left")
        for key, values in (("", weight[mine]), ("_variance", weight[mine] ** 2)):
            tail = np.concatenate([np.cumsum(values[order][::-1])[::-1], [0.0]])
            result[name + key] = tail[first]
        result[name + "_jets"] = np.sum(mine) - first
    return result


def scan(
    jets: Table, score: NDArray, samples: list[str], luminosity: float, relative: float
) -> dict[str, Any]:
    """Significance against the cut on the score, with candidate jets of the test split.

    Cuts that fewer than `FEW` background jets pass are left out: there the background is not known.
    The quoted cut is the best one on the validation split (all cuts of the test split, if that has
    none), so the figure is not the maximum of a fluctuation. Errors come from the number of
    simulated jets, by linear propagation.

    Args:
        jets: columns `sample`, `split`, `candidate`, `weight` (events per 1/fb, split by split).
        score: shape (jets,); larger is more signal-like.
        samples: the signal samples.
        luminosity: in 1/fb.
        relative: relative background uncertainty of the Asimov significance.

    Returns:
        `cuts`, `s`, `b` and each of `MEASURES` as lists, and under `best` for each measure `cut`,
        `value`, `error`, `s`, `b`.

    Raises:
        BoostflowError: fewer than `FEW` background jets, whatever the cut.
    """
    is_signal = np.isin(jets["sample"], samples)
    counts = {}
    for split in (VALIDATION, TEST):
        mine = (jets["split"] == split) & jets["candidate"].astype(bool)
        weight = jets["weight"][mine] * luminosity
        counts[split] = _counts(weight, score[mine], is_signal[mine])
    test, validation = counts[TEST], counts[VALIDATION]
    usable = test["b_jets"] >= FEW
    if not usable.any():
        raise BoostflowError(
            f"significance scan: {test['b_jets'][0]} background jets in the test split, "
            f"{FEW} are needed; simulate more events"
        )
    values = measures(test["s"], test["b"], relative)
    choice = measures(validation["s"], validation["b"], relative)
    result: dict[str, Any] = {
        "cuts": CUTS[usable].tolist(),
        "s": test["s"][usable].tolist(),
        "b": test["b"][usable].tolist(),
        "best": {},
    }
    for name in MEASURES:
        error = _error(name, test, relative)
        result[name] = [_number(x) for x in values[name][usable]]
        allowed = usable & (validation["b_jets"] >= FEW)
        quality = np.where(allowed, choice[name], np.nan)
        if not np.isfinite(quality).any():
            quality = np.where(usable, values[name], np.nan)
        if not np.isfinite(quality).any():
            continue
        best = int(np.nanargmax(quality))
        result["best"][name] = {
            "cut": float(CUTS[best]),
            "value": _number(values[name][best]),
            "error": _number(error[best]),
            "s": float(test["s"][best]),
            "b": float(test["b"][best]),
        }
    return result


def _error(name: str, counts: dict[str, NDArray], relative: float) -> NDArray:
    """Error of a measure from the finite simulation: numerical derivatives in s and b."""
    s, b = counts["s"], counts["b"]
    variance = np.zeros(len(s))
    for ds, db in ((1e-4 * np.maximum(s, 1e-9), 0.0), (0.0, 1e-4 * np.maximum(b, 1e-9))):
        up = measures(s + ds, b + db, relative)[name]
        down = measures(s - ds, b - db, relative)[name]
        spread = counts["b_variance"] if np.ndim(db) else counts["s_variance"]
        variance = variance + ((up - down) / (2 * (ds + db))) ** 2 * spread
    return np.sqrt(variance)


def _number(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None

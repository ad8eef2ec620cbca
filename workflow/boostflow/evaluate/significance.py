"""Significance of a counting experiment, and its scan against a cut on a score."""

from __future__ import annotations

from collections.abc import Mapping
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


def measures(s: ArrayLike, b: ArrayLike, relative: ArrayLike) -> dict[str, NDArray]:
    """The three significances for a relative background uncertainty (only `asimov` knows it)."""
    s, b = np.asarray(s, dtype=float), np.asarray(b, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "s/sqrt(b)": np.where(b > 0, s / np.sqrt(b), np.nan),
            "s/sqrt(s+b)": np.where(s + b > 0, s / np.sqrt(s + b), np.nan),
            "asimov": asimov(s, b, np.asarray(relative) * b),
        }


def passing(weight: NDArray, score: NDArray) -> NDArray:
    """Sum of the weights of the jets that pass each of `CUTS`, shape (cuts,)."""
    order = np.argsort(score)
    tail = np.concatenate([np.cumsum(weight[order][::-1])[::-1], [0.0]])
    return tail[np.searchsorted(score[order], CUTS, side="left")]


def yields(jets: Table, score: NDArray, samples: list[str], luminosity: float, split: int) -> dict:
    """Expected events of signal (`s`) and background (`b`) that pass each of `CUTS`.

    With `s_variance`, `b_variance` of the finite simulation, `b_jets`, how many simulated
    background jets pass, and `b_unknown`, the events that one jet would be of a background sample
    of which none passes (the largest). Arguments as of `scan`.
    """
    used = (jets["split"] == split) & jets["candidate"].astype(bool)
    is_signal = np.isin(jets["sample"], samples)
    result = {}
    for name, mine in (("s", used & is_signal), ("b", used & ~is_signal)):
        weight = jets["weight"][mine] * luminosity
        result[name] = passing(weight, score[mine])
        result[f"{name}_variance"] = passing(weight**2, score[mine])
        result[f"{name}_jets"] = passing(np.ones(len(weight)), score[mine])
    result["b_unknown"] = np.zeros(len(CUTS))
    for sample in np.unique(jets["sample"][used & ~is_signal]):
        mine = used & (jets["sample"] == sample)
        weight = jets["weight"][mine] * luminosity
        none = passing(weight, score[mine]) <= 0
        one = np.sum(weight**2) / weight.sum() if weight.sum() > 0 else 0.0
        result["b_unknown"] = np.maximum(result["b_unknown"], np.where(none, one, 0.0))
    return result


def known(counts: Mapping[str, NDArray]) -> NDArray[np.bool_]:
    """Whether the background is known at each of `CUTS`: enough of its jets pass (`FEW`).

    And no sample of it of which none passes may be larger, by one jet, than all that does.
    """
    return (counts["b_jets"] >= FEW) & (counts["b_unknown"] <= counts["b"])


def scan(
    jets: Table,
    score: NDArray,
    samples: list[str],
    luminosity: float,
    relative: float | Mapping[int, NDArray],
) -> dict[str, Any]:
    """Significance against the cut on the score, with candidate jets of the test split.

    Cuts at which the background is not `known` are left out.
    The quoted cut is the best one on the validation split, where the same holds, so the quoted
    figure is not the maximum of a fluctuation; only where the validation split has no usable cut
    it is the best one on the test split (`chosen_on`). Errors come from the number of simulated
    jets, by linear propagation.

    Args:
        jets: columns `sample`, `split`, `candidate`, `weight` (events per 1/fb, split by split).
        score: shape (jets,); larger is more signal-like.
        samples: the signal samples.
        luminosity: in 1/fb.
        relative: relative background uncertainty of the Asimov significance; or for each split its
            values at `CUTS`.

    Returns:
        `cuts`, `s`, `b` and each of `MEASURES` as lists, `errors` of the measures, and under `best`
        for each measure `cut`, `value`, `error`, `s`, `b`, `chosen_on`.

    Raises:
        BoostflowError: the background is not known, whatever the cut.
    """
    test, validation = (
        yields(jets, score, samples, luminosity, split) for split in (TEST, VALIDATION)
    )
    if not isinstance(relative, Mapping):
        relative = dict.fromkeys((TEST, VALIDATION), relative)
    usable = known(test)
    if not usable.any():
        raise BoostflowError(
            f"significance scan: {test['b_jets'][0]:.0f} background jets in the test split, "
            f"{FEW} with a positive sum of weights are needed; simulate more events"
        )
    values = measures(test["s"], test["b"], relative[TEST])
    choice = measures(validation["s"], validation["b"], relative[VALIDATION])
    result: dict[str, Any] = {
        "cuts": CUTS[usable].tolist(),
        "s": test["s"][usable].tolist(),
        "b": test["b"][usable].tolist(),
        "errors": {},
        "best": {},
    }
    for name in MEASURES:
        error = _error(name, test, relative[TEST])
        result[name] = numbers(values[name][usable])
        result["errors"][name] = numbers(error[usable])
        allowed = usable & known(validation)
        quality, split = np.where(allowed, choice[name], np.nan), "validation"
        if not np.isfinite(quality).any():
            quality, split = np.where(usable, values[name], np.nan), "test"
        if not np.isfinite(quality).any():
            continue
        best = int(np.nanargmax(quality))
        value, its_error = numbers([values[name][best], error[best]])
        result["best"][name] = {
            "cut": float(CUTS[best]),
            "value": value,
            "error": its_error,
            "s": float(test["s"][best]),
            "b": float(test["b"][best]),
            "chosen_on": split,
        }
    return result


def _error(name: str, counts: dict[str, NDArray], relative: ArrayLike) -> NDArray:
    """Error of a measure from the finite simulation: numerical derivatives in s and b."""
    s, b = counts["s"], counts["b"]
    variance = np.zeros(len(s))
    for ds, db in ((1e-4 * np.maximum(s, 1e-9), 0.0), (0.0, 1e-4 * np.maximum(b, 1e-9))):
        up = measures(s + ds, b + db, relative)[name]
        down = measures(s - ds, b - db, relative)[name]
        spread = counts["b_variance"] if np.ndim(db) else counts["s_variance"]
        variance = variance + ((up - down) / (2 * (ds + db))) ** 2 * spread
    return np.sqrt(variance)


def numbers(values: ArrayLike) -> list[float | None]:
    """Values as JSON holds them: null where a value is not finite."""
    return [float(x) if np.isfinite(x) else None for x in np.asarray(values)]

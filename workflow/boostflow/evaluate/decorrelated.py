"""How much scores know of the mass, and what it costs them not to: before and after decorrelation.

All figures are of the test jets of the background that is decorrelated with, weighted as expected
in data, and of the signal jets of the classes whose probabilities make a score; both within the
range of the mass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from boostflow.binomial import effective, efficiency_error
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.curves import EmptyClass, Ranking, rejection
from boostflow.models.classifying import Decorrelate
from boostflow.scored import TEST, Table, rows

REJECTED = (0.5, 0.95)
"""Parts of the background that are rejected where mass spectra are compared."""
BINS = 14
"""Bins of the mass spectra."""


def divergence(one: ArrayLike, other: ArrayLike) -> float:
    """Jensen-Shannon divergence of two spectra, base 2: 0 for the same shape, 1 if they are apart.

    J. Lin, IEEE Trans. Inf. Theory 37 (1991) 145. Negative sums in a bin count as 0.

    Args:
        one: shape (bins,), its sum positive.
        other: shape (bins,), its sum positive.
    """
    from scipy.spatial.distance import jensenshannon

    p, q = (np.maximum(np.asarray(x, dtype=float), 0) for x in (one, other))
    # The distance is the root of the divergence; rounding can leave a NaN for equal spectra.
    return float(np.nan_to_num(jensenshannon(p, q, base=2)) ** 2)


def threshold(score: NDArray, weight: NDArray, part: float) -> float:
    """The lowest cut that rejects a part of weighted jets."""
    order = np.argsort(score, kind="stable")
    total = np.cumsum(weight[order])
    place = np.searchsorted(total, part * total[-1], side="right")
    return float(score[order][min(int(place), len(order) - 1)])


def spectrum(mass: NDArray, weight: NDArray, edges: NDArray) -> NDArray[np.float64]:
    """Sums of weights in bins of the mass."""
    return np.histogram(mass, edges, weights=weight)[0]


def independence(
    score: NDArray, background: Table, edges: NDArray, times: int, seed: int
) -> dict[str, Any]:
    """1/JSD of the mass spectra of all background jets and of those that pass, and their ratio.

    Args:
        score: of the background jets.
        background: their `mass`, `weight` and `event`.
        edges: of the bins of the mass (GeV).
        times: resamplings of the bootstrap.
        seed: of the bootstrap.

    Returns:
        By rejected part in percent: `inverse_jsd` with `value`, `error`, and `random`, that of as
        many jets whatever their score, which nothing can surpass by more than chance; `efficiency`
        with `value` and `error` in bins of the mass, and `flat`, the chi-square of the former being
        constant.
    """
    mass, weight = background["mass"], background["weight"]
    rng = np.random.default_rng(seed)

    def jsd(score: NDArray, count: NDArray, part: float) -> float:
        w = weight * count
        if w.sum() <= 0:
            raise EmptyClass("no background jet")
        passing = score >= threshold(score, w, part)
        return divergence(spectrum(mass, w, edges), spectrum(mass, w * passing, edges))

    result: dict[str, Any] = {}
    for part in REJECTED:
        ones = np.ones(len(mass))
        value = max(jsd(score, ones, part), 1e-9)
        spread = bootstrap(
            lambda count, part=part: jsd(score, count, part), background["event"], times, seed
        )
        random = [jsd(rng.random(len(mass)), ones, part) for _ in range(times)]
        passing = score >= threshold(score, weight, part)
        total, passed = (spectrum(mass, weight * keep, edges) for keep in (ones, passing))
        sizes = np.array([effective(w) for w in _in_bins(mass, weight, edges)])
        filled = (total > 0) & (sizes > 0)
        ratio = np.divide(passed, total, out=np.zeros(len(total)), where=filled)
        error = efficiency_error(ratio * sizes, sizes)
        result[f"{100 * part:g}"] = {
            "inverse_jsd": {
                "value": 1 / value,
                "error": float(spread.error) / value**2,
                "random": 1 / float(np.mean(random)),
            },
            "efficiency": {"value": ratio.tolist(), "error": error.tolist()},
            "flat": _flat(ratio[filled], sizes[filled], passed.sum() / total.sum()),
        }
    return result


def _in_bins(mass: NDArray, weight: NDArray, edges: NDArray) -> list[NDArray]:
    place = np.digitize(mass, edges) - 1
    return [weight[place == k] for k in range(len(edges) - 1)]


def _flat(ratio: NDArray, sizes: NDArray, mean: float) -> dict[str, float]:
    """Chi-square of efficiencies being the mean one, with the errors that this one has."""
    chi2 = float(np.sum((ratio - mean) ** 2 * sizes / (mean * (1 - mean))))
    ndf = len(ratio) - 1
    return {"chi2": chi2, "ndf": ndf, "p_value": float(stats.chi2.sf(chi2, max(ndf, 1)))}


def rejections(
    score: NDArray,
    positive: NDArray,
    jets: Table,
    efficiencies: Sequence[float],
    times: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Background rejection at signal efficiencies, as `classifier.rejections` says it.

    Args:
        score: of signal and background jets.
        positive: whether each is signal.
        jets: their `weight` and `event`.
        efficiencies: of the signal.
        times: resamplings of the bootstrap.
        seed: of the bootstrap.
    """
    ranking = Ranking(score, positive)
    error = bootstrap(
        lambda count: ranking.background_at(jets["weight"] * count, efficiencies),
        *(jets["event"], times, seed),
    ).error
    return [
        {"efficiency": one} | rejection(score, positive, jets["weight"], one, float(spread))
        for one, spread in zip(efficiencies, error, strict=True)
    ]


def evaluate(
    table: Table,
    wanted: Decorrelate,
    classes: Sequence[str],
    efficiencies: Sequence[float],
    times: int,
    seed: int,
) -> dict[str, Any]:
    """Figures of decorrelated scores and of those that they are made from.

    Args:
        table: of labelled jets and those of background samples, with `split`, `weight`, `pt`, the
            mass and the scores.
        wanted: what is decorrelated.
        classes: of the model.
        efficiencies: of the signal, at which the rejection is quoted.
        times: resamplings of the bootstrap.
        seed: of the bootstrap.

    Returns:
        `mass` (name of the column), `edges`, `spectrum` of the background with `value` and
        `error`, and for each of `scores` its `columns`, `before` and `after`: `rejection` and, by
        rejected part in percent, what `independence` returns.
    """
    test = rows(table, table["split"] == TEST)
    low, high = _limits(wanted, test)
    test = rows(test, (test[wanted.mass] >= low) & (test[wanted.mass] < high))
    test["mass"] = test[wanted.mass]
    edges = np.linspace(low, high, BINS + 1)
    named = wanted.background
    chosen = np.isin(test["label"], named) | np.isin(test["sample"], named)
    background = rows(test, chosen)
    bins = _in_bins(background["mass"], background["weight"], edges)
    result: dict[str, Any] = {
        "mass": wanted.mass,
        "edges": edges.tolist(),
        "spectrum": {
            "value": [float(w.sum()) for w in bins],
            "error": [float(np.sqrt(np.sum(w**2))) for w in bins],
        },
        "scores": {},
    }
    for name, columns in wanted.sums(classes).items():
        signal = [column.removeprefix("p_") for column in columns]
        positive = np.isin(test["label"], signal) & ~chosen
        mine = positive | chosen
        scores = {
            "before": np.sum([test[column].astype(float) for column in columns], axis=0),
            "after": test[f"ddt_{name}"].astype(float),
        }
        figures: dict[str, Any] = {"columns": columns}
        for when, score in scores.items():
            jets = rows(test, mine)
            figures[when] = {
                "rejection": rejections(
                    score[mine], positive[mine], jets, efficiencies, times, seed
                )
                if positive.any() and not positive.all()
                else [],
                **independence(score[chosen], background, edges, times, seed),
            }
        result["scores"][name] = figures
    return result


def _limits(wanted: Decorrelate, jets: Mapping[str, NDArray]) -> tuple[float, float]:
    """The range of the mass (GeV); that of rho at the mean pT."""
    low, high = wanted.axis()
    if wanted.plane == "mass":
        return low, high
    pt = float(np.median(jets["pt"]))
    return pt * float(np.exp(low / 2)), pt * float(np.exp(high / 2))

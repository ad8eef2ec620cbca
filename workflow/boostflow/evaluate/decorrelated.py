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
PICKED = 50
"""Random choices of jets whose mean tells what chance leaves."""


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


class Spectra:
    """Mass spectra of jets that pass cuts on a score, sorted once, so that resampling costs little.

    Args:
        score: shape (jets,).
        mass: shape (jets,), all within the edges.
        edges: of the bins, ascending.
    """

    def __init__(self, score: NDArray, mass: NDArray, edges: NDArray) -> None:
        self.order = np.argsort(score, kind="stable")
        self.score = np.asarray(score)[self.order]
        self.bins = len(edges) - 1
        place = np.searchsorted(edges, mass[self.order], side="right") - 1
        self.place = np.clip(place, 0, self.bins - 1)

    def passing(self, weight: NDArray, part: float) -> tuple[NDArray, NDArray]:
        """Sums of weights in bins of all jets, and of those at or above a cut that rejects a part.

        Args:
            weight: shape (jets,), in the order of the scores given.
            part: of the sum of weights, that lies below the cut at most.

        Raises:
            EmptyClass: the weights do not have a positive sum.
        """
        weight = weight[self.order]
        total = np.cumsum(weight)
        if total[-1] <= 0:
            raise EmptyClass("mass spectra: the background needs a positive sum of weights")
        place = int(np.searchsorted(total, part * total[-1], side="right"))
        cut = self.score[min(place, len(self.score) - 1)]
        first = int(np.searchsorted(self.score, cut))
        return (
            np.bincount(self.place, weight, self.bins),
            np.bincount(self.place[first:], weight[first:], self.bins),
        )

    def divergence(self, weight: NDArray, part: float) -> float:
        """The divergence of both spectra, see `passing`."""
        return divergence(*self.passing(weight, part))


def independence(
    score: NDArray,
    background: Table,
    edges: NDArray,
    chance: Mapping[float, float],
    times: int,
    seed: int,
) -> dict[str, Any]:
    """1/JSD of the mass spectra of all background jets and of those that pass, and their ratio.

    Args:
        score: of the background jets.
        background: their `mass`, `weight` and `event`.
        edges: of the bins of the mass (GeV).
        chance: `by_chance` of these jets.
        times: resamplings of the bootstrap.
        seed: of the bootstrap.

    Returns:
        By rejected part in percent: `inverse_jsd` with `value`, `error`, and `random`, that of as
        many jets whatever their score, which nothing can surpass by more than chance; `efficiency`
        with `value` and `error` in bins of the mass, and `flat`, the chi-square of the former being
        constant.
    """
    weight = background["weight"]
    sizes = np.array([effective(w) for w in _in_bins(background["mass"], weight, edges)])
    spectra = Spectra(score, background["mass"], edges)
    result: dict[str, Any] = {}
    for part in REJECTED:
        value = max(spectra.divergence(weight, part), 1e-9)
        spread = bootstrap(
            lambda count, part=part: spectra.divergence(weight * count, part),
            *(background["event"], times, seed),
        )
        total, passed = spectra.passing(weight, part)
        filled = (total > 0) & (sizes > 0)
        ratio = np.divide(passed, total, out=np.zeros(len(total)), where=filled)
        result[f"{100 * part:g}"] = {
            "inverse_jsd": {
                "value": 1 / value,
                "error": float(spread.error) / value**2,
                "random": 1 / chance[part],
            },
            "efficiency": {
                "value": ratio.tolist(),
                "error": efficiency_error(ratio * sizes, sizes).tolist(),
            },
            "flat": _flat(ratio[filled], sizes[filled], passed.sum() / total.sum()),
        }
    return result


def by_chance(background: Table, edges: NDArray, seed: int) -> dict[float, float]:
    """Mean divergence from all background jets of as many as pass, picked at random.

    Args:
        background: `mass` and `weight` of the jets.
        edges: of the bins of the mass (GeV).
        seed: of the random numbers.

    Returns:
        By part that is rejected.
    """
    rng = np.random.default_rng(seed)
    mass, weight = background["mass"], background["weight"]
    picked = [Spectra(rng.random(len(mass)), mass, edges) for _ in range(PICKED)]
    return {part: float(np.mean([s.divergence(weight, part) for s in picked])) for part in REJECTED}


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
    chance = by_chance(background, edges, seed)
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
                **independence(score[chosen], background, edges, chance, times, seed),
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

"""ROC curves, areas and background rejection for weighted jets; weights may be negative."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from boostflow.binomial import effective, efficiency_error
from boostflow.errors import BoostflowError

FEW = 5
"""Number of passing background jets below which a rejection is quoted as a limit."""
LEVEL = 0.95
"""Confidence level of the limits."""


class EmptyClass(BoostflowError):
    """The weights of a class do not have a positive sum: there is no efficiency in it."""


def at_least_binomial(error: ArrayLike, value: ArrayLike, jets: float) -> NDArray:
    """Errors from resampling or DeLong's formula, mended where few jets make them too small.

    Where all jets agree, both are 0; with fewer than `FEW` jets they know little of the spread.
    There the error is at least that of an efficiency. An AUC is the mean over the smaller class of
    numbers between 0 and 1, so it is not worse than that.

    Args:
        error: shape (...).
        value: efficiencies or areas, of the same shape.
        jets: effective number of those they are of; of an AUC that of the smaller class.
    """
    error, value = np.asarray(error, dtype=float), np.asarray(value, dtype=float)
    least = efficiency_error(value * jets, jets)
    return np.where((error <= 0) | (jets < FEW), np.maximum(error, least), error)


class Ranking:
    """Scores of two classes, sorted once, so that many sets of weights cost little.

    Args:
        scores: shape (jets,), larger is more signal-like.
        positive: shape (jets,), true for the signal class.
    """

    def __init__(self, scores: ArrayLike, positive: ArrayLike) -> None:
        self.thresholds, self.rank = np.unique(np.asarray(scores), return_inverse=True)
        self.positive = np.asarray(positive, dtype=bool)

    def sums(self, weights: NDArray) -> tuple[NDArray, NDArray]:
        """Sums of weights of signal and background at each distinct score, ascending.

        Raises:
            EmptyClass: the weights of a class do not have a positive sum.
        """
        size = len(self.thresholds)
        signal = np.bincount(self.rank, np.where(self.positive, weights, 0.0), size)
        background = np.bincount(self.rank, np.where(self.positive, 0.0, weights), size)
        if signal.sum() <= 0 or background.sum() <= 0:
            raise EmptyClass("ROC curve: signal and background need a positive sum of weights")
        return signal, background

    def auc(self, weights: NDArray) -> float:
        """Area under the ROC curve as the weighted Mann-Whitney statistic, ties counted half.

        It equals the trapezoid below the curve exactly, also where negative weights make the
        curve turn back (sklearn refuses those).
        """
        signal, background = self.sums(weights)
        below = np.cumsum(background) - 0.5 * background
        # Not `@`: the threads of a BLAS cost more than this sum, which a bootstrap does often.
        return float(np.sum(signal * below) / (signal.sum() * background.sum()))

    def curve(self, weights: NDArray) -> tuple[NDArray, NDArray]:
        """Signal and background efficiency of `score >= threshold`, loosest cut last.

        Both arrays start with 0 (nothing passes) and have one entry more than distinct scores.
        """
        return tuple(  # type: ignore[return-value]
            np.concatenate([[0.0], np.cumsum(part[::-1]) / part.sum()])
            for part in self.sums(weights)
        )

    def background_at(self, weights: NDArray, efficiencies: ArrayLike) -> NDArray:
        """Background efficiency of the tightest cut that reaches each signal efficiency."""
        signal, background = self.curve(weights)
        reached = np.searchsorted(np.maximum.accumulate(signal), np.asarray(efficiencies) - 1e-9)
        return background[np.minimum(reached, len(background) - 1)]

    def threshold(self, weights: NDArray, efficiency: float) -> float:
        """The highest threshold at which the signal efficiency reaches `efficiency`."""
        signal, _ = self.curve(weights)
        return float(self.thresholds[::-1][np.argmax(signal[1:] >= efficiency - 1e-12)])


def components(
    scores: ArrayLike, positive: ArrayLike, weights: ArrayLike
) -> tuple[float, NDArray[np.float64]]:
    """AUC, and the structural component of each jet (DeLong et al., Biometrics 44 (1988) 837).

    Of a signal jet: the part of the background below it; of a background jet: the part of the
    signal above it. Ties count half, weights may be negative.
    """
    ranking, weights = Ranking(scores, positive), np.asarray(weights, dtype=float)
    signal, background = ranking.sums(weights)
    below = (np.cumsum(background) - 0.5 * background) / background.sum()
    above = 1 - (np.cumsum(signal) - 0.5 * signal) / signal.sum()
    component = np.where(ranking.positive, below[ranking.rank], above[ranking.rank])
    return ranking.auc(weights), component


def delong(
    component: NDArray,
    positive: ArrayLike,
    weights: ArrayLike,
    strata: ArrayLike,
    event: ArrayLike | None = None,
) -> float:
    """Error of an AUC; of the difference of two, with the difference of their components (paired).

    With one stratum of signal and one of background this is DeLong's formula; otherwise the
    components' variances are added stratum by stratum, as in stratified sampling. Jets of the same
    event are not independent: where there are some, an event's jets are added up first
    (`influence`; N. A. Obuchowski, Biometrics 53 (1997) 567).

    Args:
        component: shape (jets,), from `components`.
        positive: shape (jets,), true for the signal class.
        weights: shape (jets,), constant within a stratum.
        strata: shape (jets,), integer: classes simulated separately, from 0.
        event: shape (jets,), number of each jet's event; null where no event has two.
    """
    positive, weights, strata = map(np.asarray, (positive, weights, strata))
    if event is not None:
        numbers, index = np.unique(event, return_inverse=True)
        if len(numbers) < len(index):
            each = np.bincount(index, influence(component, weights, strata, positive))
            return float(np.sqrt(np.sum(each**2)))
    variance = 0.0
    for side in (positive, ~positive):
        for stratum in np.unique(strata[side]):
            mine = side & (strata == stratum)
            share = weights[mine].sum() / weights[side].sum()
            if mine.sum() > 1:
                variance += share**2 * component[mine].var(ddof=1) / mine.sum()
    return float(np.sqrt(variance))


def influence(component: NDArray, weights: NDArray, strata: NDArray, positive: NDArray) -> NDArray:
    """What each jet contributes to the fluctuation of an AUC, to first order; shape (jets,).

    The AUC's variance is the sum over events of the square of the sum over the event's jets (the
    infinitesimal jackknife; the Poisson bootstrap of events tends to it). Weights of either sign.

    Args:
        component: shape (jets,), from `components`.
        weights: shape (jets,).
        strata: shape (jets,), class numbers from 0; the sum of weights of each is fixed.
        positive: shape (jets,), true for the signal class.
    """
    total = np.bincount(strata, weights)
    mean = np.bincount(strata, weights * component) / np.where(total != 0, total, 1.0)
    side = np.where(positive, weights[positive].sum(), weights[~positive].sum())
    return weights * (component - mean[strata]) / side


def rejection(
    scores: ArrayLike, positive: ArrayLike, weights: ArrayLike, efficiency: float, error: float
) -> dict[str, float]:
    """Background rejection 1/efficiency at a fixed signal efficiency.

    When fewer than `FEW` background jets pass (or their weights do not add up to a positive sum),
    the Clopper-Pearson upper limit on the background efficiency, with the effective number of jets
    (sum w)^2 / sum w^2, is turned into a lower limit.

    Args:
        scores: shape (jets,).
        positive: shape (jets,), true for the signal class.
        weights: shape (jets,).
        efficiency: of the signal.
        error: of the background efficiency (`classifier.rejections` takes it from the bootstrap).

    Returns:
        `threshold`, `passing` (background jets, unweighted) and `value` and `error`, or `limit`
        and `level`.
    """
    ranking = Ranking(scores, positive)
    weights = np.asarray(weights, dtype=float)
    threshold = ranking.threshold(weights, efficiency)
    background = weights[~ranking.positive]
    passed = np.asarray(scores)[~ranking.positive] >= threshold
    passing = int(passed.sum())
    fraction = float(background[passed].sum() / background.sum())
    return {"threshold": threshold} | rejected(fraction, passing, effective(background), error)


def rejected(fraction: float, passing: int, size: float, error: float) -> dict[str, float]:
    """Rejection 1/efficiency of a background, or its lower limit, see `rejection`.

    Args:
        fraction: its efficiency.
        passing: number of its jets that pass, unweighted.
        size: effective number of its jets.
        error: of the efficiency.

    Returns:
        `passing`, and `value` and `error`, or `limit` and `level`.
    """
    if passing < FEW or fraction <= 0:
        count = max(fraction * size, 0.0)
        upper = stats.beta.ppf(LEVEL, count + 1, max(size - count, 1e-9))
        return {"passing": passing, "limit": float(1 / upper), "level": LEVEL}
    error = float(at_least_binomial(error, fraction, size))
    return {"passing": passing, "value": 1 / fraction, "error": error / fraction**2}

"""Efficiency of a class where a given part of another one passes, as flavour tagging quotes it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.binomial import effective
from boostflow.config.chain import Efficiency
from boostflow.errors import BoostflowError
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.classifier import Classified
from boostflow.evaluate.curves import FEW, EmptyClass, Ranking, at_least_binomial, rejected


def evaluate(part: Classified, config: Efficiency, times: int, seed: int) -> dict[str, Any]:
    """Efficiencies and rejections of all jets, and in ranges of a column.

    The score is the signal's share in the probabilities of the named classes. Where several jets
    have the same score the cut takes as large a part of them as the mistag rate wants. Errors are
    those of the event bootstrap, which hold that of the cut.

    Args:
        part: jets with columns `weight`, `event` and the named one.
        config: classes, mistag rates, column and ranges.
        times: resamplings.
        seed: of the bootstrap.

    Returns:
        The keys of `config`, and `ranges`: of each its `range` (null for all jets), numbers of
        `jets` by class, and `points` by mistag rate: `mistag`, `efficiency` (null where fewer than
        `FEW` jets of the background pass), `rejection` by class.

    Raises:
        BoostflowError: the model has no probability of a named class.
    """
    classes = config.classes()
    if missing := [name for name in classes if name not in part.classes]:
        raise BoostflowError(
            f"evaluate.efficiency: the model was trained without class {', '.join(missing)}; it has"
            f" {', '.join(part.classes)}"
        )
    numbers = [part.classes.index(name) for name in classes]
    named = part.scores[:, numbers]
    score = named[:, 0] / np.maximum(named.sum(axis=1), 1e-300)
    column = part.jets[config.column]
    spans = [None, *([low, high] for low, high in pairwise(config.edges))]
    found = []
    for span in spans:
        inside = np.isin(part.code, numbers)
        if span is not None:
            inside &= (column >= span[0]) & (column < span[1])
        jets = {name: inside & (part.code == k) for name, k in zip(classes, numbers, strict=True)}
        found.append(
            {
                "range": span,
                "jets": {name: int(mine.sum()) for name, mine in jets.items()},
                "points": _points(part, score, jets, config, times, seed),
            }
        )
    return {**config.model_dump(exclude={"edges"}), "ranges": found}


def _points(
    part: Classified,
    score: NDArray,
    jets: dict[str, NDArray[np.bool_]],
    config: Efficiency,
    times: int,
    seed: int,
) -> list[dict[str, Any]]:
    """What is quoted at each mistag rate."""
    weight, event = part.jets["weight"], part.jets["event"]
    background = jets[config.background]
    others = [name for name in config.classes() if name != config.background]
    used = np.logical_or.reduce(list(jets.values()))
    rankings = {}
    for name in others:
        both = jets[name] | background
        rankings[name] = both, Ranking(score[both], background[both])

    def passing(weights: NDArray) -> NDArray:
        """Efficiency of each other class at each mistag rate."""
        return np.stack([_at(rank, weights[both], config) for both, rank in rankings.values()])

    try:
        values = passing(weight)
        errors = bootstrap(
            lambda count: passing(_spread(weight, used, count)), event[used], times, seed
        ).error
    except EmptyClass:
        return [_nothing(mistag) for mistag in config.mistag]
    result = []
    for i, mistag in enumerate(config.mistag):
        if mistag * effective(weight[background]) < FEW:
            result.append(_nothing(mistag))
            continue
        (value, *more), (error, *spreads) = values[:, i], errors[:, i]
        error = at_least_binomial(error, value, effective(weight[jets[config.signal]]))
        cut = _cut(score[background], weight[background], mistag)
        rejections = {}
        for name, fraction, spread in zip(config.others, more, spreads, strict=True):
            mine = weight[jets[name]]
            number = int((score[jets[name]] >= cut).sum())
            rejections[name] = rejected(float(fraction), number, effective(mine), float(spread))
        result.append(
            {
                "mistag": mistag,
                "efficiency": {"value": float(value), "error": float(error)},
                "rejection": rejections,
            }
        )
    return result


def _cut(score: NDArray, weight: NDArray, part: float) -> float:
    """The score that a part of the jets' weight reaches.

    Args:
        score: of the jets, (n,).
        weight: of the jets, (n,).
        part: between 0 and 1.
    """
    order = np.argsort(-score, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    return float(score[order[min(np.searchsorted(share, part), len(order) - 1)]])


def _nothing(mistag: float) -> dict[str, Any]:
    return {"mistag": mistag, "efficiency": None, "rejection": {}}


def _spread(weight: NDArray, used: NDArray[np.bool_], count: NDArray) -> NDArray:
    """Weights of all jets, of which those that are used count so often."""
    result = weight.copy()
    result[used] *= count
    return result


def _at(ranking: Ranking, weights: NDArray, config: Efficiency) -> NDArray:
    """Efficiency of the other class where the given parts of the background pass."""
    mistagged, others = ranking.curve(weights)
    # Along the line between two cuts a part of the jets of one score passes.
    return np.interp(config.mistag, np.maximum.accumulate(mistagged), others)

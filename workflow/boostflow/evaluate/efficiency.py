"""Efficiency of a class where a given part of another one passes, as flavour tagging quotes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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

Passing = Callable[[NDArray], NDArray]
"""From weights of all jets to the part of each class but the background that passes, shape
(classes, mistag rates)."""


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
    score = _score(part, config)
    found = [
        {
            "range": span,
            "jets": {name: int(mine.sum()) for name, mine in jets.items()},
            "points": _points(part, score, jets, config, times, seed),
        }
        for span, jets in _ranges(part, config)
    ]
    return {**config.model_dump(exclude={"edges"}), "ranges": found}


def difference(
    one: Classified, two: Classified, config: Efficiency, times: int, seed: int
) -> dict[str, Any]:
    """What passes of each class, for one model minus another, at the same mistag rates.

    Each model has cuts of its own. Errors are of the pair: both models on the same resampled
    events, and their cuts, too.

    Args:
        one: jets with columns `weight`, `event` and the named one.
        two: the same jets in the same order.
        config: classes, mistag rates, column and ranges.
        times: resamplings.
        seed: of the bootstrap.

    Returns:
        The keys of `config`, and `ranges`: of each its `range` (null for all jets) and `points` by
        mistag rate: `mistag`, and by class but the background `one`, `two`, `value`, `error` and
        `pull` (value / error, null where the error is 0); no classes where fewer than `FEW` jets of
        the background pass. No ranges if one of the models lacks a named class.
    """
    found = []
    if set(config.classes()) <= set(one.classes):
        scores = [_score(part, config) for part in (one, two)]
        for span, jets in _ranges(one, config):
            passing = [_passing(score, jets, config) for score in scores]
            points = _differences(one, passing, jets, config, times, seed)
            found.append({"range": span, "points": points})
    return {**config.model_dump(exclude={"edges"}), "ranges": found}


def _differences(
    part: Classified,
    passing: Sequence[Passing],
    jets: dict[str, NDArray[np.bool_]],
    config: Efficiency,
    times: int,
    seed: int,
) -> list[dict[str, Any]]:
    """The differences of two models at each mistag rate, in one range."""
    weight, used = part.jets["weight"], np.logical_or.reduce(list(jets.values()))
    points: list[dict[str, Any]] = [{"mistag": mistag} for mistag in config.mistag]

    def change(count: NDArray) -> NDArray:
        counted = _spread(weight, used, count)
        return passing[0](counted) - passing[1](counted)

    try:
        one, two = (of(weight) for of in passing)
        errors = bootstrap(change, part.jets["event"][used], times, seed).error
    except EmptyClass:
        return points
    for i, point in enumerate(points):
        if config.mistag[i] * effective(weight[jets[config.background]]) < FEW:
            continue
        for k, name in enumerate(_others(config)):
            value, error = float(one[k, i] - two[k, i]), float(errors[k, i])
            point[name] = {
                "one": float(one[k, i]),
                "two": float(two[k, i]),
                "value": value,
                "error": error,
                "pull": value / error if error > 0 else None,
            }
    return points


def _others(config: Efficiency) -> list[str]:
    """All named classes but the background."""
    return [name for name in config.classes() if name != config.background]


def _score(part: Classified, config: Efficiency) -> NDArray:
    """The signal's share in the probabilities of the named classes, shape (jets,)."""
    named = part.scores[:, [part.classes.index(name) for name in config.classes()]]
    return named[:, 0] / np.maximum(named.sum(axis=1), 1e-300)


def _ranges(
    part: Classified, config: Efficiency
) -> Iterator[tuple[list[float] | None, dict[str, NDArray[np.bool_]]]]:
    """Ranges of the column (null for all jets), and which jets of each class lie in them."""
    column = part.jets[config.column]
    for span in (None, *([low, high] for low, high in pairwise(config.edges))):
        inside = np.ones(len(part.code), bool)
        if span is not None:
            inside = (column >= span[0]) & (column < span[1])
        codes = {name: part.classes.index(name) for name in config.classes()}
        yield span, {name: inside & (part.code == code) for name, code in codes.items()}


def _passing(score: NDArray, jets: dict[str, NDArray[np.bool_]], config: Efficiency) -> Passing:
    """What passes of each class but the background at each mistag rate, as a function of weights.

    It raises `EmptyClass` where a class has no jets.
    """
    background, rankings = jets[config.background], []
    for name in _others(config):
        both = jets[name] | background
        rankings.append((both, Ranking(score[both], background[both])))

    def passing(weights: NDArray) -> NDArray:
        return np.stack([_at(rank, weights[both], config) for both, rank in rankings])

    return passing


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
    used = np.logical_or.reduce(list(jets.values()))
    passing = _passing(score, jets, config)
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
    return float(score[order[min(int(np.searchsorted(share, part)), len(order) - 1)]])


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

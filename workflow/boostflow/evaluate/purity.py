"""Efficiency of a class where its selection has a given purity, in ranges of a column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.binomial import effective
from boostflow.config.chain import Purity
from boostflow.errors import BoostflowError
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.classifier import Classified
from boostflow.evaluate.curves import FEW, EmptyClass, at_least_binomial

Statistic = Callable[[NDArray], NDArray]
"""From weights of objects to efficiencies of shape (signals, purities)."""


def evaluate(part: Classified, config: Purity, times: int, seed: int) -> dict[str, Any]:
    """Efficiencies at equal purity, and those of the decision for the most likely class.

    The score of a class is the part that is expected of it: its probability times its sum of
    weights in the range, over the sum of these products. So a model that knows no abundances is
    judged as one that does. The cut is the loosest one with the purity, of which at least `FEW`
    objects pass. Errors are from the event bootstrap and hold that of the cut.

    Args:
        part: objects with columns `weight`, `event` and the named one.
        config: classes, purities, column and ranges.
        times: resamplings.
        seed: of the bootstrap.

    Returns:
        The keys of `config`, and `ranges`: of each its `range` (null for all objects), numbers of
        `objects` by class, and where all classes have some `signals`: by class and purity `purity`
        and `efficiency` (0 where no cut reaches the purity), and `decided`: by class efficiency and
        purity of the class with the largest probability, as the confusion matrix has it (purity 0
        where it is none's).

    Raises:
        BoostflowError: the model has no probability of a named class.
    """
    if lost := [name for name in config.signals if name not in part.classes]:
        raise BoostflowError(
            f"evaluate.purity: the model was trained without class {', '.join(lost)}; it has"
            f" {', '.join(part.classes)}"
        )
    found = []
    for span, inside in _ranges(part, config):
        codes = part.code[inside]
        objects = {name: int((codes == k).sum()) for k, name in enumerate(part.classes)}
        one = {"range": span, "objects": objects}
        with suppress(EmptyClass):
            one |= _of_range(part, inside, config, times, seed)
        found.append(one)
    return {**config.model_dump(exclude={"edges"}), "ranges": found}


def _of_range(
    part: Classified, inside: NDArray[np.bool_], config: Purity, times: int, seed: int
) -> dict[str, Any]:
    """The keys `signals` and `decided` of a range; it raises EmptyClass as `_expected` does."""
    weight, event = part.jets["weight"][inside], part.jets["event"][inside]
    numbers = [effective(weight[part.code[inside] == k]) for k in range(len(part.classes))]
    at_cut, decided = _efficiencies(part, inside, config), _decided(part, inside)
    cuts, decisions = at_cut(weight), decided(weight)

    def all_of_them(count: NDArray) -> NDArray:
        return np.concatenate([of(weight * count).ravel() for of in (at_cut, decided)])

    spread = bootstrap(all_of_them, event, times, seed).error
    at, of = spread[: cuts.size].reshape(cuts.shape), spread[cuts.size :].reshape(decisions.shape)
    signals = {}
    for i, name in enumerate(config.signals):
        error = at_least_binomial(at[i], cuts[i], numbers[part.classes.index(name)])
        signals[name] = [
            {"purity": purity, "efficiency": _figure(cuts[i, j], error[j])}
            for j, purity in enumerate(config.purity)
        ]
    least = at_least_binomial(of[0], decisions[0], min(numbers))
    return {
        "signals": signals,
        "decided": {
            name: {
                "efficiency": _figure(decisions[0, k], least[k]),
                "purity": _figure(decisions[1, k], of[1, k]),
            }
            for k, name in enumerate(part.classes)
        },
    }


def difference(
    one: Classified, two: Classified, config: Purity, times: int, seed: int
) -> dict[str, Any]:
    """Efficiencies of one model minus those of another, at the same purities.

    Each model has cuts of its own. Errors are of the pair: both models on the same resampled
    events, and their cuts, too.

    Args:
        one: objects with columns `weight`, `event` and the named one.
        two: the same objects in the same order.
        config: classes, purities, column and ranges.
        times: resamplings.
        seed: of the bootstrap.

    Returns:
        The keys of `config`, and `ranges`: of each its `range` (null for all objects) and
        `signals`: by class and purity `purity`, `one` and `two` (efficiencies with errors),
        `value`, `error` and `pull` (null where the error is 0). No ranges if the models lack a
        named class, no signals in a range without objects of a class.
    """
    found = []
    for span, inside in _ranges(one, config) if set(config.signals) <= set(one.classes) else ():
        signals = {}
        with suppress(EmptyClass):
            signals = _differences(one, two, inside, config, times, seed)
        found.append({"range": span, "signals": signals})
    return {**config.model_dump(exclude={"edges"}), "ranges": found}


def _differences(
    one: Classified,
    two: Classified,
    inside: NDArray[np.bool_],
    config: Purity,
    times: int,
    seed: int,
) -> dict[str, list[dict[str, Any]]]:
    """The key `signals` of a range; it raises EmptyClass as `_expected` does."""
    weight, event = one.jets["weight"][inside], one.jets["event"][inside]
    first, second = (_efficiencies(part, inside, config) for part in (one, two))

    def all_three(count: NDArray) -> NDArray:
        a, b = first(weight * count), second(weight * count)
        return np.stack([a, b, a - b])

    values = all_three(np.ones(len(weight)))
    errors = bootstrap(all_three, event, times, seed).error
    signals = {}
    for i, name in enumerate(config.signals):
        number = effective(weight[one.code[inside] == one.classes.index(name)])
        least = at_least_binomial(errors[:2, i], values[:2, i], number)
        signals[name] = [
            {
                "purity": purity,
                "one": _figure(values[0, i, j], least[0, j]),
                "two": _figure(values[1, i, j], least[1, j]),
                **_figure(values[2, i, j], errors[2, i, j]),
                "pull": float(values[2, i, j] / x) if (x := errors[2, i, j]) > 0 else None,
            }
            for j, purity in enumerate(config.purity)
        ]
    return signals


def _figure(value: float, error: float) -> dict[str, float]:
    return {"value": float(value), "error": float(error)}


def _ranges(
    part: Classified, config: Purity
) -> Iterator[tuple[list[float] | None, NDArray[np.bool_]]]:
    """Ranges of the column (null for all objects), and which objects lie in them."""
    column = part.jets[config.column]
    yield None, np.ones(len(column), bool)
    for low, high in pairwise(config.edges):
        yield [low, high], (column >= low) & (column < high)


def _expected(part: Classified, inside: NDArray[np.bool_]) -> NDArray:
    """The expected part of each class, shape (objects in the range, classes).

    Raises:
        EmptyClass: a class has no positive sum of weights there.
    """
    code, weight = part.code[inside], part.jets["weight"][inside]
    sums = np.bincount(code, weight, len(part.classes))
    if (sums <= 0).any():
        raise EmptyClass("a class has no objects in a range")
    found = part.scores[inside] * sums
    return found / np.maximum(found.sum(axis=1, keepdims=True), 1e-300)


def _efficiencies(part: Classified, inside: NDArray[np.bool_], config: Purity) -> Statistic:
    """Efficiency of each signal at each purity, as a function of weights.

    Raises:
        EmptyClass: a class has no positive sum of weights in the range.
    """
    expected, code = _expected(part, inside), part.code[inside]
    numbers = [part.classes.index(name) for name in config.signals]
    each = [_at_purity(expected[:, k], code == k, config.purity) for k in numbers]
    return lambda weights: np.stack([of(weights) for of in each])


def _at_purity(score: NDArray, mine: NDArray[np.bool_], purities: Sequence[float]) -> Statistic:
    """Efficiency of the loosest cut that reaches each purity, 0 without one."""
    order = np.argsort(-score, kind="stable")
    mine, last = mine[order], np.append(np.diff(score[order]) != 0, True)
    last &= np.arange(1, len(order) + 1) >= FEW

    def efficiencies(weights: NDArray) -> NDArray:
        w = weights[order]
        signal, every = np.cumsum(np.where(mine, w, 0.0)), np.cumsum(w)
        if signal[-1] <= 0:
            raise EmptyClass("a class has no objects in a range")
        pure = np.where(last & (every > 0), signal / np.where(every > 0, every, 1.0), -1.0)
        found = []
        for purity in purities:
            passing = np.flatnonzero(pure >= purity)
            found.append(signal[passing[-1]] / signal[-1] if len(passing) else 0.0)
        return np.array(found)

    return efficiencies


def _decided(part: Classified, inside: NDArray[np.bool_]) -> Statistic:
    """Efficiency and purity of the decision for each class, shape (2, classes)."""
    decision, code = part.scores[inside].argmax(axis=1), part.code[inside]
    size = len(part.classes)

    def both(weights: NDArray) -> NDArray:
        right = np.bincount(code, np.where(decision == code, weights, 0.0), size)
        true = np.bincount(code, weights, size)
        taken = np.bincount(decision, weights, size)
        if (true <= 0).any():
            raise EmptyClass("a class has no objects in a range")
        pure = np.divide(right, taken, out=np.zeros(size), where=taken > 0)
        return np.stack([right / true, pure])

    return both

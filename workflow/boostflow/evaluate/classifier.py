"""Figures of merit of a classifier: a score table with a probability of each class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from boostflow.binomial import effective, efficiency_error
from boostflow.config.chain import Evaluate
from boostflow.errors import BoostflowError
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.curves import (
    FEW,
    EmptyClass,
    Ranking,
    at_least_binomial,
    components,
    delong,
    rejection,
)
from boostflow.evaluate.significance import scan
from boostflow.jobs.models import Judged
from boostflow.models.family import Role
from boostflow.scored import TEST, TRAIN, Table, rows

GRID = np.round(np.linspace(0.01, 1.0, 100), 2)
"""Signal efficiencies at which ROC curves are kept."""
BINS = np.linspace(0, 1, 26)
"""Bin edges of the score distributions."""


class Classified(NamedTuple):
    """Jets with a score for each of their classes: what is judged, whatever the model."""

    classes: list[str]
    jets: Table
    """One row per jet."""
    code: NDArray[np.intp]
    """Class number of each jet."""
    scores: NDArray
    """Shape (jets, classes)."""


def probability_columns(table: Table, judged: Judged) -> dict[str, str]:
    """The columns of probabilities by class; a class that the training lacked has none.

    Raises:
        BoostflowError: the table has no such column.
    """
    found = {
        s.of: s.column
        for s in judged.scores
        if s.of and s.role is Role.PROBABILITY and s.column in table
    }
    if not found:
        wanted = ", ".join(judged.columns(Role.PROBABILITY)) or "the model's family names none"
        raise BoostflowError(f"the score table has no probability of a class ({wanted})")
    return found


def normalised(weight: NDArray, code: NDArray, classes: Sequence[str]) -> NDArray:
    """Weights that add up to 1 in each class, signs kept: classes are compared by shape.

    Raises:
        EmptyClass: a class has no positive sum of weights.
    """
    total = np.bincount(code, weight, len(classes))
    if (total <= 0).any():
        least = int(np.argmin(total))
        raise EmptyClass(
            f"class {classes[least]}: the weights of its {(code == least).sum()} test jets add up "
            f"to {total[least]:g}, which is not positive; simulate more events"
        )
    return weight / total[code]


def labelled(table: Table, classes: list[str], split: int) -> tuple[Table, NDArray[np.intp]]:
    """Jets of a split whose label is one of the classes (not "unmatched"), and their class numbers.

    Raises:
        BoostflowError: a class has no jet.
    """
    code = np.full(len(table["label"]), -1)
    for number, name in enumerate(classes):
        code[table["label"] == name] = number
    keep = (table["split"] == split) & (code >= 0)
    missing = [name for number, name in enumerate(classes) if number not in code[keep]]
    if missing:
        part = {TRAIN: "training", TEST: "test"}[split]
        raise BoostflowError(
            f"no {part} jets of class {', '.join(missing)}; loosen the selection or simulate more"
        )
    return rows(table, keep), code[keep]


def probabilities(table: Table, columns: Iterable[str]) -> NDArray:
    """Columns of probabilities, shape (jets, classes).

    Raises:
        BoostflowError: a score is not finite.
    """
    scores = np.stack([table[name] for name in columns], axis=1).astype(float)
    if not np.isfinite(scores).all():
        raise BoostflowError(f"{(~np.isfinite(scores)).any(axis=1).sum()} jets have a NaN score")
    return scores


def classified(table: Table, judged: Judged) -> Classified:
    """The test jets of a classifier's classes.

    Raises:
        BoostflowError: there are no probabilities, a class has no test jet, or a score is not
            finite.
    """
    columns = probability_columns(table, judged)
    jets, code = labelled(table, list(columns), TEST)
    for number, name in enumerate(columns):
        mine = code == number
        if jets["weight"][mine].sum() <= 0:
            samples = ", ".join(np.unique(jets["sample"][mine]))
            raise BoostflowError(
                f"class {name} (sample {samples}): the weights of its {mine.sum()} test jets of "
                f"{len(np.unique(jets['event'][mine]))} events do not have a positive sum; "
                "simulate more events"
            )
    return Classified(list(columns), jets, code, probabilities(jets, columns.values()))


def uniform(weight: NDArray, code: NDArray) -> bool:
    """Whether the jets of each class all have the same weight."""
    return all(
        np.ptp(mine) <= 1e-6 * abs(mine[0]) for mine in (weight[code == k] for k in np.unique(code))
    )


def areas(part: Classified, times: int, seed: int) -> dict[str, Any]:
    """One-vs-rest AUC of each class and their mean, and the ROC curves, all with errors.

    The rest is made of the other classes in equal parts. Errors of AUCs are DeLong's (class by
    class, see `curves.delong`) where the jets of a class all have the same weight, else, for the
    mean and along the curves (of the background efficiency at fixed signal efficiency; null where
    fewer than `FEW` jets of the rest pass) from the event bootstrap.

    Args:
        part: jets with columns `weight` and `event`.
        times: resamplings of the bootstrap.
        seed: of the bootstrap.
    """
    classes, jets, code, scores = part
    size = len(classes)
    weight = jets["weight"]
    rankings = [Ranking(scores[:, k], code == k) for k in range(size)]

    def values(count: NDArray) -> NDArray:
        w = normalised(weight * count, code, classes)
        each = [ranking.auc(w) for ranking in rankings]
        curves = [ranking.background_at(w, GRID) for ranking in rankings]
        return np.concatenate([each, [np.mean(each)], *curves])

    nominal = values(np.ones(len(code)))
    resampled = bootstrap(values, jets["event"], times, seed)
    spread = resampled.error
    even = uniform(weight, code)
    w = normalised(weight, code, classes)
    number = [effective(weight[code == k]) for k in range(size)]
    result: dict[str, Any] = {"auc": {}, "roc": {"signal_efficiency": GRID.tolist(), "error": {}}}
    for k, name in enumerate(classes):
        error, method = float(spread[k]), "event bootstrap"
        if even:
            component = components(scores[:, k], code == k, w)[1]
            error, method = delong(component, code == k, w, code, jets["event"]), "DeLong"
        rest = effective(w[code != k])
        error = float(at_least_binomial(error, nominal[k], min(number[k], rest)))
        result["auc"][name] = {"value": float(nominal[k]), "error": error, "method": method}
        curve = slice(size + 1 + k * len(GRID), size + 1 + (k + 1) * len(GRID))
        result["roc"][name] = nominal[curve].tolist()
        unweighted = rankings[k].background_at(np.ones(len(code)), GRID) * (code != k).sum()
        result["roc"]["error"][name] = [
            float(x) if passing >= FEW else None
            for x, passing in zip(
                at_least_binomial(spread[curve], nominal[curve], rest), unweighted, strict=True
            )
        ]
    result["macro_auc"] = {
        "value": float(nominal[size]),
        "error": float(at_least_binomial(spread[size], nominal[size], min(number))),
        "method": "event bootstrap",
    }
    if notes := resampled.note(times):
        result["notes"] = notes
    return result


def confusion(
    decided: NDArray, code: NDArray, weight: NDArray, classes: list[str]
) -> dict[str, Any]:
    """Accuracy (mean over classes) and the confusion matrix, rows of the truth adding up to 1.

    Errors are those of the binomial's posterior (`binomial.efficiency_error`) with the effective
    number of jets (sum w)^2 / sum w^2 of a class.
    """
    size = len(classes)
    matrix = np.zeros((size, size))
    number = np.zeros(size)
    for k in range(size):
        mine = weight[code == k]
        matrix[k] = np.bincount(decided[code == k], mine, size) / mine.sum()
        number[k] = effective(mine)
    right = np.diag(matrix)
    errors = efficiency_error(matrix * number[:, None], number[:, None])
    error = np.sqrt(np.sum(np.diag(errors) ** 2)) / size
    return {
        "accuracy": {"value": float(right.mean()), "error": float(error)},
        "confusion": {
            "classes": classes,
            "matrix": matrix.tolist(),
            "error": errors.tolist(),
        },
    }


class Pair(NamedTuple):
    """One class against some others, from the scores of a classifier."""

    signal: str
    background: list[str]
    mine: NDArray[np.bool_]
    """Whether each jet is of one of the classes, shape (jets,)."""
    score: NDArray
    """p_signal / (p_signal + sum of p_background) of those jets."""
    positive: NDArray[np.bool_]
    """Whether each of those jets is signal."""


def pairs(part: Classified, config: Evaluate) -> list[Pair]:
    """The configured pairs of classes; those with a class that the model lacks are left out."""
    result = []
    for signal, background in config.rejection:
        if not {signal, *background} <= set(part.classes):
            continue
        s, b = part.classes.index(signal), [part.classes.index(name) for name in background]
        mine = np.isin(part.code, [s, *b])
        p = part.scores[mine]
        score = p[:, s] / np.maximum(p[:, s] + p[:, b].sum(axis=1), 1e-300)
        result.append(Pair(signal, background, mine, score, part.code[mine] == s))
    return result


def rejections(part: Classified, config: Evaluate, seed: int) -> list[dict[str, Any]]:
    """Background rejection of each configured pair at each configured signal efficiency.

    Background classes count in equal parts. Errors come from the event bootstrap: they hold that of
    the cut, which the signal jets fix, and count both jets of an event as one.
    """
    result = []
    weight = part.jets["weight"]
    for pair in pairs(part, config):
        ranking = Ranking(pair.score, pair.positive)

        def passing(count: NDArray, ranking: Ranking = ranking, pair: Pair = pair) -> NDArray:
            w = normalised(weight * count, part.code, part.classes)[pair.mine]
            return ranking.background_at(w, config.efficiencies)

        error = bootstrap(passing, part.jets["event"], config.bootstrap, seed).error
        w = normalised(weight, part.code, part.classes)[pair.mine]
        for efficiency, spread in zip(config.efficiencies, error, strict=True):
            result.append(
                {"signal": pair.signal, "background": pair.background, "efficiency": efficiency}
                | rejection(pair.score, pair.positive, w, efficiency, float(spread))
            )
    return result


def overtraining(table: Table, columns: Mapping[str, str]) -> dict[str, Any]:
    """Score distributions of training and test jets and their Kolmogorov-Smirnov tests.

    For each class, its probability for its own jets ("signal") and for all others ("rest"),
    unweighted, since the question is whether the model knows jets by heart.

    Args:
        table: from `scored.read_scored` with `split`.
        columns: of the probabilities, by class.
    """
    parts = {split: labelled(table, list(columns), split) for split in (TRAIN, TEST)}
    scores = {split: probabilities(jets, columns.values()) for split, (jets, _) in parts.items()}
    result: dict[str, Any] = {"edges": BINS.tolist()}
    for k, name in enumerate(columns):
        result[name] = {}
        for which in ("signal", "rest"):
            values = {
                split: scores[split][(code == k) == (which == "signal"), k]
                for split, (_, code) in parts.items()
            }
            test = stats.ks_2samp(values[TRAIN], values[TEST])
            result[name][which] = {
                "ks": float(test.statistic),
                "p_value": float(test.pvalue),
                "train": np.histogram(values[TRAIN], BINS)[0].tolist(),
                "test": np.histogram(values[TEST], BINS)[0].tolist(),
            }
    return result


def evaluate(
    table: Table,
    judged: Judged,
    config: Evaluate,
    signal: list[str],
    luminosity: float,
    seed: int,
) -> tuple[dict[str, Any], Table]:
    """All figures of merit of a classifier on the test split, and the jets behind them.

    Args:
        table: from `scored.read_scored` with `split`, `weight`, `candidate`.
        judged: the columns of the probabilities.
        config: efficiencies, pairs, background uncertainty, resamplings.
        signal: signal samples of the significance scan, empty for none; the score is the sum of
            the probabilities of the classes that their jets are labelled with.
        luminosity: in 1/fb.
        seed: of the bootstrap.

    Returns:
        The figures, and the test jets.

    Raises:
        BoostflowError: a class without test jets, NaN scores, an unknown signal sample.
    """
    part = classified(table, judged)
    classes, jets, code, scores = part
    result: dict[str, Any] = {
        "kind": "classifier",
        "jets": {name: int((code == k).sum()) for k, name in enumerate(classes)},
    }
    result |= areas(part, config.bootstrap, seed)
    result |= confusion(scores.argmax(axis=1), code, jets["weight"], classes)
    result["rejection"] = rejections(part, config, seed)
    result["overtraining"] = overtraining(table, probability_columns(table, judged))
    if not signal:
        return result, jets
    score, title = signal_score(table, judged, signal)
    result["significance"] = {
        "signal": signal,
        "score": title,
        "luminosity": luminosity,
        "background_uncertainty": config.background_uncertainty,
    } | scan(table, score, signal, luminosity, config.background_uncertainty)
    return result, jets


def signal_score(table: Table, judged: Judged, signal: list[str]) -> tuple[NDArray, str]:
    """The score that signal samples are looked for with, shape (jets,), and its name.

    It is the sum of the probabilities of the classes that the samples' jets are labelled with.

    Returns:
        The score, and its columns with plus signs between them: `p_top + p_w`.

    Raises:
        BoostflowError: no jet of the samples has a class of the model.
    """
    classes = probability_columns(table, judged)
    wanted = sorted(set(table["label"][np.isin(table["sample"], signal)]) & set(classes))
    if not wanted:
        raise BoostflowError(
            f"no jet of the signal sample {', '.join(signal)} has one of the model's classes "
            f"({', '.join(classes)})"
        )
    columns = [classes[name] for name in wanted]
    return probabilities(table, columns).sum(axis=1), " + ".join(columns)

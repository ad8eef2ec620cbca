"""Figures of merit of a classifier: a score table with a column `p_<class>` for each class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from boostflow.config.models import Evaluate
from boostflow.errors import BoostflowError
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.curves import Ranking, delong, rejection
from boostflow.evaluate.significance import scan
from boostflow.scored import TEST, TRAIN, Table, rows

GRID = np.round(np.linspace(0.01, 1.0, 100), 2)
"""Signal efficiencies at which ROC curves are kept."""
BINS = np.linspace(0, 1, 26)
"""Bin edges of the score distributions."""


def classes_of(table: Table) -> list[str]:
    """Classes that a score table has probabilities for, in the order of its columns."""
    return [name.removeprefix("p_") for name in table if name.startswith("p_")]


def normalised(weight: NDArray, code: NDArray, classes: int) -> NDArray:
    """Weights that add up to 1 in each class, signs kept: classes are compared by shape.

    Raises:
        BoostflowError: a class has no positive sum of weights.
    """
    total = np.bincount(code, weight, classes)
    if (total <= 0).any():
        raise BoostflowError(
            f"class number {int(np.argmin(total))}: the weights of the test jets do not have a "
            "positive sum; simulate more events"
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


def probabilities(table: Table, classes: list[str]) -> NDArray:
    """The columns `p_<class>`, shape (jets, classes).

    Raises:
        BoostflowError: a score is not finite.
    """
    scores = np.stack([table[f"p_{name}"] for name in classes], axis=1).astype(float)
    if not np.isfinite(scores).all():
        raise BoostflowError(f"{(~np.isfinite(scores)).any(axis=1).sum()} jets have a NaN score")
    return scores


def areas(
    scores: NDArray, code: NDArray, jets: Table, classes: list[str], times: int, seed: int
) -> dict[str, Any]:
    """One-vs-rest AUC of each class and their mean, with errors, and the ROC curves.

    The rest is made of the other classes in equal parts. Errors are DeLong's (class by class, see
    `curves.delong`) where the jets of a class all have the same weight, else and for the mean from
    the event bootstrap.

    Args:
        scores: shape (jets, classes).
        code: shape (jets,), class numbers.
        jets: columns `weight` and `event`.
        classes: names.
        times: resamplings of the bootstrap.
        seed: of the bootstrap.
    """
    size = len(classes)
    weight = jets["weight"]
    rankings = [Ranking(scores[:, k], code == k) for k in range(size)]

    def values(count: NDArray) -> NDArray:
        w = normalised(weight * count, code, size)
        each = [ranking.auc(w) for ranking in rankings]
        return np.array([*each, np.mean(each)])

    nominal = values(np.ones(len(code)))
    spread = bootstrap(values, jets["event"], times, seed)
    uniform = all(
        np.ptp(weight[code == k]) <= 1e-6 * abs(weight[code == k][0]) for k in range(size)
    )
    w = normalised(weight, code, size)
    result: dict[str, Any] = {"auc": {}, "roc": {"signal_efficiency": GRID.tolist()}}
    for k, name in enumerate(classes):
        error, method = float(spread[k]), "event bootstrap"
        if uniform:
            error, method = delong(scores[:, k], code == k, w, code)[1], "DeLong"
        result["auc"][name] = {"value": float(nominal[k]), "error": error, "method": method}
        signal, background = rankings[k].curve(w)
        result["roc"][name] = background[
            [int(np.argmax(signal >= efficiency - 1e-9)) for efficiency in GRID]
        ].tolist()
    result["macro_auc"] = {
        "value": float(nominal[-1]),
        "error": float(spread[-1]),
        "method": "event bootstrap",
    }
    return result


def confusion(
    decided: NDArray, code: NDArray, weight: NDArray, classes: list[str]
) -> dict[str, Any]:
    """Accuracy (mean over classes) and the confusion matrix, rows of the truth adding up to 1.

    Errors are binomial with the effective number of jets (sum w)^2 / sum w^2 of a class.
    """
    size = len(classes)
    matrix = np.zeros((size, size))
    effective = np.zeros(size)
    for k in range(size):
        mine = weight[code == k]
        matrix[k] = np.bincount(decided[code == k], mine, size) / mine.sum()
        effective[k] = mine.sum() ** 2 / (mine**2).sum()
    right = np.diag(matrix)
    error = np.sqrt(np.sum(np.clip(right * (1 - right), 0, None) / effective)) / size
    return {
        "accuracy": {"value": float(right.mean()), "error": float(error)},
        "confusion": {
            "classes": classes,
            "matrix": matrix.tolist(),
            "error": np.sqrt(np.clip(matrix * (1 - matrix), 0, None) / effective[:, None]).tolist(),
        },
    }


def rejections(
    scores: NDArray, code: NDArray, weight: NDArray, classes: list[str], config: Evaluate
) -> list[dict[str, Any]]:
    """Background rejection of each configured pair at each configured signal efficiency.

    The score of a pair is p_signal / (p_signal + sum of p_background); background classes count in
    equal parts. Pairs with a class that the model does not know are left out.
    """
    result = []
    for signal, background in config.rejection:
        if not {signal, *background} <= set(classes):
            continue
        s, b = classes.index(signal), [classes.index(name) for name in background]
        mine = np.isin(code, [s, *b])
        part = scores[mine]
        score = part[:, s] / np.maximum(part[:, s] + part[:, b].sum(axis=1), 1e-300)
        w = normalised(weight, code, len(classes))[mine]
        for efficiency in config.efficiencies:
            result.append(
                {"signal": signal, "background": background, "efficiency": efficiency}
                | rejection(score, code[mine] == s, w, efficiency)
            )
    return result


def overtraining(table: Table, classes: list[str]) -> dict[str, Any]:
    """Score distributions of training and test jets and their Kolmogorov-Smirnov tests.

    For each class, the score p_class of its own jets ("signal") and of all others ("rest"),
    unweighted, since the question is whether the model knows jets by heart.
    """
    parts = {split: labelled(table, classes, split) for split in (TRAIN, TEST)}
    scores = {split: probabilities(jets, classes) for split, (jets, _) in parts.items()}
    result: dict[str, Any] = {"edges": BINS.tolist()}
    for k, name in enumerate(classes):
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
    table: Table, config: Evaluate, signal: list[str], luminosity: float, seed: int
) -> dict[str, Any]:
    """All figures of merit of a classifier on the test split.

    Args:
        table: from `scored.read_scored` with `split`, `weight`, `candidate`.
        config: efficiencies, pairs, background uncertainty, resamplings.
        signal: signal samples of the significance scan, empty for none; the score is the sum of
            p_<class> over the classes their jets are labelled with.
        luminosity: in 1/fb.
        seed: of the bootstrap.

    Raises:
        BoostflowError: a class without test jets, NaN scores, an unknown signal sample.
    """
    classes = classes_of(table)
    jets, code = labelled(table, classes, TEST)
    scores = probabilities(jets, classes)
    weight = jets["weight"]
    result: dict[str, Any] = {
        "kind": "classifier",
        "jets": {name: int((code == k).sum()) for k, name in enumerate(classes)},
    }
    result |= areas(scores, code, jets, classes, config.bootstrap, seed)
    result |= confusion(scores.argmax(axis=1), code, weight, classes)
    result["rejection"] = rejections(scores, code, weight, classes, config)
    result["overtraining"] = overtraining(table, classes)
    if not signal:
        return result
    wanted = sorted(set(table["label"][np.isin(table["sample"], signal)]) & set(classes))
    if not wanted:
        raise BoostflowError(
            f"no jet of the signal sample {', '.join(signal)} has one of the model's classes "
            f"({', '.join(classes)})"
        )
    score = probabilities(table, classes)[:, [classes.index(name) for name in wanted]].sum(axis=1)
    result["significance"] = {
        "signal": signal,
        "score": " + ".join(f"p_{name}" for name in wanted),
        "luminosity": luminosity,
        "background_uncertainty": config.background_uncertainty,
    } | scan(table, score, signal, luminosity, config.background_uncertainty)
    return result

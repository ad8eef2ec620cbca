"""Differences of models and a reference on the same jets, with paired errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from boostflow.config.chain import Efficiency, Purity
from boostflow.errors import BoostflowError
from boostflow.evaluate import efficiency, purity
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.classifier import Classified, normalised, uniform
from boostflow.evaluate.curves import Ranking, components, delong
from boostflow.scored import rows


def common(one: Classified, two: Classified) -> tuple[Classified, Classified] | None:
    """The jets that both models score, with the scores of the classes that both know.

    Scores are p_class / (sum of p over the common classes). Null where fewer than two classes have
    such jets.

    Args:
        one: jets with a column `row`, their place in the table that both models score.
        two: the same for the other model.
    """
    both = np.intersect1d(one.jets["row"], two.jets["row"])
    labels = one.jets["label"][np.isin(one.jets["row"], both)]
    classes = [name for name in one.classes if name in two.classes and name in labels]
    if len(classes) < 2:
        return None
    parts = []
    for part in (one, two):
        mine = np.isin(part.jets["row"], both) & np.isin(part.jets["label"], classes)
        scores = part.scores[mine][:, [part.classes.index(name) for name in classes]]
        scores = scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-300)
        jets = rows(part.jets, mine)
        code = np.array([classes.index(name) for name in jets["label"]])
        parts.append(Classified(classes, jets, code, scores))
    return parts[0], parts[1]


def difference(one: Classified, two: Classified, times: int, seed: int) -> dict[str, Any]:
    """AUC of `one` minus that of `two`, one class against the others, and of their mean.

    Errors are of the pair: DeLong's (Biometrics 44 (1988) 837) where the jets of each class all
    have the same weight, else, and for the mean, from the event bootstrap with both models on the
    same resampled events.

    Args:
        one: from `common`.
        two: from `common`, the same jets.
        times: resamplings of the bootstrap.
        seed: of the bootstrap.

    Returns:
        By class and `macro`: `one`, `two` (their AUCs), `value`, `error`, `method`, `pull` (value /
        error) and `p_value` (two-sided, normal; both null where the error is 0).
    """
    size = len(one.classes)
    weight = one.jets["weight"]
    rankings = [
        [Ranking(part.scores[:, k], part.code == k) for k in range(size)] for part in (one, two)
    ]

    def values(count: NDArray) -> NDArray:
        w = normalised(weight * count, one.code, one.classes)
        aucs = np.array([[ranking.auc(w) for ranking in each] for each in rankings])
        aucs = np.column_stack([aucs, aucs.mean(axis=1)])
        return np.vstack([aucs, aucs[0] - aucs[1]])

    nominal = values(np.ones(len(weight)))
    spread = bootstrap(values, one.jets["event"], times, seed).error[2]
    w = normalised(weight, one.code, one.classes)
    even = uniform(weight, one.code)
    result = {}
    for k, name in enumerate([*one.classes, "macro"]):
        error, method = float(spread[k]), "paired event bootstrap"
        if even and k < size:
            positive = one.code == k
            first, second = (components(part.scores[:, k], positive, w)[1] for part in (one, two))
            error = delong(first - second, positive, w, one.code, one.jets["event"])
            method = "paired DeLong"
        pull = float(nominal[2, k] / error) if error > 0 else None
        result[name] = {
            "one": float(nominal[0, k]),
            "two": float(nominal[1, k]),
            "value": float(nominal[2, k]),
            "error": error,
            "method": method,
            "pull": pull,
            "p_value": None if pull is None else float(2 * stats.norm.sf(abs(pull))),
        }
    return result


def compare(
    models: Mapping[str, Classified],
    reference: str,
    times: int,
    seed: int,
    quoted: Efficiency | None = None,
    pure: Purity | None = None,
) -> dict[str, Any]:
    """The reference beside each other model: as many pairs as there are other models.

    Args:
        models: by name, jets with columns `row`, `label`, `weight`, `event`.
        reference: name of the model that comes first in each pair.
        times: resamplings of the bootstrap.
        seed: of the bootstrap.
        quoted: efficiencies at fixed mistag rates that are compared, too; jets have its column.
        pure: the same of efficiencies at equal purity.

    Returns:
        `pairs`: their `models`, `jets` by class, `auc` (`difference`) and, where they are quoted,
        `efficiency` (`efficiency.difference`) and `purity` (`purity.difference`); `notes`: why
        there is no such pair.

    Raises:
        BoostflowError: the reference is none of the models, or the only one.
    """
    if reference not in models:
        raise BoostflowError(f"the reference {reference} is not among {', '.join(models)}")
    if len(models) < 2:
        raise BoostflowError(f"nothing to compare: {len(models)} model")
    result: dict[str, Any] = {"pairs": [], "notes": []}
    for name, other in models.items():
        if name == reference:
            continue
        found = common(models[reference], other)
        if found is None:
            result["notes"].append(f"{reference} and {name} have fewer than two classes in common")
            continue
        numbers = np.bincount(found[0].code, minlength=len(found[0].classes)).tolist()
        pair = {
            "models": [reference, name],
            "jets": dict(zip(found[0].classes, numbers, strict=True)),
            "auc": difference(*found, times, seed),
        }
        if quoted is not None:
            pair["efficiency"] = efficiency.difference(*found, quoted, times, seed)
        if pure is not None:
            pair["purity"] = purity.difference(*found, pure, times, seed)
        result["pairs"].append(pair)
    return result

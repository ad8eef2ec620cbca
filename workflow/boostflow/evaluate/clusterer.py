"""Figures of merit of a clustering: a score table with clusters and distances to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from boostflow import matching
from boostflow.binomial import efficiency_error
from boostflow.config.chain import Evaluate
from boostflow.errors import BoostflowError
from boostflow.evaluate.baselines import Baselines, clusterings
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.classifier import Classified, areas, labelled
from boostflow.evaluate.curves import at_least_binomial
from boostflow.jobs.models import Judged
from boostflow.models.family import Role
from boostflow.observables.catalogue import stored_observables
from boostflow.scored import TEST, TRAIN, Table, rows

COLUMNS = ["mass", "msoftdrop"]
"""Columns of the selected jets that the evaluation needs."""
OPTIONAL = [name for name in stored_observables() if name not in COLUMNS]
"""Columns that the baselines use where they exist."""


def those_of(table: Table, judged: Judged) -> Table:
    """The jets that a clustering is judged by: its samples, in its mass window."""
    keep = np.ones(len(table["sample"]), dtype=bool)
    if judged.samples is not None:
        keep &= np.isin(table["sample"], judged.samples)
    if judged.mass is not None:
        keep &= (table["mass"] >= judged.mass[0]) & (table["mass"] < judged.mass[1])
    return rows(table, keep)


def distances(table: Table, judged: Judged) -> NDArray:
    """Distances to the clusters by their numbers, shape (jets, clusters)."""
    return np.stack([table[name] for name in judged.columns(Role.DISTANCE)], axis=1).astype(float)


def numbers(table: Table, judged: Judged) -> NDArray[np.int_]:
    """The number of each jet's cluster, -1 for none, shape (jets,)."""
    return table[judged.columns(Role.CLUSTER)[0]].astype(int)


def as_classifier(
    test: Table,
    truth: NDArray,
    classes: Sequence[str],
    to_class: Mapping[int, int],
    judged: Judged,
) -> Classified:
    """A clustering read as a classifier: softmax(-distance) of the cluster matched to each class.

    Args:
        test: scored and unscored jets; the latter are left out, as is a class without a cluster.
        truth: shape (jets,), class numbers.
        classes: names.
        to_class: class number by cluster.
        judged: the columns of the scores.
    """
    cluster_of = {c: k for k, c in to_class.items()}
    matched = [c for c in range(len(classes)) if c in cluster_of]
    mine = (numbers(test, judged) >= 0) & np.isin(truth, matched)
    score = softmax(-distances(test, judged)[mine], axis=1)[:, [cluster_of[c] for c in matched]]
    code = np.searchsorted(matched, truth[mine])
    return Classified([classes[c] for c in matched], rows(test, mine), code, score)


def classified(table: Table, judged: Judged) -> Classified:
    """The test jets that a clustering is judged by; clusters are matched as in `evaluate`.

    Raises:
        BoostflowError: a class has no test jet.
    """
    table = those_of(table, judged)
    classes = sorted(set(table["label"]) - {"", "unmatched"})
    test, truth = labelled(table, classes, TEST)
    shape = (len(classes), len(judged.columns(Role.DISTANCE)))
    counts = matching.contingency(truth, numbers(test, judged), *shape)
    return as_classifier(test, truth, classes, matching.match(counts), judged)


def typical(jets: Table, classes: Sequence[str], judged: Judged) -> dict[str, int]:
    """One jet of each class: the row of that which is nearest to its own cluster's centroid.

    It is taken from the cluster matched to the class, where that has jets of the class.

    Args:
        jets: from `evaluate`, with at least one scored jet of each class.
        classes: names of the classes.
        judged: the columns of the scores.
    """
    cluster = numbers(jets, judged)
    own = np.where(cluster >= 0, distances(jets, judged)[np.arange(len(cluster)), cluster], np.inf)
    found = {}
    for code, name in enumerate(classes):
        mine = jets["truth"] == code
        right = mine & (jets["matched"] == code)
        rows = np.flatnonzero(right if right.any() else mine)
        found[name] = int(rows[np.argmin(own[rows])])
    return found


def evaluate(
    table: Table,
    judged: Judged,
    config: Evaluate,
    seed: int,
    own: Baselines | None = None,
) -> tuple[dict[str, Any], Table]:
    """All figures of merit of a clustering, and the jets behind them.

    One global Hungarian matching of clusters with classes on all judged test jets, unweighted; jets
    labelled "unmatched" are left out; a jet that could not be scored counts as wrong. The
    baselines are fitted on the training split and judged on the same test jets in the same way, and
    `difference` is the model's accuracy minus theirs with the error of the paired bootstrap. Each
    resampling matches anew. AUCs come from softmax(-distance) of the
    matched cluster; with fewer clusters than classes, of the classes that have one.

    Args:
        table: from `scored.read_scored` with `split`, `weight`, `COLUMNS` and `OPTIONAL`.
        judged: samples and mass window, and the columns of the scores.
        config: resamplings.
        seed: of the bootstrap and of k-means.
        own: further baselines, of the model's family.

    Returns:
        The figures, and the test jets with `truth` (class number) and `matched` (class number of
        the jet's cluster, -1 for none).
    """
    from sklearn.metrics import adjusted_mutual_info_score

    table = those_of(table, judged)
    classes = sorted(set(table["label"]) - {"", "unmatched"})
    train, train_truth = labelled(table, classes, TRAIN)
    test, truth = labelled(table, classes, TEST)
    clusters = len(judged.columns(Role.DISTANCE))
    shape = (len(classes), clusters)

    found = {"model": numbers(test, judged)}
    scored = found["model"] >= 0
    if not np.isin(np.arange(len(classes)), truth[scored]).all():
        raise BoostflowError(
            "a class has no test jet with a cluster (cluster is -1): was the model trained for it?"
        )
    found |= clusterings(train, test, train_truth, len(classes), clusters, seed, own)

    # What is supervised has as many clusters as there are classes.
    widest = (len(classes), max(shape))

    def accuracies(count: NDArray) -> NDArray:
        values = [
            matching.accuracy(matching.contingency(truth, cluster, *widest, count), count.sum())
            for cluster in found.values()
        ]
        return np.array([values, values[0] - np.array(values)])

    value = accuracies(np.ones(len(truth)))
    jets = len(np.unique(test["event"]))
    error = bootstrap(accuracies, test["event"], config.bootstrap, seed).error
    error[0] = at_least_binomial(error[0], value[0], jets)
    counts = matching.contingency(truth, found["model"], *shape)
    to_class = matching.match(counts)
    order = sorted(range(clusters), key=lambda k: (to_class.get(k, len(classes)), k))

    def mutual_information(count: NDArray) -> float:
        again = np.repeat(np.flatnonzero(scored), count[scored].astype(int))
        return adjusted_mutual_info_score(truth[again], found["model"][again])

    information = bootstrap(
        mutual_information, test["event"], min(config.bootstrap, 50), seed
    ).error
    size = np.bincount(truth, minlength=len(classes))[:, None]
    share = counts[:, order] / size
    result: dict[str, Any] = {
        "kind": "clusterer",
        "jets": {name: int(n) for name, n in zip(classes, size[:, 0], strict=True)},
        "unscored": int((~scored).sum()),
        "matching": {str(k): classes[c] for k, c in sorted(to_class.items())},
        "accuracy": {"value": float(value[0, 0]), "error": float(error[0, 0])},
        "adjusted_mutual_information": {
            "value": float(mutual_information(np.ones(len(truth)))),
            "error": float(information),
        },
        "confusion": {
            "classes": classes,
            "columns": [
                f"{k} ({classes[to_class[k]]})" if k in to_class else str(k) for k in order
            ],
            "matrix": share.tolist(),
            "error": efficiency_error(counts[:, order], size).tolist(),
        },
        "baselines": {
            name: {
                "value": float(value[0, i]),
                "error": float(error[0, i]),
                "difference": {"value": float(value[1, i]), "error": float(error[1, i])},
            }
            for i, name in enumerate(found)
            if i > 0
        },
    }
    part = as_classifier(test, truth, classes, to_class, judged)
    result |= areas(part, config.bootstrap, seed)
    test["truth"] = truth
    test["matched"] = np.array([to_class.get(k, -1) for k in found["model"]])
    return result, test

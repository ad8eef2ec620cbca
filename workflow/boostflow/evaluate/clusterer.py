"""Figures of merit of a clustering: a score table with columns `cluster` and `dist_<k>`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from boostflow import matching
from boostflow.config.chain import Evaluate
from boostflow.errors import BoostflowError
from boostflow.evaluate.baselines import clusterings
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.classifier import Classified, areas, labelled
from boostflow.observables.names import ALL_OBSERVABLES
from boostflow.scored import TEST, TRAIN, Table, rows

COLUMNS = ["mass", "msoftdrop"]
"""Columns of the selected jets that the evaluation needs."""
OPTIONAL = [name for name in ALL_OBSERVABLES if name not in COLUMNS]
"""Columns that the baselines use where they exist."""


def judged(table: Table, samples: list[str] | None, mass: tuple[float, float] | None) -> Table:
    """The jets that a clustering is judged by: those samples, in that mass window (GeV)."""
    keep = np.ones(len(table["sample"]), dtype=bool)
    if samples is not None:
        keep &= np.isin(table["sample"], samples)
    if mass is not None:
        keep &= (table["mass"] >= mass[0]) & (table["mass"] < mass[1])
    return rows(table, keep)


def distances(table: Table) -> NDArray:
    """Columns `dist_0`, `dist_1`, ... (squared distances), shape (jets, clusters)."""
    size = sum(name.startswith("dist_") for name in table)
    return np.stack([table[f"dist_{k}"] for k in range(size)], axis=1).astype(float)


def as_classifier(
    test: Table, truth: NDArray, classes: Sequence[str], to_class: Mapping[int, int]
) -> Classified:
    """A clustering read as a classifier: softmax(-distance) of the cluster matched to each class.

    Args:
        test: scored and unscored jets; the latter are left out, as is a class without a cluster.
        truth: shape (jets,), class numbers.
        classes: names.
        to_class: class number by cluster.
    """
    cluster_of = {c: k for k, c in to_class.items()}
    matched = [c for c in range(len(classes)) if c in cluster_of]
    mine = (test["cluster"] >= 0) & np.isin(truth, matched)
    score = softmax(-distances(test)[mine], axis=1)[:, [cluster_of[c] for c in matched]]
    code = np.searchsorted(matched, truth[mine])
    return Classified([classes[c] for c in matched], rows(test, mine), code, score)


def classified(
    table: Table, samples: list[str] | None, mass: tuple[float, float] | None
) -> Classified:
    """The test jets that a clustering is judged by; clusters are matched as in `evaluate`.

    Raises:
        BoostflowError: a class has no test jet.
    """
    table = judged(table, samples, mass)
    classes = sorted(set(table["label"]) - {"", "unmatched"})
    test, truth = labelled(table, classes, TEST)
    shape = (len(classes), distances(test).shape[1])
    counts = matching.contingency(truth, test["cluster"], *shape)
    return as_classifier(test, truth, classes, matching.match(counts))


def typical(jets: Table, classes: Sequence[str]) -> dict[str, int]:
    """One jet of each class: the row of that which is nearest to its own cluster's centroid.

    It is taken from the cluster matched to the class, where that has jets of the class.

    Args:
        jets: from `evaluate`, with at least one scored jet of each class.
        classes: names of the classes.
    """
    cluster = jets["cluster"].astype(int)
    own = np.where(cluster >= 0, distances(jets)[np.arange(len(cluster)), cluster], np.inf)
    found = {}
    for code, name in enumerate(classes):
        mine = jets["truth"] == code
        right = mine & (jets["matched"] == code)
        rows = np.flatnonzero(right if right.any() else mine)
        found[name] = int(rows[np.argmin(own[rows])])
    return found


def evaluate(
    table: Table,
    config: Evaluate,
    samples: list[str] | None,
    mass: tuple[float, float] | None,
    seed: int,
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
        config: resamplings.
        samples: samples that are judged; null for all.
        mass: window of the jet mass (GeV); null for none.
        seed: of the bootstrap and of k-means.

    Returns:
        The figures, and the test jets with `truth` (class number) and `matched` (class number of
        the jet's cluster, -1 for none).
    """
    from sklearn.metrics import adjusted_mutual_info_score

    table = judged(table, samples, mass)
    classes = sorted(set(table["label"]) - {"", "unmatched"})
    train, train_truth = labelled(table, classes, TRAIN)
    test, truth = labelled(table, classes, TEST)
    distance = distances(test)
    clusters = distance.shape[1]
    shape = (len(classes), clusters)

    found = {"model": test["cluster"].astype(int)}
    scored = found["model"] >= 0
    if not np.isin(np.arange(len(classes)), truth[scored]).all():
        raise BoostflowError(
            "a class has no test jet with a cluster (cluster is -1): was the model trained for it?"
        )
    found |= clusterings(train, test, train_truth, len(classes), clusters, seed)

    # What is supervised has as many clusters as there are classes.
    widest = (len(classes), max(shape))

    def accuracies(count: NDArray) -> NDArray:
        values = [
            matching.accuracy(matching.contingency(truth, cluster, *widest, count), count.sum())
            for cluster in found.values()
        ]
        return np.array([values, values[0] - np.array(values)])

    value = accuracies(np.ones(len(truth)))
    error = bootstrap(accuracies, test["event"], config.bootstrap, seed)
    counts = matching.contingency(truth, found["model"], *shape)
    to_class = matching.match(counts)
    order = sorted(range(clusters), key=lambda k: (to_class.get(k, len(classes)), k))

    def mutual_information(count: NDArray) -> float:
        again = np.repeat(np.flatnonzero(scored), count[scored].astype(int))
        return adjusted_mutual_info_score(truth[again], found["model"][again])

    information = bootstrap(mutual_information, test["event"], min(config.bootstrap, 50), seed)
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
            "error": np.sqrt(share * (1 - share) / size).tolist(),
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
    result |= areas(as_classifier(test, truth, classes, to_class), config.bootstrap, seed)
    test["truth"] = truth
    test["matched"] = np.array([to_class.get(k, -1) for k in found["model"]])
    return result, test

"""What a clustering is compared with: k-means, supervised cuts and trees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.observables.catalogue import stored_observables
from boostflow.scored import Table

Baselines = Callable[[Table, Table, int, int], Mapping[str, NDArray]]
"""What gives clusters of test jets by name, see `models.family.Figures.baselines`."""


def kmeans(train: NDArray, test: NDArray, clusters: int, seed: int) -> NDArray:
    """Clusters of the test jets by k-means fitted, without labels, to the training jets.

    Columns are scaled to zero mean and unit variance of the training jets.

    Args:
        train: shape (training jets, columns).
        test: shape (test jets, columns).
        clusters: number of clusters.
        seed: of the initial centroids (10 starts).
    """
    from sklearn.cluster import KMeans
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    if len(train) < clusters:
        raise BoostflowError(f"k-means: {len(train)} training jets for {clusters} clusters")
    model = make_pipeline(StandardScaler(), KMeans(clusters, n_init=10, random_state=seed))
    # One thread: on a shared machine the threads of so small a problem wait for each other.
    with threadpool_limits(1):
        return model.fit(train).predict(test)


def mass_cuts(mass: NDArray, truth: NDArray, classes: int, grid: int = 200) -> NDArray:
    """The classes - 1 cuts on the mass with the highest accuracy, classes ordered by median mass.

    Supervised: it sees the labels. Exact on a grid of `grid` quantiles, by dynamic programming.

    Args:
        mass: shape (jets,), GeV.
        truth: shape (jets,), class number from 0.
        classes: number of classes, each with at least one jet.
        grid: number of candidate cuts.

    Returns:
        Ascending cuts, shape (classes - 1,).
    """
    edges = np.quantile(mass, np.linspace(0, 1, grid + 2)[1:-1])
    order = np.argsort([np.median(mass[truth == k]) for k in range(classes)])
    # inside[k, i]: jets of the k-th class below edge i; the last column counts all.
    inside = np.array(
        [
            np.append(np.searchsorted(np.sort(mass[truth == k]), edges), (truth == k).sum())
            for k in order
        ]
    )
    best = inside[0].astype(float)
    choice = []
    for k in range(1, classes):
        gain = best[:, None] - inside[k][:, None] + inside[k][None, :]
        gain[np.tril_indices(len(best), -1)] = -np.inf
        choice.append(gain.argmax(axis=0))
        best = gain.max(axis=0)
    cuts, at = [], len(best) - 1
    for chosen in reversed(choice):
        at = int(chosen[at])
        cuts.append(edges[min(at, grid - 1)])
    return np.array(cuts[::-1])


def trees(train: NDArray, test: NDArray, truth: NDArray, seed: int) -> NDArray:
    """Classes of the test jets by gradient-boosted trees.

    Supervised: what the observables know about the classes, the ceiling of any clustering of them.

    Args:
        train: shape (training jets, columns).
        test: shape (test jets, columns).
        truth: shape (training jets,), class number from 0.
        seed: of the subsampling.
    """
    from xgboost import XGBClassifier

    model = XGBClassifier(
        n_estimators=200, max_depth=4, learning_rate=0.1, subsample=0.8, n_jobs=1, random_state=seed
    )
    return model.fit(train, truth).predict(test)


def clusterings(
    train: Table,
    test: Table,
    truth: NDArray,
    classes: int,
    clusters: int,
    seed: int,
    own: Baselines | None = None,
) -> dict[str, NDArray]:
    """Clusters of the test jets by each baseline: those without labels first.

    Args:
        train: training jets with `mass`, `msoftdrop` (GeV) and observables; those with a NaN are
            not used.
        test: test jets with the same columns.
        truth: shape (training jets,), class number from 0; only what is called supervised looks at
            it.
        classes: number of classes.
        clusters: number of clusters of k-means.
        seed: of k-means.
        own: further ones without labels, of the model's family.
    """
    observables = [
        name
        for name in stored_observables()
        if name in train and np.isfinite(train[name]).all() and np.isfinite(test[name]).all()
    ]

    def of(table: Table, names: Sequence[str]) -> NDArray:
        return np.stack([table[name] for name in names], axis=1).astype(float)

    trimmed = "mtrimmed" in observables
    columns = {
        "k-means, mass": lambda t: t["mass"][:, None],
        "k-means, log mass": lambda t: np.log(np.maximum(t["mass"], 1e-3))[:, None],
        "k-means, soft-drop mass": lambda t: t["msoftdrop"][:, None],
        f"k-means, {len(observables)} observables": lambda t: of(t, observables),
    }
    if trimmed:
        columns["k-means, trimmed mass"] = lambda t: t["mtrimmed"][:, None]
    result = {
        name: kmeans(values(train), values(test), clusters, seed)
        for name, values in columns.items()
    }
    if own is not None:
        result |= own(train, test, clusters, seed)
    result["mass cuts (supervised)"] = np.digitize(
        test["mass"], mass_cuts(train["mass"], truth, classes)
    )
    if trimmed:
        cuts = mass_cuts(train["mtrimmed"], truth, classes)
        result["trimmed mass cuts (supervised)"] = np.digitize(test["mtrimmed"], cuts)
    result["trees (supervised)"] = trees(of(train, observables), of(test, observables), truth, seed)
    return result

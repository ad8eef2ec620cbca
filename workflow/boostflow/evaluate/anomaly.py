"""Figures of merit of a clustering of events: whether a cluster holds more signal than its share.

Counts of events, not cross-sections: the share of the signal is that in the files.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from boostflow.binomial import efficiency_error
from boostflow.errors import BoostflowError
from boostflow.evaluate.baselines import kmeans
from boostflow.evaluate.clusterer import numbers
from boostflow.evaluate.curves import LEVEL
from boostflow.jobs.models import Judged
from boostflow.models.family import Role
from boostflow.scored import TEST, TRAIN, VALIDATION, Table
from boostflow.select.dijet import leading_two

COLUMNS = ["split", "pt", "mass", "mjj"]
"""Columns of the selected jets that the evaluation needs."""
WINDOWS = 24
"""Bins of the dijet mass in which `bump` slides its window."""
QUANTILES = np.linspace(0, 1, 11)
"""Quantiles of the signal's jet masses among which `mass_window` looks for its edges."""

Figure = dict[str, float]


def dijets(table: Table, judged: Judged, signal: list[str]) -> Table:
    """One row for each event with two selected jets: its two leading ones.

    Args:
        table: from `scored.read_scored` with `COLUMNS`.
        judged: the mass window that both jets must be in, and the column of the cluster.
        signal: the signal samples.

    Returns:
        `split`, `cluster`, `mjj`, `signal` (bool), `heavier` and `lighter` (masses of the two jets,
        GeV), each of shape (events,).

    Raises:
        BoostflowError: the leading jets of an event are in different clusters.
    """
    starts = np.flatnonzero(np.diff(table["event"], prepend=-1))
    _, pair = leading_two(table["pt"], starts)
    masses = np.sort(table["mass"][pair].astype(float), axis=1)
    if judged.mass is not None:
        low, high = judged.mass
        inside = ((masses >= low) & (masses < high)).all(axis=1)
        pair, masses = pair[inside], masses[inside]
    cluster = numbers(table, judged)[pair]
    different = int((cluster[:, 0] != cluster[:, 1]).sum())
    if different:
        raise BoostflowError(
            f"the two leading jets of {different} of {len(pair)} events are in different clusters:"
            " the scores are of jets, not of events (`unit: event`)"
        )
    first = pair[:, 0]
    return {
        "split": table["split"][first],
        "cluster": cluster[:, 0],
        "mjj": table["mjj"][first].astype(float),
        "signal": np.isin(table["sample"][first], signal),
        "heavier": masses[:, 1],
        "lighter": masses[:, 0],
    }


def figures(s: int, b: int, total_s: int, total_b: int) -> dict[str, Any]:
    """What is gained by keeping s of the signal and b of the background events.

    `enrichment` is (s/b) after over (s/b) before, eff_s / eff_b; `gain` is s/sqrt(b) after over
    before, eff_s / sqrt(eff_b): neither depends on the share of the signal. Their errors are
    binomial, those of s/b and s/sqrt(b) are of Poisson counts with a flat prior, sqrt(n + 1), all
    propagated linearly. Without background the figures are lower limits with the upper limit
    1 - (1 - LEVEL)^(1/total_b) on eff_b (Clopper-Pearson).
    """
    result: dict[str, Any] = {"s": s, "b": b, "share": (s + b) / (total_s + total_b)}
    eff_s = s / total_s
    if b == 0:
        upper = 1 - (1 - LEVEL) ** (1 / total_b)
        limits = {
            "s/b": s / (upper * total_b),
            "s/sqrt(b)": s / np.sqrt(upper * total_b),
            "enrichment": eff_s / upper,
            "gain": eff_s / np.sqrt(upper),
        }
        return result | {
            name: {"limit": float(value), "level": LEVEL} for name, value in limits.items()
        }
    eff_b = b / total_b
    ds, db = efficiency_error(s, total_s), efficiency_error(b, total_b)
    ns, nb = np.sqrt(s + 1), np.sqrt(b + 1)
    return result | {
        "s/b": _figure(s / b, ns / b, s * nb / b**2),
        "s/sqrt(b)": _figure(s / b**0.5, ns / b**0.5, s * nb / (2 * b**1.5)),
        "enrichment": _figure(eff_s / eff_b, ds / eff_b, eff_s * db / eff_b**2),
        "gain": _figure(eff_s / eff_b**0.5, ds / eff_b**0.5, eff_s * db / (2 * eff_b**1.5)),
    }


def _figure(value: float, *errors: float) -> Figure:
    return {"value": float(value), "error": float(np.sqrt(sum(e**2 for e in errors)))}


def counts(cluster: NDArray, signal: NDArray, clusters: int) -> tuple[NDArray, NDArray]:
    """Signal and background events in each cluster, each of shape (clusters,); -1 is in none."""
    known = cluster >= 0
    return (
        np.bincount(cluster[known & signal], minlength=clusters),
        np.bincount(cluster[known & ~signal], minlength=clusters),
    )


def best_by_labels(events: Table, cluster: NDArray, clusters: int) -> int:
    """The cluster with the highest s / sqrt(s + b) on the validation split.

    Labels choose, so the figure must be quoted on other events: the best of many clusters on the
    events that it was chosen with is the maximum of their fluctuations.
    """
    mine = events["split"] == VALIDATION
    s, b = counts(cluster[mine], events["signal"][mine], clusters)
    return int(np.argmax(s / np.sqrt(np.maximum(s + b, 1))))


def bump(events: Table, cluster: NDArray, clusters: int) -> dict[str, Any]:
    """The cluster with the most significant bump in the dijet mass; labels are not looked at.

    A window slides over the upper three quarters of the dijet masses, where the spectrum falls. In
    each, the share of a cluster's events that lie in the window rather than in the sidebands (of
    the same width in log m, one on either side) is compared with that of all events by Fisher's
    exact test. What shapes the spectrum of all events cancels, and so does, to first order, what
    makes a cluster more frequent at high masses. Training and validation events are used, so that
    the test events are free of the choice.

    Returns:
        `cluster`, `window` (GeV) and `p_value` (local: of the best of many windows and clusters).
    """
    mine = events["split"] != TEST
    mjj, cluster = events["mjj"][mine], cluster[mine]
    edges = np.geomspace(*np.quantile(mjj, [0.25, 0.998]), WINDOWS + 1)
    known = np.array([np.histogram(mjj[cluster == k], edges)[0] for k in range(clusters)])
    everything = np.histogram(mjj, edges)[0]

    def sliding(number: NDArray) -> tuple[NDArray, NDArray]:
        """Events in each window of two bins, and in it and its two sidebands together."""
        total = np.cumsum(np.concatenate([np.zeros_like(number[..., :1]), number], -1), -1)
        return total[..., 4:-2] - total[..., 2:-4], total[..., 6:] - total[..., :-6]

    inside, around = sliding(known)
    all_inside, all_around = sliding(everything)
    # Nothing in a window is no bump: the probability is 1, not undefined.
    log_p = np.nan_to_num(stats.hypergeom.logsf(inside - 1, all_around, all_inside, around), nan=0)
    best, window = np.unravel_index(np.argmin(log_p), log_p.shape)
    return {
        "cluster": int(best),
        "window": [float(edges[window + 2]), float(edges[window + 4])],
        "p_value": float(np.exp(log_p[best, window])),
    }


def figures_of(events: Table, cluster: NDArray, clusters: int) -> dict[str, Any]:
    """Figures of every cluster on the test split, and of the one that each way of choosing takes.

    Returns:
        `clusters` (a list by number) and `chosen`: `labels` (`best_by_labels`) and `bump`.
    """
    mine = events["split"] == TEST
    signal = events["signal"][mine]
    s, b = counts(cluster[mine], signal, clusters)
    total = int(signal.sum()), int((~signal).sum())
    each = [figures(int(s[k]), int(b[k]), *total) for k in range(clusters)]
    found = bump(events, cluster, clusters)
    choices = {"labels": {"cluster": best_by_labels(events, cluster, clusters)}, "bump": found}
    return {
        "clusters": each,
        "chosen": {name: one | each[one["cluster"]] for name, one in choices.items()},
    }


def mass_window(events: Table) -> dict[str, Any]:
    """The window in both jet masses with the highest s / sqrt(s + b): what labels can do.

    Edges are quantiles of the signal's masses; chosen on the training split by brute force, quoted
    on the test split.

    Returns:
        `heavier`, `lighter` (edges, GeV) and the figures of the events inside.
    """
    train = events["split"] == TRAIN
    signal = events["signal"][train]
    names = ("heavier", "lighter")
    edges = [np.quantile(events[name][train][signal], QUANTILES) for name in names]
    # The last edge belongs to the window.
    for edge in edges:
        edge[-1] = np.nextafter(edge[-1], np.inf)
    pairs = list(combinations(range(len(QUANTILES)), 2))
    low, high = np.array(pairs).T

    def inside(mine: NDArray) -> NDArray:
        """Events in each pair of windows, shape (pairs, pairs)."""
        points = [events[name][train][mine] for name in names]
        bins = [
            np.searchsorted(edge, p, side="right") for edge, p in zip(edges, points, strict=True)
        ]
        size = len(QUANTILES) + 1
        grid = np.zeros((size, size))
        np.add.at(grid, tuple(bins), 1)
        total = grid.cumsum(0).cumsum(1)
        rows = total[high] - total[low]
        return rows[:, high] - rows[:, low]

    s, b = inside(signal), inside(~signal)
    i, j = np.unravel_index(np.argmax(s / np.sqrt(np.maximum(s + b, 1))), s.shape)
    window = {
        name: [float(edge[low[k]]), float(edge[high[k]])]
        for name, edge, k in zip(names, edges, (i, j), strict=True)
    }
    test = events["split"] == TEST
    passing = test.copy()
    for name, (first, last) in window.items():
        passing &= (events[name] >= first) & (events[name] < last)
    wanted = events["signal"]
    return window | figures(
        int((passing & wanted).sum()),
        int((passing & ~wanted).sum()),
        int((test & wanted).sum()),
        int((test & ~wanted).sum()),
    )


def evaluate(
    table: Table, judged: Judged, signal: list[str], seed: int
) -> tuple[dict[str, Any], Table]:
    """All figures of merit of a clustering of events, and the test events behind them.

    Beside the model stand k-means with as many clusters on the logarithms of the two jet masses
    (fitted to the training split, judged in the same way), and the supervised mass window.

    Args:
        table: from `scored.read_scored` with `COLUMNS`, of the judged samples.
        judged: the mass window that both jets must be in, and the columns of the scores.
        signal: the signal samples.
        seed: of k-means.

    Returns:
        The figures, and the test events as `dijets` gives them.

    Raises:
        BoostflowError: a split without signal or without background, or scores of jets.
    """
    events, clusters = dijets(table, judged, signal), len(judged.columns(Role.DISTANCE))
    for name, split in (("training", TRAIN), ("validation", VALIDATION), ("test", TEST)):
        mine = events["signal"][events["split"] == split]
        for what, number in (("signal", mine.sum()), ("background", (~mine).sum())):
            if not number:
                raise BoostflowError(
                    f"no {what} event with two jets in the {name} split (signal:"
                    f" {', '.join(signal)}): more events or looser cuts are needed"
                )
    points = np.log(np.stack([events["heavier"], events["lighter"]], axis=1))
    baseline = kmeans(points[events["split"] == TRAIN], points, clusters, seed)
    mine = events["split"] == TEST
    test = {name: column[mine] for name, column in events.items()}
    total = int(test["signal"].sum()), int((~test["signal"]).sum())
    result: dict[str, Any] = {
        "kind": "events",
        "signal": signal,
        "before": figures(*total, *total),
        "unscored": int((test["cluster"] < 0).sum()),
        **figures_of(events, events["cluster"], clusters),
        "baselines": {
            "k-means, log masses": figures_of(events, baseline, clusters)["chosen"],
            "mass window (supervised)": mass_window(events),
        },
    }
    return result, test


def compare(evaluations: list[dict[str, Any]]) -> dict[str, Any]:
    """The chosen clusters of all models against their number of clusters.

    Args:
        evaluations: what `evaluate` gave, each with `model`.

    Returns:
        `before` and `mass window (supervised)` (of the model with the fewest clusters), and
        `models`, ascending in `clusters`: `model`, `clusters`, `chosen` and `k-means, log masses`.
    """
    ordered = sorted(evaluations, key=lambda e: (len(e["clusters"]), e["model"]))
    name = "k-means, log masses"
    return {
        "signal": ordered[0]["signal"],
        "before": ordered[0]["before"],
        "mass window (supervised)": ordered[0]["baselines"]["mass window (supervised)"],
        "models": [
            {
                "model": e["model"],
                "clusters": len(e["clusters"]),
                "chosen": e["chosen"],
                name: e["baselines"][name],
            }
            for e in ordered
        ],
    }

"""Plots of one model: from the figures of the stage evaluate and the model's training metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from boostflow.errors import BoostflowError
from boostflow.models.family import Score
from boostflow.plots.style import Label, axis_label, colour, label, name_of, score_label
from boostflow.scored import Table


def value_text(figure: Mapping[str, Any], digits: int = 3) -> str:
    """`0.912 ± 0.004`."""
    return f"{figure['value']:.{digits}f} ± {figure['error']:.{digits}f}"


def roc(figures: Mapping[str, Any], text: Label) -> Figure:
    """Background efficiency against signal efficiency, one class against the rest."""
    fig, ax = plt.subplots()
    classes = list(figures["auc"])
    efficiency = np.asarray(figures["roc"]["signal_efficiency"])
    for name in classes:
        background = np.asarray(figures["roc"][name])
        shown = background > 0
        ax.plot(
            efficiency[shown],
            background[shown],
            color=colour(name, classes),
            label=f"{name_of(name)}, AUC {value_text(figures['auc'][name])}",
        )
        # No error where too few jets pass.
        error = np.array(figures["roc"]["error"][name], dtype=float)
        ax.fill_between(
            efficiency,
            background - error,
            background + error,
            color=colour(name, classes),
            alpha=0.3,
            lw=0,
        )
    ax.set(yscale="log", xlim=(0, 1), ylim=(1e-4, 50))
    ax.set(xlabel="Signal efficiency", ylabel="Background efficiency (other classes)")
    ax.legend(loc="upper left", title=f"Macro AUC {value_text(figures['macro_auc'])}")
    label(ax, text)
    return fig


def confusion(figures: Mapping[str, Any], text: Label) -> Figure:
    """Part of each true class (row) in each predicted class or cluster (column)."""
    table = figures["confusion"]
    matrix = np.asarray(table["matrix"])
    rows = [name_of(name) for name in table["classes"]]
    clusters = "columns" in table
    columns = (
        [_cluster(text, figures["matching"]) for text in table["columns"]] if clusters else rows
    )
    fig, ax = plt.subplots()
    image = ax.imshow(matrix, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(matrix):
        ax.text(
            j,
            i,
            f"{value:.3f}\n± {table['error'][i][j]:.3f}",
            ha="center",
            va="center",
            size=12,
            color="white" if value > 0.5 else "black",
        )
    ax.set_xticks(range(matrix.shape[1]), columns)
    ax.set_yticks(range(matrix.shape[0]), rows)
    ax.tick_params(which="both", top=False, right=False, bottom=False, left=False, labelsize=12)
    ax.set(xlabel="Cluster (matched class)" if clusters else "Predicted class", ylabel="True class")
    bar = fig.colorbar(image, ax=ax)
    bar.set_label("Fraction of the true class")
    label(ax, text)
    return fig


def _cluster(text: str, matching: Mapping[str, str]) -> str:
    """A cluster, `0 (top)`, with the name of its class."""
    number = text.split()[0]
    return f"{number} ({name_of(matching[number])})" if number in matching else number


def scores(figures: Mapping[str, Any], text: Label) -> Figure:
    """Score distributions of training and test jets: the overtraining check."""
    tests = figures["overtraining"]
    edges = np.asarray(tests["edges"])
    centres = (edges[1:] + edges[:-1]) / 2
    classes = [name for name in tests if name != "edges"]
    columns = min(3, len(classes))
    lines = -(-len(classes) // columns)
    fig, axes = plt.subplots(
        lines, columns, figsize=(4.6 * columns, 4.2 * lines + 0.3), squeeze=False, sharex=True
    )
    for ax, name in zip(axes.flat, classes, strict=False):
        for which, shade in (("signal", colour(name, classes)), ("rest", "0.45")):
            part = tests[name][which]
            train, test = np.asarray(part["train"]), np.asarray(part["test"])
            scale = np.diff(edges) * test.sum()
            title = name_of(name) if which == "signal" else "Other classes"
            ax.stairs(
                train / (np.diff(edges) * train.sum()),
                edges,
                fill=True,
                color=shade,
                alpha=0.35,
                label=f"{title}, training",
            )
            ax.errorbar(
                centres,
                test / scale,
                np.sqrt(test) / scale,
                fmt="o",
                ms=3,
                lw=1,
                color=shade,
                label=f"test, KS p = {part['p_value']:.2g}",
            )
        ax.set(yscale="log", ylim=(1e-3, 500), xlim=(0, 1))
        ax.legend(fontsize=10, loc="upper center", ncols=2, columnspacing=1.0, handlelength=1.2)
        ax.set_xlabel(f"Score $p$({name_of(name)})", fontsize=13)
        ax.tick_params(labelsize=11, labelbottom=True)
    for ax in axes.flat[len(classes) :]:
        ax.remove()
    axes[0, 0].set_ylabel("Density", fontsize=13)
    label(axes[0, 0], Label(text.left))
    label(axes[0, -1], Label("", text.right))
    return fig


def significance(figures: Mapping[str, Any], scores: Sequence[Score], text: Label) -> Figure:
    """Three significances and the expected events against the cut on the score.

    Args:
        figures: of a classifier.
        scores: columns of the model, for the title of the axis.
        text: above the axes.
    """
    scan = figures["significance"]
    cuts = np.asarray(scan["cuts"])
    percent = 100 * scan["background_uncertainty"]
    titles = {
        "s/sqrt(b)": r"$s/\sqrt{b}$",
        "s/sqrt(s+b)": r"$s/\sqrt{s+b}$",
        "asimov": f"Asimov $Z$, {percent:g} % on $b$",
    }
    fig, (ax, low) = plt.subplots(
        2, 1, sharex=True, figsize=(7.5, 7.5), gridspec_kw={"height_ratios": [2, 1]}
    )
    for (key, title), shade in zip(titles.items(), ("C0", "C1", "C2"), strict=True):
        values = np.array([np.nan if x is None else x for x in scan[key]])
        best = scan["best"].get(key)
        if best:
            title += f": {best['value']:.2f} ± {best['error']:.2f} at {best['cut']:.3f}"
            ax.errorbar(best["cut"], best["value"], best["error"], fmt="o", color=shade, capsize=3)
        ax.plot(cuts, values, color=shade, label=title)
        error = np.array(scan["errors"][key], dtype=float)
        ax.fill_between(cuts, values - error, values + error, color=shade, alpha=0.25, lw=0)
    ax.set(ylabel="Significance", yscale="log")
    low_end, high_end = ax.get_ylim()
    ax.set_ylim(low_end, high_end * (high_end / low_end) ** 0.4)
    ax.legend(
        loc="upper left", title="Best cut (chosen on the validation split)", title_fontsize=12
    )
    low.plot(cuts, scan["s"], color="C3", label="Signal")
    low.plot(cuts, scan["b"], color="0.3", ls="--", label="Background")
    title = score_label(scan["score"], scores)
    low.set(yscale="log", ylabel="Events", xlabel=f"Cut on {title}", xlim=(0, 1))
    low.legend(loc="upper right", ncols=2)
    label(ax, text)
    return fig


def _series(history: Mapping[str, Any], prefix: str = "") -> dict[str, np.ndarray]:
    """Lists of numbers of a history, nested keys joined."""
    result = {}
    for key, value in history.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            result |= _series(value, f"{name} ")
        elif isinstance(value, list) and value:
            result[name] = np.array([np.nan if x is None else x for x in value], dtype=float)
    return result


def history(metrics: Mapping[str, Any], counts: str, text: Label) -> Figure:
    """Losses and accuracies in the course of a training.

    Args:
        metrics: with lists of numbers in `history`.
        counts: what those lists count, title of the axis: `Epoch`.
        text: above the axes.

    Raises:
        BoostflowError: there is no loss and no accuracy.
    """
    series = _series(metrics.get("history", {}))
    panels = {
        "Loss": {k: v for k, v in series.items() if "loss" in k},
        "Accuracy": {k: v for k, v in series.items() if "acc" in k},
    }
    panels = {title: lines for title, lines in panels.items() if lines}
    if not panels:
        raise BoostflowError("metrics.json: no history of a loss or an accuracy to draw")
    fig, axes = plt.subplots(
        len(panels), 1, sharex=True, squeeze=False, figsize=(7.5, 3.2 + 2.9 * len(panels))
    )
    for ax, (title, lines) in zip(axes[:, 0], panels.items(), strict=True):
        for name, values in lines.items():
            ax.plot(
                np.arange(1, len(values) + 1),
                values,
                ls="--" if name.startswith(("val", "test")) else "-",
                marker="." if len(values) < 40 else None,
                label=name.replace("_", " "),
            )
        ax.set_ylabel(title)
        finite = np.concatenate([v[np.isfinite(v)] for v in lines.values()])
        if (
            title == "Loss"
            and finite.size
            and finite.min() > 0
            and finite.max() > 20 * finite.min()
        ):
            ax.set_yscale("log")
        # Room for the legend above the curves.
        bottom, top = ax.get_ylim()
        room = (top / bottom) ** 0.4 if ax.get_yscale() == "log" else 0.4 * (top - bottom)
        ax.set_ylim(bottom, top * room if ax.get_yscale() == "log" else top + room)
        ax.legend(fontsize=11, ncols=1 + len(lines) // 3, loc="upper left")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[-1, 0].set_xlabel(counts)
    label(axes[0, 0], text)
    return fig


def accuracy(figures: Mapping[str, Any], text: Label) -> Figure:
    """Accuracy of the clustering beside that of the baselines on the same jets."""
    entries = {"This model": figures["accuracy"]} | dict(figures["baselines"])
    fig, ax = plt.subplots(figsize=(7.5, 1.8 + 0.62 * len(entries)))
    for i, (name, figure) in enumerate(reversed(entries.items())):
        shade = "C1" if name == "This model" else "0.6" if "supervised" in name else "C0"
        ax.barh(i, figure["value"], xerr=figure["error"], color=shade, height=0.65, capsize=3)
        ax.text(
            figure["value"] + figure["error"] + 0.01, i, value_text(figure), va="center", size=12
        )
    ax.set_yticks(range(len(entries)), list(reversed(entries)))
    ax.tick_params(axis="y", which="both", left=False, right=False, labelsize=13)
    ax.axvline(1 / len(figures["jets"]), color="0.3", ls=":")
    ax.set(xlim=(0, 1.12), xlabel="Accuracy (one global matching, test jets)")
    label(ax, text)
    return fig


def embedding(
    jets: Table, columns: Sequence[str], figures: Mapping[str, Any], text: Label, most: int = 3000
) -> Figure:
    """The embedding, coloured by cluster and by truth; its two principal components if it has more.

    Args:
        jets: test jets with the columns, `truth` and `matched`.
        columns: names of the coordinates.
        figures: of the clustering.
        text: above the axes.
        most: number of jets that are drawn.
    """
    from sklearn.decomposition import PCA

    classes = figures["confusion"]["classes"]
    size = len(columns)
    points = np.stack([jets[name] for name in columns], axis=1).astype(float)
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    points = points[known]
    titles = [f"Embedding {i}" for i in range(2)]
    if size > 2 and len(points) > 2:
        points = PCA(2).fit_transform(points)
        titles = [f"Embedding, principal component {i + 1}" for i in range(2)]
    chosen = np.linspace(0, len(known) - 1, min(most, len(known))).astype(int)
    fig, axes = plt.subplots(1, 2, figsize=(12.5, 6), sharex=True, sharey=True)
    for ax, column, title in zip(
        axes, ("matched", "truth"), ("Cluster (matched class)", "True class"), strict=True
    ):
        values = jets[column][known][chosen]
        for k, name in enumerate(classes):
            mine = values == k
            ax.plot(
                *points[chosen][mine].T[:2],
                ".",
                ms=3,
                alpha=0.5,
                color=colour(name, classes),
                label=name_of(name),
            )
        ax.set_xlabel(titles[0])
        ax.legend(title=title, markerscale=4, loc="best")
    axes[0].set_ylabel(titles[1])
    label(axes[0], Label(text.left))
    label(axes[1], Label("", text.right))
    return fig


def mass(jets: Table, figures: Mapping[str, Any], text: Label, column: str = "mass") -> Figure:
    """Mass of the jets of each cluster, stacked by truth: what a cluster consists of."""
    import mplhep

    classes = figures["confusion"]["classes"]
    matched = [k for k in range(len(classes)) if (jets["matched"] == k).any()]
    edges = np.linspace(*np.quantile(jets[column], [0.001, 0.999]), 41)
    fig, axes = plt.subplots(
        1, len(matched), figsize=(4.6 * len(matched) + 0.6, 5.2), sharey=True, squeeze=False
    )
    for ax, k in zip(axes[0], matched, strict=True):
        cluster = jets["matched"] == k
        parts = [
            np.histogram(jets[column][cluster & (jets["truth"] == c)], edges)[0]
            for c in range(len(classes))
        ]
        mplhep.histplot(
            parts,
            edges,
            ax=ax,
            stack=True,
            histtype="fill",
            color=[colour(name, classes) for name in classes],
            label=[name_of(name) for name in classes],
        )
        ax.set_xlabel(axis_label(column))
        ax.set_title(f"Cluster matched to {name_of(classes[k])}", fontsize=13, pad=26)
        ax.set_xlim(edges[0], edges[-1])
    axes[0, 0].set_ylabel("Test jets")
    axes[0, -1].legend(title="True class")
    label(axes[0, 0], Label(text.left))
    label(axes[0, -1], Label("", text.right))
    return fig

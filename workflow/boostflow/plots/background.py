"""Plots of the background estimates; all take blocks of background.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.config.background import ABCD, Cut
from boostflow.models.family import Score
from boostflow.plots.style import PALETTE, Label, axis_label, colour, label, name_of, score_label

BAND = {"fill": True, "facecolor": "none", "edgecolor": "0.35", "hatch": "////", "lw": 0}


def _pm(value: float, error: float) -> str:
    """A yield with its error, both to the error's second digit."""
    digits = max(0, 1 - int(np.floor(np.log10(error)))) if error > 0 else 0
    return rf"{value:.{digits}f} $\pm$ {error:.{digits}f}"


def axis_title(cut: Cut, scores: Mapping[str, Sequence[Score]], kinds: Mapping[str, str]) -> str:
    """Title of an ABCD variable.

    Args:
        cut: a column of the jets, or of a model's scores.
        scores: columns by model.
        kinds: families by model: the title names a model that is not called like its family.
    """
    which = {"leading": "leading jet", "second": "second jet"}[cut.jet]
    if cut.model is None:
        return f"{axis_label(cut.column)}, {which}"
    named = None if cut.model == kinds[cut.model] else cut.model
    return f"{score_label(cut.column, scores[cut.model], named)}, {which}"


def plane(
    found: Mapping[str, Any],
    block: ABCD,
    scores: Mapping[str, Sequence[Score]],
    kinds: Mapping[str, str],
    text: Label,
) -> Figure:
    """The plane of the two variables with the four regions, their yields and the closure.

    Colours are the simulated events of the estimated samples.

    Args:
        found: the ABCD estimate of background.json.
        block: of the configuration.
        scores: see `axis_title`.
        kinds: see `axis_title`.
        text: above the axes.
    """
    fig, ax = plt.subplots(figsize=(9.2, 7.6))
    x, y = block.x.hull(), block.y.hull()
    content = np.asarray(found["plane"]).T
    shown = np.ma.masked_less_equal(content, 0)
    edges = [np.linspace(*limits, len(content) + 1) for limits in (x, y)]
    norm = LogNorm(shown.min(), shown.max())
    mesh = ax.pcolormesh(*edges, shown, norm=norm, cmap="Blues", alpha=0.6, rasterized=True)
    title = " + ".join(name_of(name) for name in found["samples"])
    fig.colorbar(mesh, ax=ax, label=f"Simulated events, {title}")
    corners = {
        "A": (block.x.signal, block.y.signal),
        "B": (block.x.signal, block.y.control),
        "C": (block.x.control, block.y.signal),
        "D": (block.x.control, block.y.control),
    }
    for region, ((x0, x1), (y0, y1)) in corners.items():
        ax.add_patch(plt.Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, ec="k", lw=2, zorder=3))
        numbers = found["yields"][region]
        lines = [f"{region}"]
        if numbers["data"] is None:
            lines.append("data: blinded")
        else:
            lines.append(f"data: {_pm(numbers['data']['value'], numbers['data']['error'])}")
        others = list(numbers["others"].values())
        size = np.sqrt(sum(o["error"] ** 2 for o in others))
        lines.append(f"others: {_pm(sum(o['value'] for o in others), size)}")
        if region == "A":
            part = found["prediction"]
            lines.append(f"predicted: {_pm(part['value'], part['error'])}")
            if found["truth"]:
                lines.append(f"in pseudo-data: {_pm(*found['truth'].values())}")
        place = ((x0 + x1) / 2, (y0 + y1) / 2)
        box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2}
        ax.text(*place, "\n".join(lines), ha="center", va="center", size=11, bbox=box, zorder=4)
    closed, linked = found["closure"], found["correlation"]
    linear = linked["linear"]
    summary = (
        f"Closure in simulation: {closed['significance']:+.2f}"
        rf" $\sigma$, assigned {100 * closed['nonclosure']:.0f} %;  $\phi$ = {linked['phi']:+.3f}"
    )
    if linear is not None:
        summary += f", $r$ = {linear:+.3f}"
    ax.set_title(summary, fontsize=12, pad=26)
    titles = [axis_title(cut, scores, kinds) for cut in (block.x, block.y)]
    ax.set(xlabel=titles[0], ylabel=titles[1], xlim=x, ylim=y)
    label(ax, text)
    return fig


def _with_ratio(height: float = 7.4) -> tuple[Figure, Axes, Axes]:
    fig, (ax, low) = plt.subplots(
        2, 1, sharex=True, figsize=(7.8, height), gridspec_kw={"height_ratios": [3, 1.1]}
    )
    return fig, ax, low


def by_mass(found: Mapping[str, Any], text: Label) -> Figure:
    """Predicted and observed background in region A by mass, and the pull of each bin."""
    rows = found["by_bin"]
    edges, predicted, error = (np.asarray(rows[key]) for key in ("edges", "predicted", "error"))
    fig, ax, low = _with_ratio()
    title = " + ".join(name_of(name) for name in found["samples"])
    ax.stairs(predicted, edges, color="C0", lw=2, label=f"Predicted {title} (ABCD)")
    ax.stairs(predicted + error, edges, baseline=predicted - error, label="Uncertainty", **BAND)
    ax.axhline(0, color="0.6", lw=0.8)
    top = (predicted + error).max()
    if "observed" in rows:
        values, spread = np.asarray(rows["observed"]), np.asarray(rows["observed_error"])
        centres = (edges[1:] + edges[:-1]) / 2
        ax.errorbar(centres, values, spread, fmt="ko", ms=5, label="Region A, others subtracted")
        sigma = np.hypot(error, spread)
        good = sigma > 0
        low.plot(centres[good], ((values - predicted)[good] / sigma[good]), "ko", ms=5)
        top = max(top, (values + spread).max())
    low.axhspan(-1, 1, color="0.9")
    low.axhline(0, color="0.4", lw=1)
    ax.set(ylabel="Events / bin", ylim=(min(0, (predicted - error).min()), 1.5 * top))
    low.set(
        xlabel=axis_label(rows["variable"]), ylabel="Pull", ylim=(-3.5, 3.5), xlim=edges[[0, -1]]
    )
    ax.legend(loc="upper right", fontsize=12)
    label(ax, text)
    return fig


def _floats(values: list[float | None]) -> NDArray:
    return np.array([np.nan if x is None else x for x in values], dtype=float)


def spectrum(found: Mapping[str, Any], text: Label) -> Figure:
    """Data, the fitted functions and the residuals; the window is not fitted."""
    rows = found["by_bin"]
    edges, others = np.asarray(rows["edges"]), np.asarray(rows["others"])
    data, error = _floats(rows["data"]), _floats(rows["data_error"])
    centres = (edges[1:] + edges[:-1]) / 2
    fig, ax, low = _with_ratio()
    for axis in (ax, low):
        axis.axvspan(*found["window"], color="0.93", zorder=0)
    for (family, curve), shade in zip(rows["curves"].items(), PALETTE, strict=False):
        part = found["fits"][family]
        chosen = family == found["family"]
        title = (
            f"{family.capitalize()} {part['order']}: "
            rf"$\chi^2$ = {part['chi2']:.0f}/{part['degrees_of_freedom']}, "
            f"p = {part['probability']:.2f}"
        )
        total = np.asarray(curve) + others
        style = {"color": shade, "lw": 2.4 if chosen else 1.4, "ls": "-" if chosen else "--"}
        ax.plot(centres, total, label=title, **style)
        if not chosen and found["family"]:
            best = np.asarray(rows["curves"][found["family"]]) + others
            # Empty bins have no error to compare with.
            low.plot(centres, np.where(error > 0, (total - best) / error, np.nan), **style)
    if others.any():
        ax.stairs(others, edges, fill=True, color="0.75", label="Subtracted processes")
    signal = np.asarray(rows["signal"])
    if signal.any():
        ax.stairs(signal, edges, color="k", ls=":", lw=1.5, label="Simulated signal")
    ax.errorbar(centres, data, error, fmt="ko", ms=3.5, lw=1, label="Data")
    if found["family"]:
        best = np.asarray(rows["curves"][found["family"]]) + others
        band = np.asarray(rows["band"])
        ax.fill_between(centres, best - band, best + band, color=PALETTE[0], alpha=0.25, lw=0)
        use = error > 0
        low.plot(centres[use], ((data - best)[use] / error[use]), "ko", ms=3.5)
    low.axhline(0, color="0.4", lw=1)
    top = np.nanmax(data + error)
    ax.set(ylabel=f"Events / {edges[1] - edges[0]:g} GeV", ylim=(0, 1.75 * top))
    low.set(xlabel=axis_label(rows["variable"]), ylabel="(Data - fit)/$\\sigma$", ylim=(-4.5, 4.5))
    low.set_xlim(edges[0], edges[-1])
    ax.legend(loc="upper right", fontsize=11, title=f"Window {found['window'][0]:g} to "
              f"{found['window'][1]:g} GeV: {_window(found)}", title_fontsize=11)  # fmt: skip
    label(ax, text)
    return fig


def _window(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "no result"
    text = _pm(found["value"], found["error"])
    return text + (f" (true {found['truth']['value']:.0f})" if found["truth"] else "")


def injection(found: Mapping[str, Any], text: Label) -> Figure:
    """Fitted against injected signal strength; at 0 it is the spurious signal."""
    fig, ax = plt.subplots()
    points = found.get("signal")
    if not points:
        ax.text(0.5, 0.5, "No signal sample, or no function fits", ha="center", va="center")
        label(ax, text)
        return fig
    injected, fitted, error = (
        np.array([p[key] for p in points]) for key in ("injected", "fitted", "error")
    )
    reach = [injected.min() - 0.5, injected.max() + 0.5]
    ax.plot(reach, reach, color="0.5", ls=":", label="Fitted = injected")
    ax.errorbar(injected, fitted, error, fmt="o", color="C0", capsize=4, label="Fit")
    for p in points:
        ax.annotate(
            rf"{p['bias']:+.2f} $\sigma$",
            (p["injected"], p["fitted"] + p["error"]),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            size=12,
        )
    low, high = (fitted - error).min(), (fitted + error).max()
    ax.set(
        xlabel="Injected signal strength",
        ylabel="Fitted signal strength",
        xlim=reach,
        ylim=(low - 0.1 * (high - low), high + 0.3 * (high - low)),
    )
    ax.legend(loc="upper left")
    label(ax, text)
    return fig


def control(found: Mapping[str, Any], text: Label) -> Figure:
    """Scale factors of the control regions with their errors, and what pseudo-data hold."""
    fig, ax = plt.subplots(figsize=(8, 2.4 + 0.9 * len(found)))
    names = list(found)[::-1]
    for i, name in enumerate(names):
        entry = found[name]
        first = i == len(names) - 1
        ax.errorbar(
            entry["value"], i, xerr=entry["error"], fmt="o", color="C0", capsize=5, lw=1.4,
            label="Scale factor, total error" if first else None,
        )  # fmt: skip
        ax.errorbar(
            entry["value"], i, xerr=entry["stat"], fmt="none", color="C0", lw=4,
            label="Statistics of the data" if first else None,
        )  # fmt: skip
        if entry["truth"]:
            ax.plot(
                entry["truth"]["value"],
                i - 0.18,
                "kD",
                ms=6,
                label="In pseudo-data" if first else None,
            )
        ax.annotate(
            f"{_pm(entry['value'], entry['error'])}, purity {100 * entry['purity']:.0f} %",
            (0.98, i),
            xytext=(0, 16),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            size=12,
        )
    ax.axvline(1, color="0.6", ls=":")
    low, high = ax.get_xlim()
    ax.set_xlim(low, high + 0.5 * (high - low))  # room for the numbers
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", which="both", left=False, right=False)
    ax.set(xlabel="Data / simulation", ylim=(-0.6, len(names) + 0.3))
    ax.legend(loc="upper left", fontsize=11, ncols=3)
    label(ax, text)
    return fig


def _blank(reasons: list[str], text: Label) -> Figure:
    """The reasons why there is no result, instead of one."""
    import textwrap

    fig, ax = plt.subplots()
    lines = "\n".join(textwrap.fill(reason, 52) for reason in reasons)
    ax.text(0.5, 0.5, f"No result:\n{lines}", ha="center", va="center", transform=ax.transAxes)
    ax.set(xticks=[], yticks=[])
    label(ax, text)
    return fig


def composition(found: Mapping[str, Any] | None, text: Label) -> Figure:
    """Fitted fractions of the classes with errors, and what pseudo-data hold; pulls beside them."""
    if found is None:
        return _blank(["collision data are blinded"], text)
    if found["status"] != "ok":
        return _blank(found["reasons"], text)
    names = list(found["classes"])
    fig, (ax, low) = plt.subplots(
        1,
        2,
        sharey=True,
        figsize=(11, 1.8 + 0.95 * len(names)),
        gridspec_kw={"width_ratios": [3, 1]},
    )
    true = found.get("truth", {})
    for i, name in enumerate(reversed(names)):
        part = found["classes"][name]["fraction"]
        first = i == 0
        ax.errorbar(
            part["value"], i, xerr=part["error"], fmt="o", color="C0", capsize=5, lw=1.4,
            label="Fitted, total error" if first else None,
        )  # fmt: skip
        ax.errorbar(
            part["value"], i, xerr=part["stat"], fmt="none", color="C0", lw=4,
            label="Statistics of the data" if first else None,
        )  # fmt: skip
        if name in true:
            ax.plot(
                true[name]["fraction"],
                i - 0.2,
                "kD",
                ms=6,
                label="In pseudo-data" if first else None,
            )
            low.plot(part["pull"], i, "ko")
        ax.annotate(
            _pm(part["value"], part["error"]),
            (part["value"], i),
            xytext=(0, 12),
            textcoords="offset points",
            ha="center",
            size=12,
        )
    ax.set_yticks(range(len(names)), [name_of(name) for name in reversed(names)])
    low.axvspan(-1, 1, color="0.9")
    low.axvline(0, color="0.5", lw=1)
    ax.axvline(0, color="0.6", ls=":")
    ax.set(xlabel="Fraction of events", ylim=(-0.6, len(names) + 0.1), xlim=(-0.25, 1.25))
    low.set(xlabel="Pull", xlim=(-3, 3))
    for axis in (ax, low):
        axis.tick_params(axis="y", which="both", left=False, right=False)
    number = found["condition"]["cells"]
    low.set_title(
        f"condition number {number:.1f}\np = {found['probability']:.2f}", fontsize=11, pad=6
    )
    ax.legend(fontsize=11, loc="upper center", ncols=3)
    label(ax, text)
    return fig


def clusters(found: Mapping[str, Any] | None, text: Label) -> Figure:
    """Occupation of the clusters by the classes (left), and data with the fit by cell (right)."""
    if found is None:
        return _blank(["collision data are blinded"], text)
    classes, cells = list(found["occupation"]), found["cells"]
    matrix = np.array([found["occupation"][name] for name in classes])
    fig, (left, right) = plt.subplots(1, 2, figsize=(13, 6), gridspec_kw={"width_ratios": [1, 2]})
    left.imshow(matrix, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for k, row in enumerate(matrix):
        for j, part in enumerate(row):
            left.text(
                j, k, f"{part:.2f}", ha="center", va="center", color="w" if part > 0.6 else "k"
            )
    left.set_xticks(range(matrix.shape[1]))
    left.set_yticks(range(len(classes)), [name_of(name) for name in classes])
    left.tick_params(which="both", length=0)
    left.set(xlabel="Cluster")
    left.set_title("P(cluster | class)", fontsize=13, pad=24)
    steps = np.arange(len(cells["data"]) + 1) - 0.5
    base = np.zeros(len(cells["data"]))
    fitted = found["status"] == "ok"
    parts = {name: np.asarray(cells["templates"][name]) for name in classes}
    if fitted:
        for name, part in parts.items():
            parts[name] = part * found["classes"][name]["yield"]["value"] / part.sum()
    # The smallest at the bottom, where a logarithmic axis shows it.
    for name, values in sorted(parts.items(), key=lambda part: part[1].sum()):
        right.stairs(
            base + values,
            steps,
            baseline=base,
            fill=True,
            color=colour(name, classes),
            label=name_of(name),
        )
        base = base + values
    data, error = np.asarray(cells["data"]), np.asarray(cells["data_error"])
    right.errorbar(steps[:-1] + 0.5, data, error, fmt="ko", ms=4, label="Data")
    filled = np.concatenate([data[data > 0], base[base > 0]])
    least = min(part[part > 0].min(initial=filled.min()) for part in parts.values())
    floor = max(0.5 * least, 1e-5 * filled.max())
    right.set(
        yscale="log",
        ylim=(floor, filled.max() * max(60, (filled.max() / floor) ** 0.5)),
        xlim=(steps[0], steps[-1]),
        xlabel=f"Bins of {axis_label(cells['variable'])}, cluster by cluster",
        ylabel="Events",
    )
    right.tick_params(axis="x", which="both", length=0, labelbottom=False)
    borders = np.flatnonzero(np.diff(cells["cluster"])) + 0.5
    for border in borders:
        right.axvline(border, color="0.4", ls="--", lw=1)
    for k in np.unique(cells["cluster"]):
        middle = np.flatnonzero(np.asarray(cells["cluster"]) == k).mean()
        right.text(middle, 3 * filled.max(), f"cluster {k}", ha="center", size=12)
    title = "Fitted" if fitted else "Not fitted: simulated yields"
    right.legend(
        frameon=True,
        framealpha=1,
        edgecolor="none",
        ncols=3,
        fontsize=11,
        loc="upper right",
        title=title,
        title_fontsize=11,
    )
    label(left, Label(text.left))
    label(right, Label("", text.right))
    return fig

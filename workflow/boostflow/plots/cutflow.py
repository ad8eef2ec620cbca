"""How many events of each sample survive each cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.binomial import efficiency_error
from boostflow.io import read_json
from boostflow.plots.style import Label, colour, label, name_of, save, style

if TYPE_CHECKING:
    from boostflow.jobs.summary import PlotCutflow


def run(job: PlotCutflow, files: PlotCutflow.Files) -> None:
    """Draw the cutflows of all samples as one PNG file.

    Raises:
        BoostflowError: a cutflow cannot be read.
    """
    found = [read_json(path) for path in files.cutflows]
    with style():
        by_sample = {one["sample"]: one for one in found}
        save(cutflow(by_sample, job.label, tables=job.tables), files.plot)


def cutflow(cutflows: Mapping[str, Mapping[str, Any]], text: Label, tables: bool = False) -> Figure:
    """Expected events per 1/fb (where known, else raw events) above, cumulative efficiency below.

    Args:
        cutflows: the JSON beside the selected jets, by sample.
        text: above the axes.
        tables: of rows of tables, whose expected numbers are relative to each other.
    """
    steps = all_steps([[cut["name"] for cut in data["cutflow"]] for data in cutflows.values()])
    expected = all(
        cut.get("expected") is not None for data in cutflows.values() for cut in data["cutflow"]
    )
    key = "expected" if expected else "events"
    positions = np.arange(len(steps))
    fig, (ax, low) = plt.subplots(
        2, 1, sharex=True, figsize=(8.5, 8), gridspec_kw={"height_ratios": [1.6, 1]}
    )
    for name, data in cutflows.items():
        counts = remaining(data["cutflow"], steps, key)
        raw = data["cutflow"][0]["events"]
        edges = np.append(positions, len(positions)) - 0.5
        shade = colour(name, list(cutflows))
        ax.stairs(counts, edges, color=shade, lw=2, label=name_of(name), baseline=None)
        share = counts / counts[0] if counts[0] else np.zeros_like(counts)
        error = efficiency_error(share * raw, raw)
        low.errorbar(positions, share, error, fmt="o-", ms=4, color=shade, lw=1.2)
    what = "Rows" if tables else "Events"
    per_fb = "Expected rows (relative)" if tables else "Expected events per fb$^{-1}$"
    ax.set(yscale="log", ylabel=per_fb if expected else what)
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, top * (top / bottom) ** 0.25)
    ax.legend(ncols=3, loc="upper right")
    low.set(ylabel="Cumulative efficiency", ylim=(0, 1.1), xlim=(-0.5, len(positions) - 0.5))
    low.set_xticks(positions, steps, rotation=25, ha="right", fontsize=12)
    for axis in (ax, low):
        axis.tick_params(axis="x", which="minor", bottom=False, top=False)
    label(ax, text)
    return fig


def remaining(cuts: Sequence[Mapping[str, Any]], steps: Sequence[str], key: str) -> NDArray:
    """What is left of a sample after each step; a cut that it does not have takes nothing away."""
    by_name = {cut["name"]: cut[key] for cut in cuts}
    counts = [cuts[0][key]]
    for step in steps[1:]:
        counts.append(by_name.get(step, counts[-1]))
    return np.array(counts, dtype=float)


def all_steps(cutflows: Sequence[Sequence[str]]) -> list[str]:
    """The cuts of all samples in their order; the first one has the name of the first sample's.

    A cut that a sample's input does not allow, or that only one has, is missing in the others.
    """
    steps = [cutflows[0][0]]
    for names in cutflows:
        place = 1
        for name in names[1:]:
            if name not in steps:
                steps.insert(place, name)
            place = steps.index(name) + 1
    return steps

"""The plots that jet images have of their own: the mean of each class, and what speaks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.io import parquet_chunks, read_json
from boostflow.jobs.base import Label
from boostflow.jobs.models import Evaluate
from boostflow.models import packed
from boostflow.models.image.block import JetImages
from boostflow.models.image.pixels import IMAGE, images
from boostflow.models.network_score import ONNX, PROBABILITIES
from boostflow.models.runtime import session
from boostflow.models.tabular import matrix
from boostflow.plots.style import label, name_of
from boostflow.scored import TEST, Table

JETS, OCCLUDED = 1000, 50
"""Test jets of each class whose mean is drawn, and those of which patches are left out."""
PATCH, STEP = 3, 2
"""Pixels along the side of a patch, and between patches."""
RANGE = 1e-4
"""Mean pixels are drawn down to this part of the largest one."""
CERTAIN = 1e-6
"""Probabilities are taken to lie this far from 0 and 1."""
COLUMNS = 3
"""Panels side by side."""
CHANNELS = {
    "pt": "$p_T$",
    "charged": "charged $p_T$",
    "multiplicity": "number of constituents",
}
UNITS = {
    "none": " [100 GeV]",
    "sum": " / sum of $p_T$",
    "square": " / root of the sum of squares",
}
"""What the pT of a pixel is divided by."""

Floats = NDArray[np.floating]
Score = Callable[[Floats, Floats], Floats]
"""From images (B, pixels, pixels, channels) and observables (B, O) to probabilities (B, classes)"""


def draw(
    job: Evaluate, files: Evaluate.Files, figures: Mapping[str, Any], jets: Table
) -> dict[str, Figure]:
    """The plots `mean_image` and `attention`; see `models.family.Plots`."""
    about = read_json(files.model / "manifest.json")
    block = JetImages.model_validate(about["config"])
    network = session(files.model / ONNX, 1)

    def score(pictures: Floats, observables: Floats) -> Floats:
        given = {IMAGE: pictures, packed.OBSERVABLES: observables}
        there = {one.name for one in network.get_inputs()}
        return network.run([PROBABILITIES], {k: v for k, v in given.items() if k in there})[0]

    means, changes = {}, {}
    for name, found in of_classes(block, about["packing"], files.jets, about["classes"]).items():
        means[name] = found[0].mean(axis=0)
        few = [part[:OCCLUDED] for part in found]
        changes[name] = occluded(score, few[0], few[1], about["classes"].index(name))
    return {
        "mean_image": mean_image(block, means, job.label),
        "attention": attention(block, changes, job.label),
    }


def of_classes(
    block: JetImages, packing: dict[str, Any], inputs: list[Path], classes: Sequence[str]
) -> dict[str, tuple[Floats, Floats]]:
    """Images and observables of the first test jets of each class that has some.

    Args:
        block: of the model.
        packing: how its jets are packed.
        inputs: selected jets of all samples.
        classes: their names.
    """
    layout, observables = packed.layout(packing), packing["observables"]
    columns = dict.fromkeys([*layout.needed(), *observables, "split"])
    found: dict[str, list[tuple[Floats, Floats]]] = {name: [] for name in classes}
    for path in inputs:
        for rows in parquet_chunks(path, columns, JETS, optional=["label"]):
            if "label" not in rows.fields:
                break
            labels = np.asarray(rows.label.to_list(), dtype=str)
            test = np.asarray(rows.split) == TEST
            for name, parts in found.items():
                missing = JETS - sum(len(pictures) for pictures, _ in parts)
                mine = np.flatnonzero(test & (labels == name))[:missing]
                if len(mine):
                    jets = rows[mine]
                    pictures = images(block, layout.pack(jets, str(path)))
                    parts.append((pictures, matrix(jets, observables, str(path))))
    joined = {}
    for name, parts in found.items():
        if parts:
            joined[name] = (
                np.concatenate([pictures for pictures, _ in parts]),
                np.concatenate([values for _, values in parts]),
            )
    return joined


def occluded(score: Score, pictures: Floats, observables: Floats, number: int) -> Floats:
    """How ln(p / (1 - p)) of a class falls when the patch around a pixel is emptied.

    The mean over jets, and over the patches that hold the pixel: (pixels, pixels). Jets without
    anything in a patch count as 0.

    Args:
        score: the network.
        pictures: of jets of the class, (N, pixels, pixels, channels).
        observables: of these jets, (N, O).
        number: of the class.
    """
    size = pictures.shape[1]
    whole = log_odds(score(pictures, observables)[:, number])
    total, patches = np.zeros((size, size)), np.zeros((size, size))
    for row in range(0, size - PATCH + STEP, STEP):
        for column in range(0, size - PATCH + STEP, STEP):
            patch = (slice(row, row + PATCH), slice(column, column + PATCH))
            seen = pictures[:, *patch].any(axis=(1, 2, 3))
            patches[patch] += 1
            if not seen.any():
                continue
            emptied = pictures[seen]
            emptied[:, *patch] = 0
            left = log_odds(score(emptied, observables[seen])[:, number])
            total[patch] += (whole[seen] - left).sum() / len(pictures)
    return total / patches


def log_odds(p: Floats) -> Floats:
    """ln(p / (1 - p)) of probabilities that lie a little away from 0 and 1."""
    p = np.clip(p.astype(np.float64), CERTAIN, 1 - CERTAIN)
    return np.log(p / (1 - p))


def mean_image(block: JetImages, means: Mapping[str, Floats], text: Label) -> Figure:
    """The mean of the first channel of each class, on one logarithmic scale.

    Args:
        block: of the model.
        means: (pixels, pixels, channels) by class.
        text: above the axes.
    """
    channel = block.channels[0]
    title = f"Mean {CHANNELS[channel]} of a pixel"
    if channel != "multiplicity":
        title += UNITS[block.normalise]
    top = max(float(mean[..., 0].max()) for mean in means.values())
    scale = LogNorm(RANGE * top, top)
    # A logarithm has no colour for 0.
    shown = {name_of(name): np.maximum(m[..., 0], RANGE * top) for name, m in means.items()}
    return panels(block, shown, scale, "viridis", title, text)


def attention(block: JetImages, changes: Mapping[str, Floats], text: Label) -> Figure:
    """What emptying patches takes from the class of the jets, relative to each class' largest.

    Args:
        block: of the model.
        changes: of `occluded`, by class.
        text: above the axes.
    """
    shown = {}
    for name, values in changes.items():
        top = float(np.abs(values).max())
        shown[f"{name_of(name)}, largest {top:.2g}"] = values / max(top, CERTAIN)
    title = r"Fall of $\ln(p / (1 - p))$ of the true class / largest of the class"
    return panels(block, shown, Normalize(-1, 1), "RdBu_r", title, text)


def panels(
    block: JetImages,
    shown: Mapping[str, Floats],
    scale: Normalize,
    colours: str,
    title: str,
    text: Label,
) -> Figure:
    """Images side by side in the plane of the block, with one scale of colours.

    Args:
        block: of the model.
        shown: (pixels, pixels) each, by what is written into the panel.
        scale: of the colours.
        colours: name of the map; text is white on a dark one.
        title: of the scale.
        text: above the axes.
    """
    columns = min(len(shown), COLUMNS)
    rows = -(-len(shown) // columns)
    fig, axes = plt.subplots(
        rows, columns, figsize=(4.3 * columns + 1.6, 4.2 * rows + 0.6), squeeze=False
    )
    titles = (r"$\Delta\eta$", r"$\Delta\varphi$")
    if block.rotate:
        titles = ("Across the principal axis", "Along the principal axis")
    half = block.half_width
    ink = "white" if colours == "viridis" else "black"
    for number, (name, values) in enumerate(shown.items()):
        ax = axes.flat[number]
        ax.imshow(
            values, origin="lower", extent=(-half, half, -half, half), norm=scale, cmap=colours
        )
        ax.text(0.04, 0.96, name, transform=ax.transAxes, va="top", color=ink, size=14)
        ax.tick_params(color=ink, which="both")
        if number + columns >= len(shown):
            ax.set_xlabel(titles[0])
        if number % columns == 0:
            ax.set_ylabel(titles[1])
    for ax in axes.flat[len(shown) :]:
        ax.set_axis_off()
    bar = fig.colorbar(ScalarMappable(scale, colours), ax=axes)
    bar.set_label(title)
    label(axes[0, 0], Label(text.left, text.right if columns == 1 else ""))
    if columns > 1:
        label(axes[0, -1], Label("", text.right))
    return fig

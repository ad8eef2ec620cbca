"""One look for all plots: size, fonts, colours, the text above the axes, and how they are saved."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import mplhep
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from boostflow.io import atomic
from boostflow.observables import catalogue

plt.switch_backend("Agg")
logging.getLogger("matplotlib").setLevel(logging.ERROR)  # chatters about symbols of its fonts

PALETTE = list(plt.style.library["petroff10"]["axes.prop_cycle"].by_key()["color"])
"""Ten colours that remain distinct with impaired colour vision (M. Petroff, arXiv:2107.02270)."""
NAMES = {
    "top": "Top quark",
    "w": "W boson",
    "z": "Z boson",
    "quark": "Light quark",
    "gluon": "Gluon",
    "unmatched": "Unmatched",
    "dijet": "QCD dijets",
    "resonance": "Resonance",
    "qcd": "QCD",
}
"""How legends call the classes of the default analysis and of public sets."""
LIKE = {"qcd": "dijet"}
"""Classes with the colour of another one."""


class Label(NamedTuple):
    """The text above the axes: who, and with what data."""

    left: str = "boostflow simulation"
    right: str = ""


def name_of(key: str) -> str:
    """A class or sample for a legend."""
    return NAMES.get(key, key)


def axis_label(column: str) -> str:
    """Title and unit of a column of the selected jets, as it is declared."""
    return catalogue.column(column).axis


def score_label(score: str, model: str | None = None) -> str:
    """Title of a column of scores, or of a sum of them (`p_top + p_w`).

    `p_top` is the BDT score for top quarks, `dist_0` the distance to the first cluster. The model
    is named unless it is called like its kind.
    """
    parts = score.split(" + ")
    if all(part.startswith("p_") for part in parts):
        names = [name_of(part.removeprefix("p_")) for part in parts]
        # As within a sentence, but for names such as W boson.
        lower = [name[:1].lower() + name[1:] if name[1:2].islower() else name for name in names]
        return f"BDT score for {' + '.join(lower)}" + _of(model, "bdt")
    title = re.sub(r"^dist_(\d+)$", r"distance to cluster \1", score).replace("_", " ")
    return title[:1].upper() + title[1:] + _of(model, "ucluster")


def _of(model: str | None, usual: str) -> str:
    return "" if model in (None, usual) else f" ({model})"


def colour(key: str, keys: list[str]) -> str:
    """The colour of a class: the same in every plot for those with a name.

    Others among the `keys` of the plot take those that are left, first those of no named class.
    """
    known = [name for name in NAMES if name not in LIKE]
    key, *keys = (LIKE.get(name, name) for name in (key, *keys))
    if key in known:
        return PALETTE[known.index(key) % len(PALETTE)]
    taken = {known.index(name) for name in keys if name in known}
    free = [*range(len(known), len(PALETTE)), *(i for i in range(len(known)) if i not in taken)]
    others = [name for name in keys if name not in known]
    return PALETTE[free[others.index(key) % len(free)]]


@contextmanager
def style() -> Iterator[None]:
    """mplhep's experiment-neutral style in a size for a report."""
    with (
        plt.style.context([mplhep.style.ROOT]),
        plt.rc_context(
            {
                "figure.figsize": (7.5, 6.5),
                "figure.dpi": 100,
                "figure.constrained_layout.use": True,
                "font.size": 15,
                "axes.labelsize": 16,
                "xtick.labelsize": 14,
                "ytick.labelsize": 14,
                "legend.fontsize": 13,
                "axes.formatter.use_mathtext": True,
                "savefig.bbox": "standard",
            }
        ),
    ):
        yield


def label(ax: Axes, text: Label) -> None:
    """Write the text above the axes."""
    shared = {"transform": ax.transAxes, "va": "bottom", "size": 14}
    ax.text(0, 1.01, text.left, ha="left", weight="bold", **shared)
    ax.text(1, 1.01, text.right, ha="right", **shared)


def save(figure: Figure, path: str | Path) -> None:
    """Write a PNG without dates or versions in it, so that equal plots are equal files."""
    with atomic(path) as part:
        figure.savefig(part, metadata={"Software": None})
    plt.close(figure)

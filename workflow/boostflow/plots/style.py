"""One look for all plots: size, fonts, colours, the text above the axes, and how they are saved."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.pyplot as plt
import mplhep
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from boostflow.io import atomic
from boostflow.jobs.base import Label
from boostflow.models.family import Score
from boostflow.observables import catalogue

plt.switch_backend("Agg")
logging.getLogger("matplotlib").setLevel(logging.ERROR)  # chatters about symbols of its fonts

PALETTE = list(plt.style.library["petroff10"]["axes.prop_cycle"].by_key()["color"])
"""Ten colours that remain distinct with impaired colour vision (M. Petroff, arXiv:2107.02270)."""
NAMES = {
    "top": "Top quark",
    "w": "W boson",
    "z": "Z boson",
    "wjet": "W + jet",
    "zjet": "Z + jet",
    "quark": "Light quark",
    "gluon": "Gluon",
    "qg": "Quark and gluon",
    "unmatched": "Unmatched",
    "dijet": "QCD dijets",
    "resonance": "Resonance",
    "qcd": "QCD",
    "multijet": "Multijet",
}
"""How legends call the classes of the default analysis and of public sets."""
LIKE = {"qcd": "dijet", "qg": "dijet", "multijet": "dijet", "wjet": "w", "zjet": "z"}
"""Classes with the colour of another one."""


def name_of(key: str) -> str:
    """A class or sample for a legend."""
    return NAMES.get(key, key)


def axis_label(column: str) -> str:
    """Title and unit of a column of the selected jets, as it is declared."""
    return catalogue.column(column).axis


def score_label(column: str, scores: Iterable[Score], model: str | None = None) -> str:
    """Title of a column of scores, or of a sum of probabilities.

    Args:
        column: `p_top`, or a sum `p_top + p_w`.
        scores: columns of the model with their titles.
        model: its name, where the title has to say it.

    Raises:
        KeyError: the model has no such column.
    """
    by_column = {score.column: score for score in scores}
    parts = [by_column[name] for name in column.split(" + ")]
    title = parts[0].title
    title = title[:1].upper() + title[1:]
    if names := [name_of(part.of) for part in parts if part.of is not None]:
        # As within a sentence, but for names such as W boson.
        lower = [name[:1].lower() + name[1:] if name[1:2].islower() else name for name in names]
        title += f" for {' + '.join(lower)}"
    return title if model is None else f"{title} ({model})"


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


def label(ax: Axes, text: Label, rise: float = 0.0) -> None:
    """Write the text above the axes, `rise` points higher where a heading stands there."""
    shared = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
    for x, side, weight in ((0, "left", "bold"), (1, "right", "normal")):
        said = getattr(text, side)
        ax.annotate(said, (x, 1.01), (0, rise), ha=side, weight=weight, size=14, **shared)


@contextmanager
def _without_minor_ticks(figure: Figure) -> Iterator[None]:
    """Minor ticks without numbers take no place, but a third of the time of a layout."""
    axes = [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    bare = [axis for axis in axes if isinstance(axis.get_minor_formatter(), NullFormatter)]
    before = [axis.get_minor_locator() for axis in bare]
    for axis in bare:
        axis.set_minor_locator(NullLocator())
    try:
        yield
    finally:
        for axis, locator in zip(bare, before, strict=True):
            axis.set_minor_locator(locator)


def save(figure: Figure, path: str | Path) -> None:
    """Write a PNG without dates or versions in it, so that equal plots are equal files.

    Panels are laid out before: `savefig` would draw the whole figure for that, and then again.
    """
    if engine := figure.get_layout_engine():
        with _without_minor_ticks(figure):
            engine.execute(figure)
        figure.set_layout_engine("none")
    with atomic(path) as part:
        figure.savefig(part, metadata={"Software": None})
    plt.close(figure)

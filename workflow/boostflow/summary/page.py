"""The first page of the report: what was measured, its figure, what is flagged, all figures.

One HTML file without any other: style, scripts and figure are in it. In the report of Snakemake it
is the first thing that is shown, see `workflow/report/workflow.rst`.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from boostflow.config.statistics import MU
from boostflow.jobs.base import Label
from boostflow.summary import table
from boostflow.webpage import render

KINDS = {
    "asimov": "Asimov data: the expectation itself, so the errors are those to be expected",
    "pseudo": "pseudo-data, drawn around the expectation of an independent simulation",
    "observed": "collision data",
}
"""What was fitted, in words."""

CAPTIONS = {
    "measurement": "After the fit, in the regions that measure best; below, over the background",
    "cutflow": "Events of each sample after each cut",
}
"""What is said below the figure, by its name."""


class Grid(NamedTuple):
    """A table of the page."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Sheet:
    """Collects tables and remarks; writes none of them (`table.Page`)."""

    def __init__(self) -> None:
        self.grids: list[Grid] = []
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        """Remember a remark."""
        self.lines.append(text)

    def grid(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Remember a table, if it has rows."""
        if rows:
            self.grids.append(Grid(title, columns, rows))


def page(
    summary: dict[str, Any],
    effects: Sequence[dict[str, Any]],
    figures: Sequence[Path],
    label: Label,
) -> str:
    """The page as HTML.

    Args:
        summary: summary.json.
        effects: those of health.json; empty without a health check.
        figures: PNG file that is shown, the measurement or that of a run without a fit, if any.
        label: text above plots.
    """
    sheet, of_samples = Sheet(), Sheet()
    for part in (table.health, table.fit, table.transfer, table.background, table.models):
        part(sheet, summary)
    table.samples(of_samples, summary)
    return render(
        "boostflow.summary",
        "page.html",
        label,
        results=results(summary),
        data=KINDS[summary["fit"]["data"]] if "fit" in summary else None,
        figures=[
            # In lines: docutils, which the report passes through, takes none of 10,000 characters.
            (CAPTIONS.get(path.stem, ""), base64.encodebytes(path.read_bytes()).decode("ascii"))
            for path in figures
        ],
        remarks=sheet.lines,
        notes=of_samples.lines,
        flagged=flagged(effects),
        grids=[*sheet.grids, *of_samples.grids],
    )


def results(summary: dict[str, Any]) -> list[tuple[str | Markup, list[str]]]:
    """What the run comes to: each a headline and what is said below it.

    Those are the parameters of interest of the fit; without one, the estimates of the background
    and the figures of merit of the models.
    """
    if "fit" in summary:
        return [
            (
                headline(poi, result["text"]),
                [f"{name}: {value}" for name, value in table.fit_rows(poi, result)[1:]],
            )
            for poi, result in summary["fit"]["pois"].items()
        ]
    found: list[tuple[str | Markup, list[str]]] = []
    for row in table.background_rows(summary.get("background", {})):
        found.append((f"{row[0]}: {row[1]}", [] if row[2] == "-" else [f"pseudo-data: {row[2]}"]))
    for name, model in summary["models"].items():
        for key, title in (("macro_auc", "macro AUC"), ("accuracy", "accuracy")):
            if key in model:
                found.append((f"{title} of {name}: {table.number(model[key])}", []))
                break
    return found


def headline(poi: str, text: str) -> Markup:
    """The result of a parameter of interest as HTML: `mu_top = ...` is a μ with an index."""
    name, index = poi.split("_", 1) if "_" in poi else (poi, "")
    symbol = Markup("μ") if name == MU else Markup.escape(name)
    below = Markup("<sub>{}</sub>").format(index) if index else Markup("")
    return symbol + below + text.removeprefix(poi)


def flagged(effects: Sequence[dict[str, Any]]) -> Grid:
    """The systematic effects that the health check flags."""

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:+.1f} %"

    rows = [
        [
            effect["entry"],
            effect["region"],
            effect["sample"],
            percent(effect["up"]),
            percent(effect["down"]),
            ", ".join(effect["flags"]),
        ]
        for effect in effects
        if effect["flags"]
    ]
    columns = ["systematic", "region", "sample", "up", "down", "flags"]
    return Grid("Flagged effects: changes of yields", columns, rows)

"""The summary of a run as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from boostflow.texttable import Text


class Page(Protocol):
    """What tables are written on: `texttable.Text`, or a web page."""

    def line(self, text: str) -> None:
        """Write one paragraph of text."""

    def grid(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table, or nothing without rows."""


def table(summary: dict[str, Any], width: int = 100) -> str:
    """The figures of summary.json as plain text of at most `width` columns."""
    page = Text(width)
    for part in (samples, models, fit, transfer, background, health):
        part(page, summary)
    return page.text()


def models(page: Page, summary: dict[str, Any]) -> None:
    """Tables of each model, and of the differences of models."""
    for name, model in summary["models"].items():
        _model(page, name, model)
    for pair in summary.get("comparison", []):
        rows = [
            (f"AUC {'mean' if name == 'macro' else name}", number(figure, 4))
            for name, figure in pair["auc"].items()
        ]
        quoted = pair.get("efficiency") or {"ranges": []}
        # Those of all jets; comparison.json has them by range, too.
        for point in [point for span in quoted["ranges"][:1] for point in span["points"]]:
            at = f"where {point['mistag']:.0%} of {quoted['background']} pass"
            rows += [
                (f"Part of {name} {at}", number(point[name], 4))
                for name in (quoted["signal"], *quoted["others"])
                if name in point
            ]
        page.grid(" - ".join(pair["models"]), ["difference", "value (same test jets)"], rows)


def fit(page: Page, summary: dict[str, Any]) -> None:
    """The table of the fit, and those of its cross-checks."""
    if "fit" in summary:
        fitted = summary["fit"]
        for poi, found in fitted["pois"].items():
            what = f" of {poi}" if len(fitted["pois"]) > 1 else ""
            title = f"Fit{what} ({fitted['data']} data)"
            page.grid(title, ["figure", "value"], fit_rows(poi, found))
        _correlations(page, fitted["correlation"])
    for name, compared in summary.get("crosschecks", {}).items():
        _crosscheck(page, name, compared)


def transfer(page: Page, summary: dict[str, Any]) -> None:
    """The table of the tests of a background from data, and a line for each of its flags."""
    found = summary.get("transfer")
    if found is None:
        return
    page.grid(f"Background {found['name']} from data", ["test", "result"], transfer_rows(found))
    for flag in found["flags"]:
        page.line(f"Background from data, {flag['flag']}: {flag['text']}")


def transfer_rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows: functions and how they describe simulation and data, bias, other functions.

    Args:
        found: `transfer` of summary.json.
    """
    rows = []
    for region, one in found["regions"].items():
        what = f"{region} / {one['fail']}: {found['basis']} of order {one['order']}"
        p = "not tested, too few bins" if one["p"] is None else f"p = {one['p']:.2g}"
        rows.append((what, f"closure on simulation {p}"))
    if found["p"] is not None:
        rows.append(("goodness of the fit, by toys", f"p = {found['p']:.2g}"))
    for what, row in found["bias"].items():
        strength = f"at a signal strength of {row['injected']:g}"
        bias = f"{row['mean']:+.2f} ± {row['mean_error']:.2f} errors {strength}"
        rows.append((f"largest bias of {what}", bias))
    for poi, shift in found["envelope"].items():
        rows.append((f"largest shift of {poi} with other functions", f"{shift:.2g}"))
    return rows


def health(page: Page, summary: dict[str, Any]) -> None:
    """A line with what the health check of the systematics has found."""
    if "health" in summary:
        found = summary["health"]
        flags = ", ".join(f"{n} {flag}" for flag, n in found["counts"].items() if n)
        page.line(
            f"Health check: {found['flagged']} of {found['effects']} systematic effects have a flag"
            f"{f' ({flags})' if flags else ''}"
        )


def samples(page: Page, summary: dict[str, Any]) -> None:
    """Tables of samples and of skipped files; a line for each note."""
    rows = [
        [
            name,
            f"{s['events']}",
            f"{s['selected_events']}",
            f"{s['selected_jets']}",
            "-" if s["expected_per_fb"] is None else f"{s['expected_per_fb']:.4g}",
        ]
        for name, s in summary["samples"].items()
    ]
    # Rows of tables correspond to no luminosity.
    expected = "expected (relative)" if summary.get("tables") else "expected per 1/fb"
    page.grid(
        "Samples",
        ["sample", "events", "selected events", "selected jets", expected],
        rows,
    )
    left_out = [
        [name, one["file"], one["reason"]]
        for name, files in summary.get("skipped", {}).items()
        for one in files
    ]
    page.grid("Skipped files", ["sample", "file", "reason"], left_out)
    for note, names in summary["notes"].items():
        page.line(f"{', '.join(names)}: {note}")


def _model(page: Page, name: str, model: dict[str, Any]) -> None:
    if "chosen" in model:
        title = f"Model {name}, {model['clusters']} clusters of events"
        page.grid(title, *_chosen_clusters(model))
        return
    rows = [("accuracy", number(model["accuracy"]))] if "accuracy" in model else []
    for baseline, figure in model.get("baselines", {}).items():
        rows.append((f"accuracy of {baseline}", number(figure)))
    if "macro_auc" in model:
        rows.append(("macro AUC", number(model["macro_auc"])))
    rows += [(f"AUC {label}", number(figure)) for label, figure in model.get("auc", {}).items()]
    for label, parts in model.get("improvement", {}).items():
        for part, figure in parts.items():
            text = f"significance of {label} where {part} % of normal jets pass, over before"
            rows.append((text, number(figure, 2)))
    if "coverage" in model:
        rows.append(("part of the jets within their error", number(model["coverage"])))
    for one in model.get("bins", []):
        where = f"at a true pT of {one['low']:g} to {one['high']:g} GeV"
        rows.append((f"bias {where} (GeV)", number(one["bias"], 2)))
        rows.append((f"width {where} (GeV)", number(one["width"], 2)))
        if "ratio" in one:
            rows.append((f"width over that of the area method {where}", number(one["ratio"], 2)))
    for label, figure in model.get("bits", {}).items():
        rows.append((f"bits of a jet, {label}", number(figure, 1)))
    for means, figure in model.get("told_apart", {}).items():
        rows.append((f"AUC of {means} that tell generated showers", number(figure)))
    for figure in model.get("rejection", []):
        pair = f"{figure['signal']} against {'+'.join(figure['background'])}"
        rows.append((f"1/eps {pair} at {figure['efficiency']:.0%}", number(figure, 1)))
    best = model.get("significance_systematics", {}).get("asimov")
    if best:
        rows.append((f"Asimov Z with systematics, cut at {best['cut']:.3f}", number(best, 2)))
    page.grid(f"Model {name}", ["figure", "value (test jets)"], rows)


def _crosscheck(page: Page, name: str, compared: dict[str, Any]) -> None:
    rows = [
        [which, poi, *(_shown(found[key]) for key in ("error", "significance"))]
        for which, pois in compared.items()
        for poi, found in pois.items()
    ]
    columns = ["regions", "strength", "error", "significance"]
    page.grid(f"Cross-check {name}, without systematic uncertainties", columns, rows)
    for which, pois in compared.items():
        for note in dict.fromkeys(note for found in pois.values() for note in found["notes"]):
            page.line(f"{which}: {note}")


def background(page: Page, summary: dict[str, Any]) -> None:
    """The table of the background estimates, and lines with why some have no result."""
    found = summary.get("background")
    if found is None:
        return
    columns = ["estimate", "value", "pseudo-data"]
    page.grid("Background from data", columns, background_rows(found))
    for key in ("sideband", "composition"):
        entry = found.get(key, {})
        for reason in entry.get("reasons", [entry.get("reason")]):
            if reason:
                page.line(f"{key}: {reason}")


def number(figure: dict[str, Any], digits: int = 3) -> str:
    """A figure of merit with its errors, or its limit: `0.91 ± 0.02 (stat) +0.03 -0.01 (syst)`."""
    if "limit" in figure:
        return f"> {figure['limit']:.{max(digits - 1, 0)}f} ({100 * figure['level']:.0f} % CL)"
    text = f"{figure['value']:.{digits}f} ± {figure['error']:.{digits}f}"
    if "systematic" in figure:
        up, down = (figure["systematic"][side] for side in ("up", "down"))
        above = "∞" if up is None else f"{up:.{digits}f}"
        text += f" (stat) +{above} -{down:.{digits}f} (syst)"
    return text


def background_rows(found: dict[str, Any]) -> list[list[str]]:
    """Estimates and, of pseudo-data, what they should be."""

    def row(name: str, entry: dict[str, Any], truth: float | None, digits: int) -> list[str]:
        if entry["value"] is None:
            return [name, "no result", "-"]
        true = "-" if truth is None else f"{truth:.{digits}f}"
        return [name, number(entry, digits), true]

    rows = []
    for key, title in (("abcd", "ABCD, events in A"), ("sideband", "sideband, events in window")):
        if key in found:
            truth = found[key]["truth"]
            rows.append(row(title, found[key], truth and truth["value"], 0))
    for name, entry in found.get("control", {}).items():
        truth = entry["truth"]
        rows.append(row(f"scale factor of {name}", entry, truth and truth["value"], 3))
    composition = found.get("composition", {"fractions": {}})
    for name, entry in composition["fractions"].items():
        truth = composition["truth"].get(name)
        rows.append(row(f"fraction of {name}", entry or {"value": None}, truth, 4))
    return rows


def _chosen_clusters(model: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: what each chosen cluster gains."""
    chosen = {"all test events": model["before"]}
    supervised = "mass window (supervised)"
    for name, found in (("", model["chosen"]), *model["baselines"].items()):
        if name == supervised:
            chosen[name] = found
            continue
        for choice, title in (("labels", "by labels"), ("bump", "by the dijet mass")):
            chosen[f"{name or 'cluster'} ({title})"] = found[choice]
    columns = ["events", "s", "b", "s/b", "enrichment", "s/sqrt(b)"]
    return columns, [
        [
            name,
            str(one["s"]),
            str(one["b"]),
            number(one["s/b"]),
            "1" if one is model["before"] else number(one["enrichment"], 1),
            number(one["s/sqrt(b)"], 2),
        ]
        for name, one in chosen.items()
    ]


def _shown(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.3g}"


def _correlations(page: Page, found: dict[str, Any]) -> None:
    """How several signal strengths are correlated."""
    names = found["names"]
    if len(names) > 1:
        rows = [
            [name, *(f"{value:.2f}" for value in row)]
            for name, row in zip(names, found["matrix"], strict=True)
        ]
        page.grid("Correlations", ["", *names], rows)


def fit_rows(poi: str, result: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows: signal strength, discovery significance and upper limit, expected and observed.

    Args:
        poi: the parameter of interest.
        result: its figures in summary.json.
    """
    rows = [("signal strength", result["text"])]
    if "envelope" in result:
        shift = f"± {result['envelope']:.2g}, not among the errors"
        rows.append(("other functions of the background from data", shift))
    found = result["significance"]
    for kind in ("expected", "observed"):
        if kind in found:
            rows.append((f"discovery significance ({kind})", f"{found[kind]:.2f}"))
    if toys := found.get("toys"):
        tested = "observed" if "observed" in found else "expected"
        above = f"> {toys['significance_above']:.2f} (95 % CL)" if "p_value_below" in toys else ""
        value = above or f"{toys['significance']:.2f}"
        rows.append((f"the {tested} one by {toys['number']} toys", value))
    limit = result["limit"]
    level = f"upper limit at {100 * limit['level']:.0f} % CL"
    low, median, high = (
        "beyond the scan" if x is None else f"{x:.3g}" for x in limit["expected"][1:4]
    )
    bound = median if limit["expected"][2] is None else f"{poi} < {median}"
    if limit["expected"][1] is not None:
        bound += f" ({low} to {high})"
    rows.append((f"{level} (expected, 68 %)", bound))
    if "observed" in limit:
        value = limit["observed"]
        text = "beyond the scan" if value is None else f"{poi} < {value:.3g}"
        if "note" in limit:
            text = "undefined: data far below the expectation"
        rows.append((f"{level} (observed)", text))
    return rows

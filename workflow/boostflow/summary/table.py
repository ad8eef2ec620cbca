"""The summary of a run as plain text."""

from __future__ import annotations

from typing import Any

from boostflow.texttable import Text


def table(summary: dict[str, Any], width: int = 100) -> str:
    """The figures of summary.json as plain text of at most `width` columns."""
    page = Text(width)
    _samples(page, summary)
    for name, model in summary["models"].items():
        _model(page, name, model)
    for pair in summary.get("comparison", []):
        rows = [
            (f"AUC {'mean' if name == 'macro' else name}", _number(figure, 4))
            for name, figure in pair["auc"].items()
        ]
        page.grid(" - ".join(pair["models"]), ["difference", "value (same test jets)"], rows)
    if "fit" in summary:
        fit = summary["fit"]
        for poi, found in fit["pois"].items():
            what = f" of {poi}" if len(fit["pois"]) > 1 else ""
            title = f"Fit{what} ({fit['data']} data)"
            page.grid(title, ["figure", "value"], _fit_rows(poi, found))
        _correlations(page, fit["correlation"])
    for name, compared in summary.get("crosschecks", {}).items():
        _crosscheck(page, name, compared)
    if "background" in summary:
        _background(page, summary["background"])
    if "health" in summary:
        found = summary["health"]
        flags = ", ".join(f"{n} {flag}" for flag, n in found["counts"].items() if n)
        page.line(
            f"Health check: {found['flagged']} of {found['effects']} systematic effects have a flag"
            f"{f' ({flags})' if flags else ''}"
        )
    return page.text()


def _samples(page: Text, summary: dict[str, Any]) -> None:
    samples = [
        [
            name,
            f"{s['events']}",
            f"{s['selected_events']}",
            f"{s['selected_jets']}",
            "-" if s["expected_per_fb"] is None else f"{s['expected_per_fb']:.4g}",
        ]
        for name, s in summary["samples"].items()
    ]
    page.grid(
        "Samples",
        ["sample", "events", "selected events", "selected jets", "expected per 1/fb"],
        samples,
    )
    left_out = [
        [name, one["file"], one["reason"]]
        for name, files in summary.get("skipped", {}).items()
        for one in files
    ]
    page.grid("Skipped files", ["sample", "file", "reason"], left_out)
    for note, names in summary["notes"].items():
        page.line(f"{', '.join(names)}: {note}")


def _model(page: Text, name: str, model: dict[str, Any]) -> None:
    if "chosen" in model:
        title = f"Model {name}, {model['clusters']} clusters of events"
        page.grid(title, *_chosen_clusters(model))
        return
    rows = [("accuracy", _number(model["accuracy"]))]
    for baseline, figure in model.get("baselines", {}).items():
        rows.append((f"accuracy of {baseline}", _number(figure)))
    if "macro_auc" in model:
        rows.append(("macro AUC", _number(model["macro_auc"])))
        rows += [(f"AUC {label}", _number(figure)) for label, figure in model["auc"].items()]
    for figure in model.get("rejection", []):
        pair = f"{figure['signal']} against {'+'.join(figure['background'])}"
        rows.append((f"1/eps {pair} at {figure['efficiency']:.0%}", _number(figure, 1)))
    best = model.get("significance_systematics", {}).get("asimov")
    if best:
        rows.append((f"Asimov Z with systematics, cut at {best['cut']:.3f}", _number(best, 2)))
    page.grid(f"Model {name}", ["figure", "value (test jets)"], rows)


def _crosscheck(page: Text, name: str, compared: dict[str, Any]) -> None:
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


def _background(page: Text, found: dict[str, Any]) -> None:
    columns = ["estimate", "value", "pseudo-data"]
    page.grid("Background from data", columns, _background_rows(found))
    for key in ("sideband", "composition"):
        entry = found.get(key, {})
        for reason in entry.get("reasons", [entry.get("reason")]):
            if reason:
                page.line(f"{key}: {reason}")


def _number(figure: dict[str, Any], digits: int = 3) -> str:
    if "limit" in figure:
        return f"> {figure['limit']:.{max(digits - 1, 0)}f} ({100 * figure['level']:.0f} % CL)"
    text = f"{figure['value']:.{digits}f} ± {figure['error']:.{digits}f}"
    if "systematic" in figure:
        up, down = (figure["systematic"][side] for side in ("up", "down"))
        above = "∞" if up is None else f"{up:.{digits}f}"
        text += f" (stat) +{above} -{down:.{digits}f} (syst)"
    return text


def _background_rows(found: dict[str, Any]) -> list[list[str]]:
    """Estimates and, of pseudo-data, what they should be."""

    def row(name: str, entry: dict[str, Any], truth: float | None, digits: int) -> list[str]:
        if entry["value"] is None:
            return [name, "no result", "-"]
        true = "-" if truth is None else f"{truth:.{digits}f}"
        return [name, _number(entry, digits), true]

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
            _number(one["s/b"]),
            "1" if one is model["before"] else _number(one["enrichment"], 1),
            _number(one["s/sqrt(b)"], 2),
        ]
        for name, one in chosen.items()
    ]


def _shown(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.3g}"


def _correlations(page: Text, found: dict[str, Any]) -> None:
    """How several signal strengths are correlated."""
    names = found["names"]
    if len(names) > 1:
        rows = [
            [name, *(f"{value:.2f}" for value in row)]
            for name, row in zip(names, found["matrix"], strict=True)
        ]
        right = range(1, len(names) + 1)
        page.grid("Correlation of the signal strengths", ["", *names], rows, right)


def _fit_rows(poi: str, fit: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows: signal strength, discovery significance and upper limit, expected and observed."""
    rows = [("signal strength", fit["text"])]
    found = fit["significance"]
    for kind in ("expected", "observed"):
        if kind in found:
            rows.append((f"discovery significance ({kind})", f"{found[kind]:.2f}"))
    if toys := found.get("toys"):
        tested = "observed" if "observed" in found else "expected"
        above = f"> {toys['significance_above']:.2f} (95 % CL)" if "p_value_below" in toys else ""
        value = above or f"{toys['significance']:.2f}"
        rows.append((f"the {tested} one by {toys['number']} toys", value))
    limit = fit["limit"]
    level = f"upper limit at {100 * limit['level']:.0f} % CL"
    low, median, high = (
        "beyond the scan" if x is None else f"{x:.3g}" for x in limit["expected"][1:4]
    )
    rows.append((f"{level} (expected, 68 %)", f"{poi} < {median} ({low} to {high})"))
    if "observed" in limit:
        value = "beyond the scan" if limit["observed"] is None else f"{limit['observed']:.3g}"
        text = (
            "undefined: data far below the expectation" if "note" in limit else f"{poi} < {value}"
        )
        rows.append((f"{level} (observed)", text))
    return rows

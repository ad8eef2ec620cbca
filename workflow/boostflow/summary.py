"""The key figures of all stages: summary.json, and the same as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from boostflow.io import atomic, read_json, write_json
from boostflow.texttable import Text


def collect(
    cutflows: Sequence[Path],
    evaluations: Sequence[Path],
    fit: Path | None,
    systematics: Sequence[Path] = (),
    comparison: Path | None = None,
    crosschecks: Sequence[Path] = (),
    background: Path | None = None,
    health: Path | None = None,
) -> dict[str, Any]:
    """Key figures from the JSON files of the stages; what was not run is absent.

    Args:
        cutflows: JSON beside the selected jets, one per sample.
        evaluations: one per model.
        fit: fit.json; null if there is no fit.
        systematics: systematic errors of evaluations, of those models that have any.
        comparison: of models; null if there are fewer than two.
        crosschecks: one per comparison of regions, named by it.
        background: background.json; null if there is none.
        health: of systematic effects; null if there are none with templates.

    Raises:
        BoostflowError: a file is missing or is not JSON.
    """
    result: dict[str, Any] = {"samples": {}, "notes": {}, "models": {}}
    for path in cutflows:
        data = read_json(path)
        first, last = data["cutflow"][0], data["cutflow"][-1]
        result["samples"][data["sample"]] = {
            "events": first["events"],
            "selected_events": last["events"],
            "selected_jets": sum(data["jets"].values()),
            "expected_per_fb": last.get("expected"),
        }
        for note in data["notes"]:
            result["notes"].setdefault(note, []).append(data["sample"])
        if data.get("skipped"):
            result.setdefault("skipped", {})[data["sample"]] = data["skipped"]
    for path in evaluations:
        data = read_json(path)
        entry = {
            key: data[key]
            for key in ("kind", "macro_auc", "auc", "accuracy", "rejection")
            if key in data
        }
        if "significance" in data:
            entry["significance"] = data["significance"]["best"]
        if data["kind"] == "events":
            entry |= {
                key: data[key] for key in ("signal", "before", "unscored", "chosen", "baselines")
            }
            entry["clusters"] = len(data["clusters"])
        elif "baselines" in data:
            entry["adjusted_mutual_information"] = data["adjusted_mutual_information"]
            entry["baselines"] = data["baselines"]
        result["models"][data["model"]] = entry
    for path in systematics:
        data = read_json(path)
        aucs = {name: figure["systematic"] for name, figure in data["auc"].items()}
        entry = result["models"][data["model"]]
        entry["macro_auc"]["systematic"] = aucs.pop("macro")
        for name, systematic in aucs.items():
            entry["auc"][name]["systematic"] = systematic
        for figure, other in zip(entry.get("rejection", []), data["rejection"], strict=True):
            figure |= {key: other[key] for key in ("systematic",) if key in other}
        if "significance" in data:
            entry["significance_systematics"] = data["significance"]["best"]
    if comparison is not None:
        result["comparison"] = read_json(comparison)["pairs"]
    if fit is not None:
        data = read_json(fit)
        result["fit"] = {key: data[key] for key in ("text", "mu", "significance", "data")}
        result["fit"]["limit"] = {k: v for k, v in data["limit"].items() if k != "scan"}
        parts = data["breakdown"]
        result["fit"]["breakdown"] = {
            "order": parts["order"],
            **{name: parts[name]["error"] for name in ("total", "stat", *parts["order"])},
        }
    if health is not None:
        data = read_json(health)
        result["health"] = {
            "effects": len(data["effects"]),
            "flagged": sum(bool(effect["flags"]) for effect in data["effects"]),
            "counts": data["counts"],
        }
    if crosschecks:
        result["crosschecks"] = {path.stem: read_json(path) for path in crosschecks}
    if background is not None:
        result["background"] = _estimates(read_json(background))
    return result


def _estimates(data: dict[str, Any]) -> dict[str, Any]:
    """Key figures of background.json."""
    result: dict[str, Any] = {}
    if "abcd" in data:
        found = data["abcd"]
        result["abcd"] = {
            **{key: found["prediction"][key] for key in ("value", "error")},
            "truth": found["truth"],
            "closure": found["closure"]["significance"],
        }
    if "sideband" in data:
        found = data["sideband"]
        result["sideband"] = {key: found.get(key) for key in ("value", "error", "truth", "reason")}
    for name, found in data.get("control", {}).items():
        result.setdefault("control", {})[name] = {
            key: found[key] for key in ("value", "error", "truth", "enters")
        }
    if "composition" in data:
        found = data["composition"]
        result["composition"] = {
            "status": found["status"],
            "reasons": found["reasons"],
            "fractions": {
                name: entry and {key: entry["fraction"][key] for key in ("value", "error")}
                for name, entry in found["classes"].items()
            },
            "truth": {name: entry["fraction"] for name, entry in found.get("truth", {}).items()},
        }
    return result


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


def _of_events(model: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
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


def _of_fit(fit: dict[str, Any]) -> list[tuple[str, str]]:
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
    rows.append((f"{level} (expected, 68 %)", f"mu < {median} ({low} to {high})"))
    if "observed" in limit:
        value = "beyond the scan" if limit["observed"] is None else f"{limit['observed']:.3g}"
        text = "undefined: data far below the expectation" if "note" in limit else f"mu < {value}"
        rows.append((f"{level} (observed)", text))
    return rows


def table(summary: dict[str, Any], width: int = 100) -> str:
    """The summary as plain text of at most `width` columns."""
    page = Text(width)
    show = page.grid
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
    show(
        "Samples",
        ["sample", "events", "selected events", "selected jets", "expected per 1/fb"],
        samples,
    )
    left_out = [
        [name, one["file"], one["reason"]]
        for name, files in summary.get("skipped", {}).items()
        for one in files
    ]
    show("Skipped files", ["sample", "file", "reason"], left_out)
    for note, names in summary["notes"].items():
        page.line(f"{', '.join(names)}: {note}")
    for name, model in summary["models"].items():
        if model["kind"] == "events":
            show(f"Model {name}, {model['clusters']} clusters of events", *_of_events(model))
            continue
        rows = [("accuracy", _number(model["accuracy"]))]
        for baseline, figure in model.get("baselines", {}).items():
            rows.append((f"accuracy of {baseline}", _number(figure)))
        if "macro_auc" in model:
            rows.append(("macro AUC", _number(model["macro_auc"])))
            rows += [(f"AUC {name}", _number(figure)) for name, figure in model["auc"].items()]
        for figure in model.get("rejection", []):
            pair = f"{figure['signal']} against {'+'.join(figure['background'])}"
            rows.append((f"1/eps {pair} at {figure['efficiency']:.0%}", _number(figure, 1)))
        best = model.get("significance_systematics", {}).get("asimov")
        if best:
            rows.append((f"Asimov Z with systematics, cut at {best['cut']:.3f}", _number(best, 2)))
        show(f"Model {name}", ["figure", "value (test jets)"], rows)
    for pair in summary.get("comparison", []):
        rows = [
            (f"AUC {'mean' if name == 'macro' else name}", _number(figure, 4))
            for name, figure in pair["auc"].items()
        ]
        show(" - ".join(pair["models"]), ["difference", "value (same test jets)"], rows)
    if "fit" in summary:
        show(f"Fit ({summary['fit']['data']} data)", ["figure", "value"], _of_fit(summary["fit"]))
    for name, compared in summary.get("crosschecks", {}).items():
        rows = [
            [which, *(_shown(found[key]) for key in ("error", "significance"))]
            for which, found in compared.items()
        ]
        columns = ["regions", "error of mu", "significance"]
        show(f"Cross-check {name}, without systematic uncertainties", columns, rows)
        for which, found in compared.items():
            for note in found["notes"]:
                page.line(f"{which}: {note}")
    if "background" in summary:
        columns = ["estimate", "value", "pseudo-data"]
        show("Background from data", columns, _background_rows(summary["background"]))
        for key in ("sideband", "composition"):
            entry = summary["background"].get(key, {})
            for reason in entry.get("reasons", [entry.get("reason")]):
                if reason:
                    page.line(f"{key}: {reason}")
    if "health" in summary:
        found = summary["health"]
        flags = ", ".join(f"{n} {flag}" for flag, n in found["counts"].items() if n)
        page.line(
            f"Health check: {found['flagged']} of {found['effects']} systematic effects have a flag"
            f"{f' ({flags})' if flags else ''}"
        )
    return page.text()


def write(
    cutflows: Sequence[Path],
    evaluations: Sequence[Path],
    fit: Path | None,
    output: Path,
    text: Path,
    systematics: Sequence[Path] = (),
    comparison: Path | None = None,
    crosschecks: Sequence[Path] = (),
    background: Path | None = None,
    health: Path | None = None,
) -> None:
    """Write summary.json and summary.txt."""
    summary = collect(
        cutflows, evaluations, fit, systematics, comparison, crosschecks, background, health
    )
    write_json(output, summary)
    with atomic(text) as part:
        part.write_text(table(summary), encoding="utf-8")

"""The key figures among what the stages have written as JSON; what was not run is absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from boostflow.io import read_json

if TYPE_CHECKING:
    from boostflow.jobs.summary import Summary


def collect(files: Summary.Files) -> dict[str, Any]:
    """Key figures from the JSON files of the stages, by what they are of.

    Args:
        files: those that the run has; the names of cross-checks are those of their files.

    Raises:
        BoostflowError: a file is missing or is not JSON.
    """
    result: dict[str, Any] = {"samples": {}, "notes": {}, "models": {}}
    for data in map(read_json, files.cutflows):
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
    for data in map(read_json, files.evaluations):
        result["models"][data["model"]] = _evaluation(data)
        for note in data.get("notes", []):
            result["notes"].setdefault(note, []).append(data["model"])
    for data in map(read_json, files.systematics):
        _add_systematics(result["models"][data["model"]], data)
    for data in map(read_json, files.comparison):
        result["comparison"] = data["pairs"]
    for data in map(read_json, files.fit):
        result["fit"] = _fit(data)
        for note in data["notes"]:
            result["notes"].setdefault(note, []).append("fit")
    for data in map(read_json, files.health):
        result["health"] = {
            "effects": len(data["effects"]),
            "flagged": sum(bool(effect["flags"]) for effect in data["effects"]),
            "counts": data["counts"],
        }
    for data in map(read_json, files.transfer):
        result["transfer"] = _transfer(data)
        for poi, shift in data["envelope"]["errors"].items():
            result["fit"]["pois"][poi]["envelope"] = shift
    if files.crosschecks:
        result["crosschecks"] = {path.stem: read_json(path) for path in files.crosschecks}
    for data in map(read_json, files.background):
        result["background"] = _estimates(data)
    return result


def _evaluation(data: dict[str, Any]) -> dict[str, Any]:
    """Key figures of the evaluation of a model, as far as it has them."""
    entry: dict[str, Any] = {
        key: data[key]
        for key in (
            "kind",
            "macro_auc",
            "auc",
            "accuracy",
            "rejection",
            "improvement",
            "bits",
            "told_apart",
        )
        if key in data
    }
    if data.get("kind") == "regression":
        found = [one for one in data["ranges"][-1]["bins"] if one is not None]
        keys = ("low", "high", "bias", "width", "ratio")
        entry["bins"] = [{key: one[key] for key in keys if key in one} for one in found]
        entry |= {key: data[key] for key in ("lowest", "coverage")}
    if "significance" in data:
        entry["significance"] = data["significance"]["best"]
    if "chosen" in data:  # clusters of events
        kept = ("signal", "before", "unscored", "chosen", "baselines")
        entry |= {key: data[key] for key in kept}
        entry["clusters"] = len(data["clusters"])
    elif "baselines" in data:  # clusters of jets
        entry["adjusted_mutual_information"] = data["adjusted_mutual_information"]
        entry["baselines"] = data["baselines"]
    return entry


def _add_systematics(entry: dict[str, Any], data: dict[str, Any]) -> None:
    """Add the systematic errors of a model's figures to those figures."""
    aucs = {name: figure["systematic"] for name, figure in data["auc"].items()}
    entry["macro_auc"]["systematic"] = aucs.pop("macro")
    for name, systematic in aucs.items():
        entry["auc"][name]["systematic"] = systematic
    for figure, other in zip(entry.get("rejection", []), data["rejection"], strict=True):
        figure |= {key: other[key] for key in ("systematic",) if key in other}
    if "significance" in data:
        entry["significance_systematics"] = data["significance"]["best"]


def _fit(data: dict[str, Any]) -> dict[str, Any]:
    """Key figures of fit.json."""
    names = list(data["pois"])
    among = data["correlation"]["names"]
    free = [name for name in names if name in among]
    rows = [
        [data["correlation"]["matrix"][among.index(i)][among.index(j)] for j in free] for i in free
    ]
    return {
        "data": data["data"],
        "pois": {name: _strength(data["pois"][name]) for name in names},
        "correlation": {"names": free, "matrix": rows},
    }


def _strength(found: dict[str, Any]) -> dict[str, Any]:
    """Key figures of one parameter of interest."""
    kept = ("samples", "text", "value", "up", "down", "error", "at_limit", "significance")
    result = {key: found[key] for key in kept if key in found}
    result["limit"] = {key: value for key, value in found["limit"].items() if key != "scan"}
    parts = found["breakdown"]
    result["breakdown"] = {
        "order": parts["order"],
        **{name: parts[name]["error"] for name in ("total", "stat", *parts["order"])},
    }
    return result


def _transfer(data: dict[str, Any]) -> dict[str, Any]:
    """Key figures of transfer.json."""
    return {
        "name": data["name"],
        "basis": data["basis"],
        "regions": {
            region: {key: found[key] for key in ("fail", "order")} | {"p": found["closure"]["p"]}
            for region, found in data["regions"].items()
        },
        "p": data["fit"].get("p"),
        "bias": {
            f"{poi}, {truth}": max(
                (row for row in data["bias"] if (row["poi"], row["truth"]) == (poi, truth)),
                key=lambda row: abs(row["mean"]),
            )
            for poi, truth in dict.fromkeys((row["poi"], row["truth"]) for row in data["bias"])
        },
        "envelope": data["envelope"]["errors"],
        "flags": data["flags"],
    }


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

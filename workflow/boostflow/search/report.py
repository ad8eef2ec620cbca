"""What a search has found: figures, a table, a plot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import atomic, read_json, write_json
from boostflow.models.points import SCORES
from boostflow.models.search import said
from boostflow.search.judge import FIGURES, HIGHEST, read
from boostflow.search.luck import luck
from boostflow.texttable import Text

if TYPE_CHECKING:
    from boostflow.jobs.search import ReportSearch

NAMES = {"auc": "macro AUC", "loss": "cross-entropy"}
"""How tables call the figures."""
TIMES = ("seconds", "cpu_seconds")


def report(job: ReportSearch, files: ReportSearch.Files) -> None:
    """Write figures, table and plot of a search.

    Raises:
        BoostflowError: rankings or the points' scores are missing or damaged.
    """
    steps = [read_json(path)["points"] for path in files.rankings]
    seeds = [entry for path in files.seeds for entry in read_json(path)["points"]]
    last = [entry for entry in steps[-1] if "diverged" not in entry]
    found: dict[str, Any] = {
        "model": job.name,
        "method": job.method,
        "figure": job.figure,
        "chosen": last[0],
        "validation": _luck(job, files.points, last),
        "seeds": _seeds(job, seeds),
        "time": _times(job, steps),
        "steps": [
            {"given": job.given[i] if job.given else None, "points": points}
            for i, points in enumerate(steps)
        ],
    }
    write_json(files.figures, found)
    with atomic(files.table) as part:
        part.write_text(table(job, found), encoding="utf-8")
    from boostflow.plots.search import draw
    from boostflow.plots.style import save, style

    with style():
        save(draw(job, found), files.plot)


def _luck(job: ReportSearch, points: Path, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The chosen figure without its luck: among the points of the last step.

    Raises:
        BoostflowError: scores of a point are gone.
    """
    statistics = []
    event: NDArray | None = None
    for entry in entries:
        folder = points / entry["point"]
        jets = read(folder / SCORES)
        if jets is None:
            raise BoostflowError(
                f"{folder}: has no scores of validation jets any more: remove the files of"
                f" search/{job.name} and of search/batches, and they are made again"
            )
        statistics.append(FIGURES[job.figure](jets))
        event = jets.event
    assert event is not None
    sign = 1 if HIGHEST[job.figure] else -1

    def all_of(count: NDArray) -> NDArray:
        return np.array([sign * statistic(count) for statistic in statistics])

    found = luck(all_of, event, job.bootstrap, job.seed)
    return found | {key: sign * found[key] for key in ("value", "corrected")}


def _seeds(job: ReportSearch, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Validation and test figures of the chosen settings by seed, and their spread.

    The first seed is that of the model.
    """
    good = [entry for entry in entries if "diverged" not in entry]
    result: dict[str, Any] = {"trained": len(entries), "diverged": len(entries) - len(good)}
    for split in ("validation", "test"):
        part = [entry["test"] if split == "test" else entry for entry in good]
        for name in FIGURES:
            values = [entry[name] for entry in part]
            spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
            result.setdefault(split, {})[name] = {
                "values": values,
                "mean": float(np.mean(values)),
                "spread": spread,
            }
    return result


def _times(job: ReportSearch, steps: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Time of all trainings of the search, and with halving what whole trainings would have taken.

    That is an estimate: of the points of the last step both a whole training and the first, short
    one are known, and the others' short ones are scaled alike.
    """
    each = {e["point"]: e for step in steps for e in step if "diverged" not in e}
    result: dict[str, Any] = {k: round(sum(e[k] for e in each.values()), 1) for k in TIMES}
    if len(steps) < 2:
        return result
    short = {json.dumps(e["settings"]): e for e in steps[0] if "diverged" not in e}
    both = [(e, short[json.dumps(e["settings"])]) for e in steps[-1] if "diverged" not in e]
    for key in TIMES:
        ratio = sum(e[key] for e, _ in both) / max(sum(e[key] for _, e in both), 1e-9)
        whole = ratio * sum(e[key] for e in short.values())
        result[f"whole_{key}"] = round(whole, 1)
        result[f"saved_{key}"] = round(1 - result[key] / whole, 3) if whole > 0 else None
    return result


def table(job: ReportSearch, found: Mapping[str, Any]) -> str:
    """What was found as plain text."""
    text = Text()
    name = NAMES[job.figure]
    best, judged, seeds = found["chosen"], found["validation"], found["seeds"]
    text.line(f"Search of {job.name} ({job.method}), by the {name} of the validation split")
    text.line(f"Chosen: {said(best['settings'])}")
    text.line(
        f"Validation: {judged['value']:.4f} ± {judged['error']:.4f}; without the luck of the best"
        f" of {judged['points']}: {judged['corrected']:.4f}"
    )
    text.line(
        f"Chosen again in {judged['chosen_again']:.0%} of the resamplings; as far ahead of the"
        f" median point by chance: p = {judged['p_value']:.2g}"
    )
    test = seeds["test"][job.figure]
    several = f", mean of {len(test['values'])} seeds {test['mean']:.4f}"
    if test["spread"] is not None:
        several += f", spread {test['spread']:.4f}"
    text.line(f"Test: {test['values'][0]:.4f}{several}")
    times = found["time"]
    spent = f"Trainings: {times['seconds']:.0f} s, {times['cpu_seconds']:.0f} CPU s"
    if "whole_seconds" in times:
        spent += (
            f"; all of them whole, estimated: {times['whole_seconds']:.0f} s,"
            f" {times['whole_cpu_seconds']:.0f} CPU s"
        )
    text.line(spent)
    for step in found["steps"]:
        given = "" if step["given"] is None else f"{job.resource} {step['given']}"
        rows = [
            [
                *(_value(entry["settings"][key]) for key in job.keys),
                *(_number(entry.get(figure)) for figure in FIGURES),
                *(_number(entry.get(key), 1) for key in TIMES),
                entry["point"],
            ]
            for entry in step["points"]
        ]
        titles = [*job.keys, *(NAMES[figure] for figure in FIGURES), "s", "CPU s", "point"]
        text.grid(given, titles, rows)
    return text.text()


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: float | None, digits: int = 4) -> str:
    return "diverged" if value is None else f"{value:.{digits}f}"

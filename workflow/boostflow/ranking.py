"""All classifiers beside each other: what they reach, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import awkward as ak

from boostflow.io import atomic, read_json, read_parquet, write_json
from boostflow.jobs.models import RankClassifiers
from boostflow.models.logic import FIRMWARE
from boostflow.models.score import manifest, score
from boostflow.summary.table import number
from boostflow.texttable import Text

TIMED = 2_000
"""Jets that are scored to measure the rate."""
ROUNDS = 3
"""How often they are; the fastest round counts."""


def run(job: RankClassifiers, files: RankClassifiers.Files) -> None:
    """Write the figures of all classifiers, their table and the plot of their ROC curves.

    Raises:
        BoostflowError: a file is missing or damaged, or a model cannot score.
    """
    from boostflow.plots.ranking import resources, roc
    from boostflow.plots.style import save, style

    judged = {found["model"]: found for found in map(read_json, files.evaluations)}
    folders = {path.parent.name: path for path in files.models}
    jets = some(files.jets)
    pairs = {pair["models"][1]: pair["auc"] for pair in read_json(files.comparison)["pairs"]}
    rows = {
        name: {
            "title": job.titles[name],
            "macro_auc": judged[name]["macro_auc"],
            "difference": _difference(pairs.get(name)),
            "rejection": judged[name]["rejection"],
            **costs(folders[name], jets),
            **({"logic": read_json(folders[name] / FIRMWARE)} if name in job.in_logic else {}),
        }
        for name in job.titles
    }
    result = {"reference": job.reference, "jets": len(jets), "models": rows}
    write_json(files.figures, result)
    with atomic(files.table) as part:
        part.write_text(table(result), encoding="utf-8")
    with style():
        save(roc({name: judged[name] for name in job.titles}, job.label), files.plot)
        if files.resources is not None:
            save(resources(result, job.label), files.resources)


def _difference(pair: Mapping[str, Any] | None) -> dict[str, float] | None:
    """Macro AUC of a model minus that of the reference, which comes first in a pair."""
    if pair is None:
        return None
    return {"value": -pair["macro"]["value"], "error": pair["macro"]["error"]}


def some(paths: list[Path]) -> ak.Array:
    """About `TIMED` jets, as many of each sample, with all columns.

    Raises:
        BoostflowError: a file cannot be read.
    """
    each = -(-TIMED // len(paths))
    parts = [read_parquet(path)[:each] for path in paths]
    return ak.concatenate([part for part in parts if len(part)])


def costs(model: Path, jets: ak.Array) -> dict[str, Any]:
    """What a model has cost, and what a score costs.

    Args:
        model: its folder.
        jets: that are scored, on one thread.

    Returns:
        `parameters` (null where the family does not say), `seconds` and `peak_mb` of the training,
        and `rate`, jets per CPU second of scoring, in memory.
    """
    about = manifest(model)
    score(model, jets)  # what a library does once, such as planning its memory
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        score(model, jets)
        best = min(best, time.process_time() - start)
    return {
        "parameters": about.get("parameters"),
        "seconds": about["seconds"],
        "peak_mb": about.get("peak_mb"),
        "rate": len(jets) / best,
    }


def table(found: Mapping[str, Any]) -> str:
    """The figures as plain text: a table of what is reached, one of costs.

    Args:
        found: as `run` writes them.
    """
    page, models = Text(120), found["models"]
    wanted = [_cut(row) for row in next(iter(models.values()))["rejection"]]
    page.grid(
        "Classifiers on the same test jets",
        ["model", "family", "macro AUC", f"minus {found['reference']}"],
        [
            [
                name,
                row["title"],
                number(row["macro_auc"], 4),
                "-" if row["difference"] is None else number(row["difference"], 4),
            ]
            for name, row in models.items()
        ],
        right=(2, 3),
    )
    if wanted:
        page.grid(
            "Background rejection at a signal efficiency",
            ["model", *wanted],
            [[name, *map(_rejection, row["rejection"])] for name, row in models.items()],
            right=range(1, len(wanted) + 1),
        )
    if logic := {name: row["logic"] for name, row in models.items() if "logic" in row}:
        page.grid(
            "Logic for an FPGA",
            ["model", "EBOPs", "LUT", "registers", "cycles", "latency [ns]", "clock [MHz]"],
            [
                [
                    name,
                    f"{row['ebops']:,}" if "ebops" in row else "-",
                    f"{row['lut']:,} ({row['lut_reports'][0]:,} to {row['lut_reports'][1]:,})",
                    f"{row['registers']:,}",
                    str(row["cycles"]),
                    f"{row['latency_ns']:g}",
                    f"{row['clock_mhz']:g}",
                ]
                for name, row in logic.items()
            ],
            right=range(1, 7),
        )
        page.line("LUT: da4ml's estimate, and 0.97 to 1.13 of it, as Vivado's reports of networks.")
    page.grid(
        "Costs",
        ["model", "parameters", "training [s]", "peak memory [MB]", "scores [jets / CPU-s]"],
        [
            [
                name,
                "-" if row["parameters"] is None else f"{row['parameters']:,}",
                f"{row['seconds']:.0f}",
                "-" if row["peak_mb"] is None else f"{row['peak_mb']:.0f}",
                f"{row['rate']:,.0f}",
            ]
            for name, row in models.items()
        ],
    )
    page.line(
        "Training: wall time, and memory of the first process; scores:"
        f" {found['jets']} jets in memory, one thread. Beside whatever else ran on the machine."
    )
    return page.text()


def _rejection(row: Mapping[str, Any]) -> str:
    """A rejection with its error or its limit, if there is any."""
    return number(dict(row), 0) if {"value", "limit"} & row.keys() else "-"


def _cut(row: Mapping[str, Any]) -> str:
    """Which rejection it is: `top at 50 %`."""
    return f"{row['signal']} at {100 * row['efficiency']:g} %"

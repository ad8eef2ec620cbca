"""A model's figures from the jets of all variations, one variation in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from boostflow.config.systematics import Weight
from boostflow.errors import BoostflowError
from boostflow.evaluate import systematic
from boostflow.evaluate.judge import COLUMNS, classified
from boostflow.jobs.models import EvaluateSystematics
from boostflow.models.family import Task
from boostflow.scored import Table, read_scored, require_weights
from boostflow.variations import NOMINAL

OPTIONAL = ["mass"]
"""Columns that say which of the selected jets are judged, besides `COLUMNS`; tables have none."""


def measure(
    job: EvaluateSystematics, files: EvaluateSystematics.Files, known: Mapping[str, Any]
) -> dict[str, Any]:
    """Figures of merit with statistical and systematic errors.

    Args:
        job: systematics, and how the model is judged.
        files: selected jets and scores of nominal and of what varies.
        known: evaluation of the nominal jets.

    Raises:
        BoostflowError: missing or mismatched files, a weight column that a sample lacks, classes
            other than the nominal ones.
    """
    jets: dict[str, dict[str, Path]] = {}
    for path in files.jets:
        jets.setdefault(path.parent.name, {})[path.stem] = path
    tables = {path.stem: path for path in files.scores}
    if NOMINAL not in jets or NOMINAL not in tables:
        raise BoostflowError("the nominal jets and their scores are missing")
    scanned = job.judged.task is Task.CLASSIFY and bool(job.signal)
    names = sorted(jets[NOMINAL])

    def read(variation: str, optional: Sequence[str] = ()) -> Table:
        paths = jets[NOMINAL] | jets.get(variation, {})
        return read_scored(
            paths, tables.get(variation, tables[NOMINAL]), COLUMNS, [*OPTIONAL, *optional]
        )

    def measured(table: Table) -> systematic.Measured:
        part = classified(table, job.judged)
        if part.classes != list(known["auc"]):
            raise BoostflowError(
                f"classes {', '.join(part.classes)}, but {', '.join(known['auc'])} nominally: "
                "too few jets to tell which cluster stands for which class"
            )
        found = systematic.measure(part, job.evaluate, known.get("rejection", []))
        if scanned:
            found.figures["yields"] = systematic.events_passing(
                table, job.judged, job.signal, names, job.luminosity
            )
        return found

    weights = [entry for entry in job.systematics.values() if isinstance(entry, Weight)]
    columns = sorted({column for entry in weights for column in entry.members().values()})
    nominal_table = read(NOMINAL, columns)
    nominal, varied = measured(nominal_table), {}
    for name, entry in job.systematics.items():
        for direction, change in entry.members().items():
            variation = f"{name}_{direction}"
            if isinstance(entry, Weight):
                for sample in entry.samples or names:
                    require_weights(jets[NOMINAL][sample], change)
                table = systematic.reweighted(nominal_table, change, entry.samples)
            else:
                table = read(variation)
            varied[variation] = measured(table)
    result, by_shift = systematic.evaluate(nominal, varied, job.systematics, known, names)
    if scanned:
        yields = nominal.figures["yields"]
        result["significance"] = systematic.scan(
            nominal_table, job.judged, job.signal, names, job.luminosity, yields, by_shift
        )
    return result

"""The stage templates: from selected jets and scores of one variation to its template file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from boostflow.config.statistics import Templates
from boostflow.errors import BoostflowError
from boostflow.io import parquet_columns
from boostflow.scored import TEST, beside, read_jets, read_scores, samples_of
from boostflow.templates.build import Weighting, fill
from boostflow.templates.files import write


def make(
    select: Sequence[Path],
    scores: Sequence[Path],
    output: Path,
    config: Templates,
    luminosity: float,
    weighting: Weighting | None = None,
    split: int = TEST,
    data: Collection[str] = (),
    unblind: bool = False,
    allow_empty: bool = False,
) -> None:
    """Make the templates of one variation.

    Args:
        select: selected jets, one file per sample, named by it.
        scores: score tables, one per model that the regions read, in a folder of its name.
        output: ROOT file to write.
        config: variable, axis and regions.
        luminosity: in 1/fb.
        weighting: of a weight variation; null for none.
        split: which part of the simulated events enters.
        data: samples that are collision data; `unblind` shows them in all regions.
        unblind: see `build.fill`.
        allow_empty: see `build.fill`.

    Raises:
        BoostflowError: see `build.fill`; or a file is missing or lacks a column.
    """
    files = samples_of(select)
    tables = {path.parent.name: (path, read_scores(path)) for path in scores}
    if weighting is not None and weighting.samples is not None:
        unknown = [name for name in weighting.samples if name not in files]
        if unknown:
            raise BoostflowError(f"weight {weighting.column}: unknown sample {', '.join(unknown)}")
    jets, score_columns = {}, {}
    for sample, path in files.items():
        columns = [config.variable, "split", "candidate", "weight"]
        weight = [weighting.column] if weighting and weighting.applies(sample) else []
        jets[sample] = read_jets(path, columns, ["label", *weight])
        for column in weight:
            if column not in jets[sample]:
                raise BoostflowError(
                    f"{output.stem}: sample {sample} has no weight column {column}; {path} has "
                    f"{', '.join(_weights(path)) or 'none'}. Correct the name, or list the samples "
                    "that have it as `samples` of the entry"
                )
        score_columns[sample] = {
            model: beside(jets[sample], table, sample, f"{where} and {path}")
            for model, (where, table) in tables.items()
        }
    try:
        histograms = fill(
            jets, score_columns, config, luminosity, weighting, split, data, unblind, allow_empty
        )
    except BoostflowError as error:
        raise BoostflowError(f"{output.stem}: {error}") from None
    write(output, histograms)


def _weights(path: Path) -> list[str]:
    """Columns of relative weights."""
    return sorted(name for name in parquet_columns(path) if name.startswith("weight_"))

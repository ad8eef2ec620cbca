"""The stage templates: from selected jets and scores of one variation to its template file."""

from __future__ import annotations

import logging
from pathlib import Path

from boostflow.errors import BoostflowError
from boostflow.io import parquet_columns
from boostflow.jobs.statistics import FillTemplates
from boostflow.scored import beside, read_jets, read_scores, require_weights, samples_of
from boostflow.templates.build import fill
from boostflow.templates.files import write

log = logging.getLogger(__name__)


def run(job: FillTemplates, files: FillTemplates.Files) -> None:
    """Make the templates of one variation.

    Args:
        job: the settings.
        files: selected jets, score tables, and the ROOT file to write.

    Raises:
        BoostflowError: see `build.fill`; or a file is missing or lacks a column.
    """
    weighting, paths = job.weighting, samples_of(files.jets)
    tables = {path.parent.name: (path, read_scores(path)) for path in files.scores}
    if weighting is not None and weighting.samples is not None:
        unknown = [name for name in weighting.samples if name not in paths]
        if unknown:
            raise BoostflowError(f"weight {weighting.column}: unknown sample {', '.join(unknown)}")
    jets, scores = {}, {}
    for sample, path in paths.items():
        cuts = {name for region in job.templates.regions.values() for name in region.within}
        columns = sorted({job.templates.variable, *cuts, "split", "candidate", "weight"})
        weight = [weighting.column] if weighting and weighting.applies(sample) else []
        jets[sample] = read_jets(path, columns, ["label", *weight])
        for column in weight:
            if column not in jets[sample]:
                raise BoostflowError(
                    f"{files.templates.stem}: sample {sample} has no weight column {column}; "
                    f"{path} has {', '.join(_weights(path)) or 'none'}. Correct the name, or list "
                    "the samples that have it as `samples` of the entry"
                )
            require_weights(path, column)
        scores[sample] = {
            model: beside(jets[sample], table, sample, f"{where} and {path}")
            for model, (where, table) in tables.items()
        }
    notes: list[str] = []
    try:
        histograms = fill(jets, scores, job, notes)
    except BoostflowError as error:
        raise BoostflowError(f"{files.templates.stem}: {error}") from None
    for note in notes:
        log.info("%s", note)
    write(files.templates, histograms, notes)


def _weights(path: Path) -> list[str]:
    """Columns of relative weights."""
    return sorted(name for name in parquet_columns(path) if name.startswith("weight_"))

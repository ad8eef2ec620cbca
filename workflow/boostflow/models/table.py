"""The score table: every selected jet of every sample, keyed by sample, event and jet."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import read_parquet, write_parquet
from boostflow.jobs.models import Scoring
from boostflow.models.family import Score
from boostflow.models.score import manifest, score

log = logging.getLogger("score")


def run(job: Scoring, files: Scoring.Files) -> None:
    """Score the jets of all samples, in their order.

    One sample is in memory at a time, all of them where a model scores them together.

    Args:
        job: names of the samples, and the columns that the model's family names.
        files: the table is written to `scores` (docs/contracts.md, "scores").

    Raises:
        BoostflowError: no sample has any jet, or the family gives other columns than it names.
    """
    tables = []
    trained = manifest(files.model).get("classes")
    for sample, jets, found in _scored(job, files):
        agree(job.scores, found, trained, str(files.model))
        columns = {
            "sample": ak.Array(np.full(len(jets), sample)),
            "event_id": jets.event_id,
            "jet_index": jets.jet_index,
            **found,
        }
        tables.append(ak.zip(columns, depth_limit=1))
        log.info("%s: %d jets", sample, len(jets))
    if not tables:
        raise BoostflowError("no jets pass the selection in any sample; loosen `select`")
    write_parquet(files.scores, ak.concatenate(tables))


def _scored(
    job: Scoring, files: Scoring.Files
) -> Iterator[tuple[str, ak.Array, Mapping[str, NDArray]]]:
    """The jets of each sample that has any, with their scores."""
    named = zip(job.samples, files.jets, strict=True)
    there = ((sample, jets) for sample, path in named if len(jets := _read(sample, path)))
    if not job.together:
        for sample, jets in there:
            yield sample, jets, score(files.model, jets, job.threads, sample)
        return
    samples = list(there)
    if not samples:
        return
    shared = set.intersection(*(set(jets.fields) for _, jets in samples))
    columns = [name for name in samples[0][1].fields if name in shared]
    whole = ak.concatenate([jets[columns] for _, jets in samples])
    found = score(files.model, whole, job.threads, "all samples")
    ends = np.cumsum([len(jets) for _, jets in samples])
    for (sample, jets), end in zip(samples, ends, strict=True):
        mine = slice(end - len(jets), end)
        yield sample, jets, {name: values[mine] for name, values in found.items()}


def _read(sample: str, path: Path) -> ak.Array:
    jets = read_parquet(path)
    if not len(jets):
        log.info("%s: no jets", sample)
    return jets


def crashed(job: Scoring, files: Scoring.Files, fault: signal.Signals) -> None:
    """Say on which model a library has crashed.

    Raises:
        BoostflowError: always.
    """
    raise BoostflowError(
        f"{files.model}: a library crashed ({fault.name}) while the model scored: its files are"
        " damaged; remove the folder, and it is trained again"
    )


def agree(
    named: Iterable[Score], given: Iterable[str], trained: Sequence[str] | None, where: str
) -> None:
    """Demand that a family gives the columns that it names.

    Args:
        named: by the model's block.
        given: names of the columns of a score table.
        trained: classes of the training, from the manifest; None if it does not say.
        where: name of the model, for the message.

    Raises:
        BoostflowError: a column is missing, other than that of a class that the training lacked, or
            is not named.
    """
    named, given = list(named), set(given)
    known = {score.of for score in named} if trained is None else {None, *trained}
    missing = [s.column for s in named if s.of in known and s.column not in given]
    more = sorted(given - {score.column for score in named})
    faults = []
    if missing:
        faults.append(f"names the scores {', '.join(missing)}, but gives none")
    if more:
        faults.append(f"gives the scores {', '.join(more)}, but does not name them")
    if faults:
        raise BoostflowError(f"{where}: its family {'; it '.join(faults)}")

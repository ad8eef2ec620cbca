"""Trainings of points: those that are whole are not repeated, all are judged by the same jets."""

from __future__ import annotations

import gc
import logging
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from boostflow.errors import BoostflowError, Diverged
from boostflow.io import exclusive, read_json, write_json
from boostflow.jobs.models import Train
from boostflow.models import points as on_disk
from boostflow.models.family import ModelBlock, family_of
from boostflow.models.kept import keeping
from boostflow.models.points import MODEL, Point
from boostflow.models.search import Settings, name_of, point, seeded
from boostflow.training.entry import process

if TYPE_CHECKING:
    from boostflow.jobs.search import TrainBest, TrainPoints

log = logging.getLogger("search")


class Wanted(NamedTuple):
    """A training that somebody wants."""

    block: ModelBlock
    """Block of the point."""
    settings: Settings | None = None
    """Values of the keys that are searched, where whoever ranks it does not know them."""
    test: bool = False
    """Whether it is judged by the test split, too."""


def points(job: TrainPoints, files: TrainPoints.Files) -> None:
    """Train points and write what came out for each.

    Raises:
        BoostflowError: bad input of a training; a split without jets of a class.
    """
    _all([Wanted(block) for block in job.points], files)


def best(job: TrainBest, files: TrainBest.Files) -> None:
    """Train points from some places of a ranking with more of the resource, or other seeds.

    Raises:
        BoostflowError: as `points`, or the ranking is none.
    """
    try:
        ranked = [entry["settings"] for entry in read_json(files.ranking)["points"]]
    except (LookupError, TypeError):
        raise BoostflowError(f"{files.ranking}: is no ranking of points: remove it") from None
    wanted = []
    for place in job.places:
        settings = ranked[0 if job.seeds else place]
        block = point(job.model, {**settings, **job.given})
        block = seeded(block, place) if job.seeds else block
        wanted.append(Wanted(block, settings, test=job.seeds))
    _all(wanted, files)


def _all(wanted: Sequence[Wanted], files: TrainPoints.Files) -> None:
    """Train what is not there yet, judge all, and write the results."""
    distributed = family_of(wanted[0].block).distributed
    known: dict[str, str] = {}
    found: list[Point] = []
    failed: set[str] = set()
    with process(files.results, threads=1 if distributed else None), keeping():
        for block, *_ in wanted:
            place = _place(block, files, known)
            found.append(place)
            try:
                _train(place, files)
            except Diverged as error:
                failed.add(place.name)
                log.warning("%s: %s", place.name, error)
        from boostflow.search.judge import judged

        there = [place for place in found if place.name not in failed]
        tests = {p.name for p, w in zip(found, wanted, strict=True) if w.test}
        figures = judged(there, files.judged, tests)
    results = []
    for place, want in zip(found, wanted, strict=True):
        entry: dict[str, Any] = {"point": place.name}
        if want.settings is not None:
            entry["settings"] = dict(want.settings)
        if place.name in failed:
            entry["diverged"] = True
        else:
            record = place.record() or {}
            entry |= {key: record.get(key) for key in ("seconds", "cpu_seconds")}
            entry |= figures[place.name]
        results.append(entry)
    write_json(files.results, {"points": results})


def _files(block: ModelBlock, files: TrainPoints.Files) -> Train.Files:
    """The files of the training of a point, with the prepared input that it needs."""
    name = block.prepared_name()
    return Train.Files(
        jets=files.jets,
        prepared=next((folder for folder in files.prepared if folder.name == name), None),
        models=files.models,
        prepared_below=files.prepared_below,
        output=files.points / name_of(block) / MODEL,
        checkpoint=files.checkpoints / name_of(block),
    )


def _place(block: ModelBlock, files: TrainPoints.Files, known: dict[str, str]) -> Point:
    """The point of a block; checksums of what is read are made once for each prepared input."""
    wanted = _files(block, files)
    key = str(wanted.prepared)
    if key not in known:
        known[key] = on_disk.checksum(on_disk.inputs(wanted))
    return on_disk.point_of(block, files.points, known[key])


def _train(place: Point, files: TrainPoints.Files) -> None:
    """Train a point unless it is whole, also if another job does so at this moment."""
    from boostflow.models.stage import fit

    with exclusive(files.points / f".{place.name}.lock", wait=True):
        if place.record() is not None:
            log.info("%s is whole", place.name)
            return
        log.info("%s: training", place.name)
        start, cpu = time.monotonic(), time.process_time()
        fit(Train(name=f"p{place.name}", model=place.block), _files(place.block, files))
        place.write(time.monotonic() - start, time.process_time() - cpu)
        # A process that trains many networks keeps no more than one of them.
        if "keras" in sys.modules:
            sys.modules["keras"].utils.clear_session()
        gc.collect()

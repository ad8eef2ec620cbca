"""Ingestion of one file: open, check, read chunk by chunk, merge the chunks, sum up."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from coffea.processor import accumulate

from boostflow.config.chain import Ingest as IngestBlock
from boostflow.config.files import is_remote
from boostflow.config.samples import BeforeSkim, RootContent
from boostflow.config.weights import Carried
from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest import tables, theory
from boostflow.ingest.badevents import SOUND
from boostflow.ingest.branches import Branches
from boostflow.ingest.carried import NOTHING, in_schema
from boostflow.ingest.counters import require_counters, require_one_a_jet
from boostflow.ingest.eventid import BUCKETS
from boostflow.ingest.executors import executor
from boostflow.ingest.features import Features, detect
from boostflow.ingest.filters import Filters
from boostflow.ingest.hls4ml import Hls4ml
from boostflow.ingest.jetclass import JetClass
from boostflow.ingest.layouts import read_chunks
from boostflow.ingest.lhco import Lhco
from boostflow.ingest.processor import FatJetProcessor, Schema
from boostflow.ingest.produced import BEFORE_SKIM, SKIM, Produced, produced
from boostflow.ingest.reading import ChunkRunner, options, patiently, unreadable
from boostflow.ingest.rows import HAS_FATJET, Rows
from boostflow.ingest.skipped import or_skip, require_checked, write_no_rows
from boostflow.ingest.sums import declared
from boostflow.ingest.toptag import TopTag
from boostflow.ingest.trees import TreeReader
from boostflow.io import atomic, parquet_options, scratch, write_json
from boostflow.jobs.chain import Ingest, execution
from boostflow.lumimask import LumiMask
from boostflow.nanoaod import CONSTITUENTS, EVENT

log = logging.getLogger("ingest")

LIGHT = 5
"""Times `chunksize` events are read at a time without constituents and generator particles."""
LAYOUTS = {"lhco": Lhco, "hls4ml": Hls4ml, "toptag": TopTag, "jetclass": JetClass}
"""Sources of events in files that are not ROOT."""

Look = Callable[[Branches, Features, int], None]


def run(job: Ingest, files: Ingest.Files) -> None:
    """Turn a file into a table of fat jets (docs/contracts.md, "ingest"), or leave it out.

    Args:
        job: the settings.
        files: what is read and written.

    Raises:
        BadFile: the file cannot be read, or lacks what no analysis can do without, and
            `on_bad_file` is fail.
        BoostflowError: it contradicts its declaration; no file is named; there is no such piece.
    """
    if job.address is None and files.file is None:
        raise BoostflowError("no input: give --file, or an `address` in JOB")
    file = job.address or str(files.file)
    job = job.model_copy(update={"ingest": execution(job.ingest)})
    if files.golden_json is not None:
        certified = {"golden_json": str(files.golden_json)}
        job = job.model_copy(update={"content": job.content.model_copy(update=certified)})
    if files.sums is not None:
        said = BeforeSkim(file=str(files.sums))
        job = job.model_copy(
            update={"content": job.content.model_copy(update={"before_skim": said})}
        )

    def read() -> None:
        if files.checked is not None:
            require_checked(files.checked, file)
        if job.tabular is not None:
            tables.run(file, job, files)
        else:
            _ingest(file, job, files)

    or_skip(read, file, job, files)


def _ingest(file: str, job: Ingest, files: Ingest.Files) -> None:
    """Read a file; `job` says how, with what comes from the environment and from other files."""
    config, content, piece = job.ingest, job.content, job.piece
    xsec = job.xsec
    before = None
    with scratch(files.table.absolute(), "chunks") as folder:
        if job.source == "root":
            features, entries, own_xsec, made = inspect(
                file, config, content, data=job.data, match=job.match, carried=job.carried
            )
            part = _range(entries, piece)
            if is_skim(made, entries) and (entries or not piece[0]):
                before = made.share(part, entries)
            filters = _filters(features, content)
            rows = Rows(file, job, features, folder, filters)
            counts = _read_tree(rows, part)
            xsec = xsec if xsec is not None else own_xsec
        else:
            with LAYOUTS[job.source](file, job.select, job.radius, config.fatjet_pt_min) as layout:
                features = layout.features
                rows = Rows(file, job, features, folder)
                counts = read_chunks(layout, rows, _range(layout.entries, piece))
        counts = accumulate([_nothing(rows), counts])
        _require_few(file, counts, config.bad_events_max)
        _merge(sorted(folder / name for name in counts["chunks"]), files.table)
    notes = [*features.notes]
    if job.vary is not None and not features.charges:
        notes.append(
            "constituents have no charge, or there are none: variations of kind constituent change"
            " nothing"
        )
    if counts["bare"]:
        notes.append(f"{counts['bare']} fat jets have no constituents")
    if not counts["events"]:
        what = "the file" if piece[1] == 1 else "this part of the file"
        notes.append(
            f"{what} has no events" + ("" if job.select == "all" else f" of class {job.select}")
        )
    for note in notes:
        log.info("%s: %s", file, note)
    every = {"name": "all", "events": counts["events"], "sumw": counts["sumw"]}
    if before is not None:
        every = {"name": BEFORE_SKIM, "events": before.events, "sumw": before.sumw}
    write_json(
        files.meta,
        {
            "file": file,
            "events": counts["events"],
            "bad_events": counts["bad_events"],
            "first_bad": next(iter(counts["first_bad"]), None),
            "jets": counts["rows"],
            "sumw": every["sumw"],
            "sumw2": counts["sumw2"],
            "sumw_buckets": [float(x) for x in counts["sumw_buckets"]],
            "sumw_weights": counts["sumw_weights"],
            "sumw_weights_before": theory.sums_before(features, before),
            "bad_weights": counts["bad_weights"],
            "xsec": xsec,
            "cutflow": [
                every,
                *({"name": name, **step} for name, step in counts["cutflow"].items()),
            ],
            "data": job.data,
            "normalised_to": job.content.normalised_to,
            "met": features.which_met,
            "numbered": {*EVENT} <= features.names.keys(),
            "skim": before is not None,
            "features": features.as_dict(),
            "notes": notes,
        },
    )
    log.info("%s: %d events, %d fat jets", file, counts["events"], counts["rows"])


def _range(entries: int, piece: tuple[int, int]) -> range:
    """The entries of a piece of a file."""
    k, n = piece
    return range(entries * k // n, entries * (k + 1) // n)


def tree_name(config: IngestBlock, content: RootContent) -> str:
    """The name of the tree in a sample's files."""
    return content.tree or ("Delphes" if content.format == "delphes" else config.tree)


def inspect(
    file: str,
    config: IngestBlock,
    content: RootContent,
    *,
    data: bool,
    match: str | None,
    look: Look | None = None,
    carried: Mapping[str, Carried] = NOTHING,
) -> tuple[Features, int, float | None, Produced | None]:
    """Read a ROOT file's metadata.

    Its features, number of events, cross-section (pb) or None, and what simulation was made from,
    if the file says so.

    Args:
        file: path or address.
        config: the ingest block.
        content: what the tree holds.
        data: whether the sample is declared to be collision data.
        match: the particle that the sample's jets are to be matched to, or None.
        look: is given the file's branches and features, and the number of its events; what it
            raises is treated alike.
        carried: branches that the sample's weights need.

    Raises:
        BadFile: not a readable ROOT file, no such tree, or branches missing or of a wrong type.
        BoostflowError: the file contradicts its declaration.
    """
    name = tree_name(config, content)
    action = partial(
        _inspect, file, name, content, look, carried, config.tracks, data=data, match=match
    )
    try:
        return patiently(file, action)
    except FileNotFoundError:
        raise BadFile(f"{file}: no such file") from None
    except BoostflowError:
        raise
    # uproot raises many kinds of errors on broken bytes; all mean the same to the user.
    except Exception as error:
        raise unreadable(file, error, "not a readable ROOT file") from None


def _inspect(
    file: str,
    name: str,
    content: RootContent,
    look: Look | None,
    carried: Mapping[str, Carried],
    tracks: bool,
    *,
    data: bool,
    match: str | None,
) -> tuple[Features, int, float | None, Produced | None]:
    import uproot

    # A colon in a path would separate the tree from it.
    with uproot.open({file: None}, **options(file)) as root:
        if not is_remote(file) and root.file.fEND > (size := Path(file).stat().st_size):
            raise BadFile(
                f"{file}: has {size} of the {root.file.fEND} bytes that its header says: copy it "
                "again"
            )
        trees = sorted({key.split(";")[0] for key in root.keys()})  # noqa: SIM118
        if name not in trees:
            raise BadFile(
                f"{file}: no tree {name!r}; the file has "
                f"{', '.join(trees) or 'nothing, or is damaged'}"
            )
        tree = root[name]
        if not hasattr(tree, "num_entries"):
            raise BadFile(f"{file}: {name} is not a tree")
        branches = Branches(tree)
        entries = int(tree.num_entries)
        features = detect(
            file,
            branches,
            content,
            entries=entries,
            data=data,
            match=match,
            carried=carried,
            tracks=tracks,
        )
        features = replace(features, nanoaod=_is_nanoaod(branches, features, content))
        ordinary = not (content.branches or content.format != "nanoaod")
        if entries and ordinary and not branches.is_rntuple:
            require_counters(file, tree, features.names.values())
        if entries and not branches.is_rntuple:
            require_one_a_jet(file, tree, features)
        xsec = made = None
        said = content.before_skim and declared(file, root, content.before_skim, entries)
        if said:
            made, note = said
            features = replace(features, notes=[*features.notes, note])
        elif "Runs" in trees and not (data or content.before_skim or content.normalised_to):
            made = _produced(file, root["Runs"], features)
            if made is not None and made.events < entries:
                raise BadFile(
                    f"{file}: has {entries} events, but its tree Runs counts {made.events} before "
                    "any skim: it was merged without the sums of all its files"
                )
            if is_skim(made, entries):
                features = replace(features, notes=[*features.notes, SKIM])
        # A sum for all files together is known to none of them.
        skim = is_skim(made, entries) or content.before_skim is not None
        features = theory.with_weights(features, branches, entries, made, skim)
        if "Runs" in trees and "xsec" in root["Runs"].keys():  # noqa: SIM118
            values = root["Runs"]["xsec"].array(library="np")
            xsec = float(values[0]) if len(values) else None
        if look is not None:
            look(branches, features, entries)
        return features, entries, xsec, made


def is_skim(made: Produced | None, entries: int) -> bool:
    """Whether events were left out after they were generated."""
    return made is not None and (made.declared or made.events != entries)


def _produced(file: str, runs: Any, features: Features) -> Produced | None:
    """What simulation was made from, in the weights that are read of it."""
    made = produced(file, runs)
    if made is None or features.names.get("genWeight", "genWeight") != "genWeight":
        return None
    return made if features.gen_weight else Produced(made.events, float(made.events))


def _is_nanoaod(branches: Branches, features: Features, content: RootContent) -> bool:
    """Whether coffea's schema of NanoAOD knows what is read of the tree."""
    return (
        not branches.is_rntuple
        and content.format == "nanoaod"
        and content.units.momentum == "GeV"
        and "nFatJet" in branches
        and all(ours == theirs for ours, theirs in features.names.items())
        and features.names.keys() >= {*CONSTITUENTS}
        and in_schema(features.carried, branches)
    )


def _filters(features: Features, content: RootContent) -> Filters:
    lumi = LumiMask(content.golden_json) if content.golden_json else None
    return Filters(lumi, features.triggers, content.flags)


def _read_tree(rows: Rows, entries: range) -> dict[str, Any]:
    from coffea.processor.executor import WorkItem

    file, config = rows.file, rows.job.ingest
    tree = tree_name(config, rows.job.content)
    chunks = [
        WorkItem("sample", file, tree, start, stop, b"")
        for start, stop in _chunks(entries, _size(rows))
    ]
    if not chunks:
        return {}
    with warnings.catch_warnings(), executor(config) as chosen:
        # About branches of collections that boostflow does not read.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="coffea.nanoevents")
        if rows.features.nanoaod:
            runner = ChunkRunner(chosen, schema=Schema, savemetrics=False)
            worker = FatJetProcessor(rows)
            found = runner.run(chunks, worker, uproot_options=options(file))["out"]
        else:
            with TreeReader(rows) as reader:
                work = partial(ChunkRunner.automatic_retries, 0, False, reader)
                found, _ = chosen(chunks, work, None)
    # In the order of the file, whoever was first: sums of floats are the same with all executors.
    counts = accumulate([found[name] for name in sorted(found)])
    if counts["events"] != len(entries):
        raise BoostflowError(
            f"{file}: {len(entries)} events were to be read, but {counts['events']} were processed"
        )
    return counts


def _size(rows: Rows) -> int:
    """Events that are read at a time: more where there is little to read of each."""
    light = not rows.features.constituents and rows.job.match is None
    return rows.job.ingest.chunksize * (LIGHT if light else 1)


def _chunks(entries: range, size: int) -> list[tuple[int, int]]:
    """Ranges of at most `size` entries, of about the same length."""
    n = -(-len(entries) // size)
    edges = [entries.start + len(entries) * i // n for i in range(n + 1)] if n else []
    return list(pairwise(edges))


def _require_few(file: str, counts: dict[str, Any], most: float) -> None:
    """Raise BadFile if more than a part `most` of the events is bad."""
    number, events = counts["bad_events"], counts["events"]
    if number > most * events:
        first = counts["first_bad"][0].removeprefix(f"{file}: ")
        raise BadFile(
            f"{file}: {number} of {events} events are bad, more than `ingest.bad_events_max` allows"
            f" ({most:g}); the first one: {first}"
        )


def _nothing(rows: Rows) -> dict[str, Any]:
    """The counts of a file without events."""
    columns = [name for names in rows.features.weights.values() for name in names if name]
    sound = [SOUND] if rows.job.ingest.on_bad_event == "drop" else []
    steps = (*sound, *rows.filters.steps(), HAS_FATJET)
    return {
        "chunks": [],
        "events": 0,
        "bad_events": 0,
        "first_bad": [],
        "rows": 0,
        "bare": 0,
        "sumw": 0.0,
        "sumw2": 0.0,
        "sumw_buckets": np.zeros(BUCKETS),
        "sumw_weights": dict.fromkeys(columns, 0.0),
        "bad_weights": dict.fromkeys(rows.features.weights, 0),
        "cutflow": {name: {"events": 0, "sumw": 0.0} for name in steps},
    }


def _merge(chunks: list[Path], output: Path) -> None:
    """Chunks as one Parquet file, one in memory at a time."""
    import pyarrow
    import pyarrow.parquet as pq

    def read_table(chunk: Path) -> pyarrow.Table:
        with pyarrow.memory_map(str(chunk)) as source:
            return pyarrow.ipc.open_file(source).read_all()

    with atomic(output) as part:
        if not chunks:
            write_no_rows(part)
            return
        schema = read_table(chunks[0]).schema
        with pq.ParquetWriter(part, schema, **parquet_options(schema)) as writer:
            for i, chunk in enumerate(chunks):
                table = read_table(chunk).cast(schema)
                # A file without any row group cannot be read back as an awkward array.
                if table.num_rows or i == 0:
                    writer.write_table(table)

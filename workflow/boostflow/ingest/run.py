"""Ingestion of one file: open, check, read chunk by chunk, merge the chunks, sum up."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from coffea.processor import accumulate

from boostflow.config.files import is_remote
from boostflow.config.models import Ingest
from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest.branches import require_types
from boostflow.ingest.constituents import Vary
from boostflow.ingest.eventid import BUCKETS
from boostflow.ingest.executors import executor
from boostflow.ingest.features import WEIGHTS, Features, detect, weight_columns
from boostflow.ingest.hdf5 import read_chunks
from boostflow.ingest.hls4ml import Hls4ml
from boostflow.ingest.lhco import Lhco
from boostflow.ingest.processor import Counted, FatJetProcessor, Uncounted
from boostflow.ingest.reading import ChunkRunner, options, patiently, unreadable
from boostflow.ingest.rows import Label, Rows
from boostflow.io import atomic, scratch, write_json

log = logging.getLogger("ingest")

LAYOUTS = {"lhco": Lhco, "hls4ml": Hls4ml}
"""Sources of events in HDF5 files."""

Look = Callable[[Any, Any, Features], None]


def ingest(
    file: str,
    output: Path,
    meta: Path,
    config: Ingest,
    *,
    source: str = "root",
    label: Label,
    select: str = "all",
    number: int = 0,
    piece: tuple[int, int] = (0, 1),
    radius: float = 0.8,
    data: bool = False,
    xsec: float | None = None,
    vary: Vary | None = None,
) -> None:
    """Turn a file into a table of fat jets (docs/contracts.md, "ingest").

    Args:
        file: path or address of a ROOT file with a NanoAOD-like TTree, or path of an HDF5 file.
        output: Parquet file to write.
        meta: JSON file to write: counts, sums of weights, cross-section, what is off and why.
        config: the ingest block.
        source: layout of the file: root, lhco or hls4ml.
        label: class of the sample's jets.
        select: class of the events that are taken from an HDF5 file, or all.
        number: of the file in its sample; HDF5 events are numbered by it.
        piece: (k, n) takes the k-th of n ranges of the file's events, counted from 0.
        radius: of the fat jets.
        data: collision data.
        xsec: cross-section in pb; None takes the one that boostflow's simulation left in the file.
        vary: how constituents are varied; None for nominal.

    Raises:
        BadFile: the file cannot be read, or lacks what no analysis can do without.
        BoostflowError: it contradicts its declaration; there is no such piece.
    """
    if not 0 <= piece[0] < piece[1]:
        raise BoostflowError(f"there is no piece {piece[0]} of {piece[1]}: they count from 0")
    with scratch(output.absolute(), "chunks") as folder:
        if source == "root":
            features, entries, own_xsec = inspect(file, config, data=data, match=label.match)
            rows = Rows(file, config, features, label, radius, folder, vary)
            counts = _run(file, _range(entries, piece), FatJetProcessor(rows), config)
            xsec = xsec if xsec is not None else own_xsec
        else:
            with LAYOUTS[source](file, select, radius, config.fatjet_pt_min) as layout:
                features = layout.features
                rows = Rows(file, config, features, label, radius, folder, vary)
                counts = read_chunks(layout, rows, number, _range(layout.entries, piece))
        counts = accumulate([_nothing(features), counts])
        _merge(sorted(folder / name for name in counts["chunks"]), output)
    notes = [*features.notes]
    if vary is not None and not features.charges:
        notes.append(
            "constituents have no charge, or there are none: variations of kind constituent change"
            " nothing"
        )
    if not counts["events"]:
        what = "the file" if piece[1] == 1 else "this part of the file"
        notes.append(f"{what} has no events" + ("" if select == "all" else f" of class {select}"))
    for note in notes:
        log.info("%s: %s", file, note)
    write_json(
        meta,
        {
            "file": file,
            "events": counts["events"],
            "jets": counts["rows"],
            "sumw": counts["sumw"],
            "sumw2": counts["sumw2"],
            "sumw_buckets": [float(x) for x in counts["sumw_buckets"]],
            "sumw_weights": counts["sumw_weights"],
            "xsec": xsec,
            "cutflow": [
                {"name": "all", "events": counts["events"], "sumw": counts["sumw"]},
                {
                    "name": "has fat jet",
                    "events": counts["with_fatjet"],
                    "sumw": counts["sumw_with_fatjet"],
                },
            ],
            "data": data,
            "features": features.as_dict(),
            "notes": notes,
        },
    )
    log.info("%s: %d events, %d fat jets", file, counts["events"], counts["rows"])


def _range(entries: int, piece: tuple[int, int]) -> range:
    """The entries of a piece of a file."""
    k, n = piece
    return range(entries * k // n, entries * (k + 1) // n)


def inspect(
    file: str, config: Ingest, *, data: bool, match: str | None, look: Look | None = None
) -> tuple[Features, int, float | None]:
    """Read a ROOT file's metadata: its features, number of events, cross-section (pb) or None.

    Args:
        file: path or address.
        config: the ingest block.
        data: whether the sample is declared to be collision data.
        match: the particle that the sample's jets are to be matched to, or None.
        look: is given the open file, its tree and its features; what it raises is treated alike.

    Raises:
        BadFile: not a readable ROOT file, no such tree, or branches missing or of a wrong type.
        BoostflowError: the file contradicts its declaration as data or simulation.
    """
    try:
        return patiently(file, lambda: _inspect(file, config, look, data=data, match=match))
    except FileNotFoundError:
        raise BadFile(f"{file}: no such file") from None
    except BoostflowError:
        raise
    # uproot raises many kinds of errors on broken bytes; all mean the same to the user.
    except Exception as error:
        raise unreadable(file, error, "not a readable ROOT file") from None


def _with_weights(features: Features, tree: Any) -> Features:
    """The columns of relative weights, by the number of entries in the tree's first event."""
    weights, notes = {}, list(features.notes)
    for branch in features.weights:
        (first,) = tree[branch].array(entry_stop=1)
        columns = weight_columns(branch, len(first), tree[branch].title)
        if columns:
            weights[branch] = columns
        else:
            notes.append(
                f"{branch} has {len(first)} entries of no known meaning: {WEIGHTS[branch]} off"
            )
    return replace(features, weights=weights, notes=notes)


def _inspect(
    file: str, config: Ingest, look: Look | None, *, data: bool, match: str | None
) -> tuple[Features, int, float | None]:
    import uproot

    # A colon in a path would separate the tree from it.
    with uproot.open({file: None}, **options(file)) as root:
        if not is_remote(file) and root.file.fEND > (size := Path(file).stat().st_size):
            raise BadFile(
                f"{file}: has {size} of the {root.file.fEND} bytes that its header says: copy it "
                "again"
            )
        trees = sorted({key.split(";")[0] for key in root.keys()})  # noqa: SIM118
        if config.tree not in trees:
            raise BadFile(
                f"{file}: no tree {config.tree!r}; the file has "
                f"{', '.join(trees) or 'nothing, or is damaged'}"
            )
        tree = root[config.tree]
        if not hasattr(tree, "num_entries"):
            raise BadFile(f"{file}: {config.tree} is not a tree")
        features = detect(file, tree.keys(), data=data, match=match)
        require_types(file, tree, features, match=match is not None)
        entries = int(tree.num_entries)
        if entries:
            features = _with_weights(features, tree)
        xsec = None
        if "Runs" in trees and "xsec" in root["Runs"].keys():  # noqa: SIM118
            values = root["Runs"]["xsec"].array(library="np")
            xsec = float(values[0]) if len(values) else None
        if look is not None:
            look(root, tree, features)
        return features, entries, xsec


def _run(file: str, entries: range, worker: FatJetProcessor, config: Ingest) -> dict[str, Any]:
    from coffea.processor.executor import WorkItem

    chunks = [
        WorkItem("sample", file, config.tree, start, stop, b"")
        for start, stop in _chunks(entries, config.chunksize)
    ]
    if not chunks:
        return {}
    schema = Counted if worker.rows.features.counted else Uncounted
    with warnings.catch_warnings(), executor(config) as chosen:
        # About branches of collections that boostflow does not read.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="coffea.nanoevents")
        runner = ChunkRunner(chosen, schema=schema, savemetrics=False)
        found = runner.run(chunks, worker, uproot_options=options(file))["out"]
    # In the order of the file, whoever was first: sums of floats are the same with all executors.
    counts = accumulate([found[name] for name in sorted(found)])
    if counts["events"] != len(entries):
        raise BoostflowError(
            f"{file}: {len(entries)} events were to be read, but {counts['events']} were processed"
        )
    return counts


def _chunks(entries: range, size: int) -> list[tuple[int, int]]:
    """Ranges of at most `size` entries, of about the same length."""
    n = -(-len(entries) // size)
    edges = [entries.start + len(entries) * i // n for i in range(n + 1)] if n else []
    return list(pairwise(edges))


def _nothing(features: Features) -> dict[str, Any]:
    """The counts of a file without events."""
    columns = [name for names in features.weights.values() for name in names if name]
    return {
        "chunks": [],
        "events": 0,
        "rows": 0,
        "sumw": 0.0,
        "sumw2": 0.0,
        "sumw_buckets": np.zeros(BUCKETS),
        "sumw_weights": dict.fromkeys(columns, 0.0),
        "with_fatjet": 0,
        "sumw_with_fatjet": 0.0,
    }


def _merge(chunks: list[Path], output: Path) -> None:
    """Concatenate Parquet files, one in memory at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with atomic(output) as part:
        if not chunks:
            pq.write_table(pa.table({"event_id": pa.array([], pa.uint64())}), part)
            return
        schema = pq.read_schema(chunks[0])
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            for i, chunk in enumerate(chunks):
                table = pq.read_table(chunk).cast(schema)
                # A file without any row group cannot be read back as an awkward array.
                if table.num_rows or i == 0:
                    writer.write_table(table)

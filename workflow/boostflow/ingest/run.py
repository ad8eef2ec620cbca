"""Ingestion of one file: open, check, read chunk by chunk, merge the chunks, sum up."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from coffea.processor import accumulate

from boostflow.config.models import Ingest
from boostflow.errors import BoostflowError
from boostflow.ingest.constituents import Vary
from boostflow.ingest.eventid import BUCKETS
from boostflow.ingest.features import WEIGHTS, Features, detect, weight_columns
from boostflow.ingest.hdf5 import read_chunks
from boostflow.ingest.hls4ml import Hls4ml
from boostflow.ingest.lhco import Lhco
from boostflow.ingest.processor import FatJetProcessor
from boostflow.ingest.rows import Label, Rows
from boostflow.io import atomic, scratch, write_json

log = logging.getLogger("ingest")

LAYOUTS = {"lhco": Lhco, "hls4ml": Hls4ml}
"""Sources of events in HDF5 files."""


def ingest(
    file: str,
    output: Path,
    meta: Path,
    config: Ingest,
    *,
    source: str = "root",
    label: Label,
    select: str = "all",
    part: int = 0,
    radius: float = 0.8,
    data: bool = False,
    xsec: float | None = None,
    vary: Vary | None = None,
) -> None:
    """Turn a file into a table of fat jets (docs/contracts.md, "ingest").

    Args:
        file: path of a ROOT file with a NanoAOD-like TTree, or of an HDF5 file.
        output: Parquet file to write.
        meta: JSON file to write: counts, sums of weights, cross-section, what is off and why.
        config: the ingest block.
        source: layout of the file: root, lhco or hls4ml.
        label: class of the sample's jets.
        select: class of the events that are taken from an HDF5 file, or all.
        part: number of the file in its sample; HDF5 events are numbered by it.
        radius: of the fat jets.
        data: collision data.
        xsec: cross-section in pb; None takes the one that boostflow's simulation left in the file.
        vary: how constituents are varied; None for nominal.

    Raises:
        BoostflowError: the file cannot be read, or lacks what no analysis can do without.
    """
    with scratch(output, "chunks") as folder:
        if source == "root":
            features, entries, own_xsec = inspect(file, config, data=data, match=label.match)
            rows = Rows(file, config, features, label, radius, folder, vary)
            counts = _run(file, entries, FatJetProcessor(rows), config) if entries else {}
            xsec = xsec if xsec is not None else own_xsec
        else:
            with LAYOUTS[source](file, select, radius, config.fatjet_pt_min) as layout:
                features = layout.features
                rows = Rows(file, config, features, label, radius, folder, vary)
                counts = read_chunks(layout, rows, part)
        counts = accumulate([_nothing(features), counts])
        _merge(sorted(folder / name for name in counts["chunks"]), output)
    notes = [*features.notes]
    if vary is not None and not features.charges:
        notes.append(
            "constituents have no charge, or there are none: variations of kind constituent change"
            " nothing"
        )
    if not counts["events"]:
        notes.append("the file has no events" + ("" if select == "all" else f" of class {select}"))
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


def inspect(
    file: str, config: Ingest, *, data: bool, match: str | None
) -> tuple[Features, int, float | None]:
    """Read a ROOT file's metadata: its features, number of events, cross-section (pb) or None.

    Raises:
        BoostflowError: not a readable ROOT file, no such tree, or branches missing.
    """
    import uproot

    try:
        with uproot.open(file) as root:
            trees = sorted({key.split(";")[0] for key in root.keys()})  # noqa: SIM118
            if config.tree not in trees:
                raise BoostflowError(
                    f"{file}: no tree {config.tree!r}; the file has "
                    f"{', '.join(trees) or 'nothing, or is damaged'}"
                )
            tree = root[config.tree]
            if not hasattr(tree, "num_entries"):
                raise BoostflowError(f"{file}: {config.tree} is not a tree")
            features = detect(file, tree.keys(), data=data, match=match)
            entries = int(tree.num_entries)
            if entries:
                features = _with_weights(features, tree)
            xsec = None
            if "Runs" in trees and "xsec" in root["Runs"].keys():  # noqa: SIM118
                values = root["Runs"]["xsec"].array(library="np")
                xsec = float(values[0]) if len(values) else None
            return features, entries, xsec
    except FileNotFoundError:
        raise BoostflowError(f"{file}: no such file") from None
    except BoostflowError:
        raise
    # uproot raises many kinds of errors on broken bytes; all mean the same to the user.
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise BoostflowError(f"{file}: not a readable ROOT file ({reason})") from None


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


def _run(file: str, entries: int, worker: FatJetProcessor, config: Ingest) -> dict[str, Any]:
    from coffea import processor
    from coffea.nanoevents import NanoAODSchema, PFNanoAODSchema

    # Real files have many collections; cross-references that boostflow does not use may dangle.
    NanoAODSchema.warn_missing_crossrefs = False
    schema = PFNanoAODSchema if worker.rows.features.counted else NanoAODSchema
    fileset = {"sample": {"treename": config.tree, "files": [file]}}
    try:
        with warnings.catch_warnings(), _executor(config) as executor:
            # About branches of collections that boostflow does not read.
            warnings.filterwarnings("ignore", category=RuntimeWarning, module="coffea.nanoevents")
            runner = processor.Runner(
                executor, schema=schema, chunksize=config.chunksize, savemetrics=False
            )
            counts = runner(fileset, processor_instance=worker)
    except Exception as error:
        chain = _causes(error)
        for cause in chain:
            if isinstance(cause, BoostflowError):
                raise cause from None
        if not any(_is_read_error(cause) for cause in chain):
            raise
        reason = " ".join(str(chain[-1]).split())[:160]
        raise BoostflowError(f"{file}: cannot be read to its end ({reason})") from None
    if counts["events"] != entries:
        raise BoostflowError(
            f"{file}: {entries} events in the tree, but {counts['events']} were processed"
        )
    return counts


@contextmanager
def _executor(config: Ingest) -> Iterator[Any]:
    from coffea import processor

    if config.executor == "futures":
        yield processor.FuturesExecutor(workers=config.workers, status=False, retries=0)
    elif config.executor == "dask":
        from distributed import Client, LocalCluster

        with (
            LocalCluster(
                n_workers=config.workers, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            yield processor.DaskExecutor(client=client, status=False, retries=0)
    else:
        yield processor.IterativeExecutor(status=False, retries=0)


def _causes(error: BaseException) -> list[BaseException]:
    """An exception and what it came from; coffea wraps what happens in a processor."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


def _is_read_error(error: BaseException) -> bool:
    """Whether an exception comes from reading bytes, not from a mistake of ours."""
    module = type(error).__module__.split(".")[0]
    return module in ("uproot", "cramjam", "zlib", "lzma", "_lzma") or isinstance(
        error, OSError | EOFError | ValueError
    )


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

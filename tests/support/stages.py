"""Stages run from tests: a job and its files made from what a test wants to say."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from boostflow.config.chain import Ingest as IngestBlock
from boostflow.config.chain import Select as SelectBlock
from boostflow.config.statistics import Templates as TemplatesBlock
from boostflow.config.weights import SampleWeight, files_of
from boostflow.io import write_json
from boostflow.jobs.chain import Ingest, Select, Simulate
from boostflow.jobs.statistics import Templates

TOP = {"label": "top", "match": "top"}
"""Keys of an ingest job: jets that match a top quark get that class."""


def words(stage: str, settings: dict[str, Any], **files: Any) -> list[str]:
    """The arguments of `boostflow` for a stage.

    Args:
        stage: its name.
        settings: keys of the job.
        files: one or several of each name.
    """
    result = [stage, json.dumps(settings)]
    for name, paths in files.items():
        several = paths if isinstance(paths, list) else [paths]
        result += [f"--{name.replace('_', '-')}", *map(str, several)]
    return result


def boostflow(stage: str, settings: dict[str, Any], **files: Any) -> list[str]:
    """The same as a command in a process of its own."""
    return [sys.executable, "-m", "boostflow.cli", *words(stage, settings, **files)]


def simulate(path: Path, process: str, batch: int | None = None, **settings: Any) -> None:
    """Simulate a part of a sample that is named by its process, if nothing else is said."""
    from boostflow.simulate.production import BATCH, run

    job = Simulate.model_validate({"sample": process, "process": process, **settings})
    run(job, Simulate.Files(sample=path), batch or BATCH)


def ingest(
    file: Path | str,
    table: Path,
    meta: Path,
    config: IngestBlock | None = None,
    *,
    golden_json: Path | None = None,
    **settings: Any,
) -> None:
    """Ingest a file, or an address.

    Args:
        file: what is read.
        table: Parquet file to write.
        meta: JSON file to write.
        config: the block of that name.
        golden_json: certified luminosity blocks.
        settings: other keys of the job.
    """
    from boostflow.ingest.run import run

    address = str(file) if "://" in str(file) else None
    block = config or IngestBlock()
    run(
        Ingest.model_validate({"ingest": block, "address": address, **settings}),
        Ingest.Files(
            file=None if address else file, table=table, meta=meta, golden_json=golden_json
        ),
    )


def ingest_all(
    files: Sequence[Path], folder: Path, pieces: int = 1, **settings: Any
) -> tuple[list[Path], list[Path]]:
    """Ingest the files of a sample in pieces; the tables and the metas of the parts."""
    tables, metas = [], []
    for i, file in enumerate(files):
        for k in range(pieces):
            tables.append(folder / f"{i}_{k}.parquet")
            metas.append(tables[-1].with_suffix(".json"))
            ingest(file, tables[-1], metas[-1], number=i, piece=(k, pieces), **settings)
    return tables, metas


def select(
    tables: list[Path],
    metas: list[Path],
    table: Path,
    cutflow: Path,
    config: SelectBlock | None = None,
    *,
    corrections: Path | None = None,
    weights: Mapping[str, SampleWeight] = MappingProxyType({}),
    others: Sequence[Path] = (),
    **settings: Any,
) -> None:
    """Select the jets of ingested parts.

    Args:
        tables: the parts.
        metas: their JSON files, in the same order.
        table: Parquet file to write.
        cutflow: JSON file to write.
        config: the block of that name.
        corrections: correctionlib file.
        weights: of the sample, with files that can be opened.
        others: cutflows of samples of collision data that come first.
        settings: other keys of the job.
    """
    from boostflow.select.run import run

    parts = cutflow.with_suffix(".parts")
    pairs = zip(tables, metas, strict=True)
    write_json(parts, {"parts": [{"table": str(t), "meta": str(m)} for t, m in pairs]})
    run(
        Select.model_validate(
            {"select": config or SelectBlock(), "weights": dict(weights), **settings}
        ),
        Select.Files(
            parts=parts,
            others=[path.with_suffix(".parts") for path in others],
            corrections=corrections,
            weights=files_of(weights),
            table=table,
            cutflow=cutflow,
        ),
    )


def templates_job(config: TemplatesBlock, luminosity: float, **settings: Any) -> Templates:
    """The job of templates with a block and a luminosity in 1/fb."""
    clustered = {r.model: "cluster" for r in config.regions.values() if r.clusters is not None}
    keys = {"templates": config, "clusters": clustered, "luminosity": luminosity, **settings}
    return Templates.model_validate(keys)

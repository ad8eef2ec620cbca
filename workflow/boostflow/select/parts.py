"""The ingested parts of a sample as one file, which every variation reads instead of each part.

Without it each of the selections of a sample would name all parts: a graph of samples x variations
x parts edges, which Snakemake takes minutes to resolve.
"""

from __future__ import annotations

from pathlib import Path

from boostflow import paths
from boostflow.errors import BoostflowError
from boostflow.io import read_json, write_json
from boostflow.jobs.chain import ListParts


def run(job: ListParts, files: ListParts.Files) -> None:
    """List the parts of a sample (docs/contracts.md, "list_parts").

    Args:
        job: the settings; thousands of names would not fit in a command.
        files: what is written.

    Raises:
        BoostflowError: a file has been left out though none may be, or all have been.
    """
    folder = Path(job.folder)
    tables, metas = (
        [folder / Path(pattern).name.format(part=part) for part in range(job.number)]
        for pattern in (paths.INGEST, paths.INGEST_META)
    )
    skipped = {path: read_json(path).get("skipped") for path in metas}
    left_out = [path for path, reason in skipped.items() if reason is not None]
    for path in left_out if not job.skip else []:
        raise BoostflowError(
            f"{path}: its file was skipped ({skipped[path]}): delete {path} and run again to read "
            "it anew, or set `ingest.on_bad_file: skip`"
        )
    if len(left_out) == len(metas):
        raise BoostflowError(
            f"{files.parts}: every file of this sample was skipped; the first one: "
            f"{skipped[metas[0]]}"
        )
    parts = [
        # Snakemake takes a small file of the same content for unchanged: the time makes it another.
        {"table": str(table), "meta": str(meta), "written": table.stat().st_mtime_ns}
        for table, meta in zip(tables, metas, strict=True)
    ]
    write_json(files.parts, {"parts": parts})


def read_parts(path: Path) -> tuple[list[Path], list[Path]]:
    """Tables and their JSON files, as listed.

    Raises:
        BoostflowError: a part is gone.
    """
    parts = read_json(path)["parts"]
    for name in (part[key] for part in parts for key in ("table", "meta")):
        if not Path(name).is_file():
            raise BoostflowError(
                f"{name}: is gone; delete {path}, which lists it, and run again to make it anew"
            )
    return [Path(part["table"]) for part in parts], [Path(part["meta"]) for part in parts]

"""Files that are left out: with `ingest.on_bad_file: skip` one of them is an empty table."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boostflow.errors import BadFile
from boostflow.ingest.eventid import BUCKETS
from boostflow.io import atomic, read_json, write_json
from boostflow.jobs.chain import Ingest

log = logging.getLogger("ingest")


def or_skip(read: Callable[[], None], file: str, job: Ingest, files: Ingest.Files) -> None:
    """Read a file, or leave it out where the configuration says so.

    Args:
        read: writes the table and the counts.
        file: path or address.
        job: the settings; `ingest.on_bad_file` decides.
        files: what is written.

    Raises:
        BadFile: the file is bad, and `on_bad_file` is fail.
    """
    try:
        read()
    except BadFile as error:
        if job.ingest.on_bad_file == "fail":
            raise
        reason = " ".join(str(error).removeprefix(f"{file}: ").split())
        log.warning("%s: skipped: %s", file, reason)
        _leave_out(file, files, reason, job.data)


def require_checked(path: Path, file: str) -> None:
    """Raise BadFile if the check says that a file must be left out.

    Args:
        path: what it says of some files (docs/contracts.md, "check").
        file: path or address.
    """
    for found in read_json(path).values():
        if found["file"] == file and found["skipped"] is not None:
            raise BadFile(found["skipped"])


def consequence(skipped: int, of: int, data: bool, fixed: str | None = None) -> str:
    """What it means that some files of a sample are left out.

    Args:
        skipped: number of files that are left out.
        of: number of all of them.
        data: whether it is collision data.
        fixed: the key that normalises the sample whatever files are read of it, if one does.
    """
    text = f"{skipped} of {of} files skipped: "
    if data:
        return text + (
            "collision data are not scaled up for them: lower `luminosity` by what they recorded"
        )
    if fixed is not None:
        return text + f"`{fixed}` is of all files, so the yield lacks what they hold"
    return text + "normalised to the events of the others"


def write_no_rows(path: Path) -> None:
    """Write the table of a file without any event."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"entry": pa.array([], pa.int64())}), path)


def _leave_out(file: str, files: Ingest.Files, reason: str, data: bool) -> None:
    """Write the table and the counts of no event."""
    with atomic(files.table) as part:
        write_no_rows(part)
    nothing: dict[str, Any] = {"events": 0, "sumw": 0.0}
    write_json(
        files.meta,
        {
            "file": file,
            "skipped": reason,
            **nothing,
            "jets": 0,
            "sumw2": 0.0,
            "sumw_buckets": [0.0] * BUCKETS,
            "sumw_weights": {},
            "sumw_weights_before": {},
            "bad_weights": {},
            "xsec": None,
            "cutflow": [{"name": "all", **nothing}],
            "data": data,
            "features": {},
            "notes": [],
        },
    )

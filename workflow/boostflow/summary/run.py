"""The stage summary: from the JSON files of the stages to summary.json and summary.txt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boostflow.io import atomic, write_json
from boostflow.summary.figures import collect
from boostflow.summary.table import table

if TYPE_CHECKING:
    from boostflow.jobs.summary import Summary


def run(job: Summary, files: Summary.Files) -> None:
    """Collect the key figures of a run; write them as JSON and as plain text.

    Raises:
        BoostflowError: a file is missing or is not JSON.
    """
    found = collect(files)
    write_json(files.summary, found)
    with atomic(files.table) as part:
        part.write_text(table(found), encoding="utf-8")

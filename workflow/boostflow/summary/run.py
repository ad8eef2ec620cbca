"""The stage summary: from the JSON files of the stages to figures, tables and the first page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boostflow.io import atomic, read_json, write_json
from boostflow.summary.figures import collect
from boostflow.summary.page import page
from boostflow.summary.table import table

if TYPE_CHECKING:
    from boostflow.jobs.summary import Summary


def run(job: Summary, files: Summary.Files) -> None:
    """Collect the key figures of a run; write them as JSON, as plain text, and as a page.

    Raises:
        BoostflowError: a file is missing or is not JSON.
    """
    found = collect(files) | ({"tables": True} if job.tables else {})
    effects = [effect for path in files.health for effect in read_json(path)["effects"]]
    write_json(files.summary, found)
    texts = {files.table: table(found), files.page: page(found, effects, files.figure, job.label)}
    for path, text in texts.items():
        with atomic(path) as part:
            part.write_text(text, encoding="utf-8")

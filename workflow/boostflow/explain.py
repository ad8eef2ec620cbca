"""What a result was made from: the jobs behind a file by Snakemake's records, and versions."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from boostflow import paths
from boostflow.errors import BoostflowError
from boostflow.io import read_json
from boostflow.texttable import Text

RECORDS = ".snakemake/metadata"
"""Folder of Snakemake's records in the folder that it was started in."""


@dataclass(frozen=True)
class Made:
    """The job that has made a file."""

    rule: str
    inputs: list[str]
    command: str
    log: list[str]
    started: float
    ended: float

    @property
    def job(self) -> str:
        """File of the job's settings; empty of a job without any."""
        words = self.command.split()
        return next((word for word in words if word.startswith(".snakemake/boostflow/")), "")

    @property
    def when(self) -> str:
        """When it ended and how long it took."""
        time = datetime.fromtimestamp(self.ended, UTC).isoformat(" ", "seconds")
        return f"{time.removesuffix('+00:00')} UTC, in {self.ended - self.started:.1f} s"


class Records:
    """The records of all files below the folder in which Snakemake was started.

    Args:
        folder: that one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, file: str) -> Made | None:
        """The job that has made a file, named as Snakemake names it; None without a record."""
        found = self._read(file)
        if found is None or not found.get("rule"):
            return None
        return Made(
            rule=found["rule"],
            inputs=list(found.get("input") or []),
            command=found.get("shellcmd") or "",
            log=list(found.get("log") or []),
            started=float(found.get("starttime") or 0.0),
            ended=float(found.get("endtime") or 0.0),
        )

    def _read(self, file: str) -> dict[str, Any] | None:
        root = self.folder / RECORDS
        name = urlsafe_b64encode(file.encode()).decode()
        # As Snakemake does: parts of a long name are folders.
        longest = os.pathconf(root, "PC_NAME_MAX") - 1
        parts = [name[i : i + longest] for i in range(0, len(name), longest)]
        path = root.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            return None

    def behind(self, file: str) -> Iterator[tuple[str, Made | None]]:
        """All files that a file was made from, nearest first, and the job of each."""
        seen, waiting = {file}, [file]
        while waiting:
            made = self.of(waiting.pop(0))
            for name in made.inputs if made else []:
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
                    yield name, self.of(name)


def run(path: Path) -> str:
    """What a file or a folder of the results was made from, as text.

    Raises:
        BoostflowError: there is no such file, or no record of what made it.
    """
    if not path.exists():
        raise BoostflowError(f"{path}: no such file")
    path = path.absolute()
    folder = next((up for up in path.parents if (up / RECORDS).is_dir()), None)
    if folder is None:
        raise BoostflowError(
            f"{path}: no records of Snakemake (.snakemake) in any folder above: explain results"
            " where they were made"
        )
    records = Records(folder)
    name = str(path.relative_to(folder))
    made = records.of(name)
    if made is None:
        raise BoostflowError(
            f"{path}: no record of a job that made it; name a file that a rule makes (logs,"
            " benchmarks and files of the user's are none)"
        )
    return _text(name, made, records, _versions(path))


def _versions(path: Path) -> dict[str, Any] | None:
    """The record of the run that a file belongs to; None of one that is not finished."""
    places = (up / paths.PROVENANCE for up in path.parents)
    found = next((place for place in places if place.exists()), None)
    return None if found is None else dict(read_json(found))


def _text(name: str, made: Made, records: Records, run: dict[str, Any] | None) -> str:
    behind = dict(records.behind(name))
    page = Text(100)
    rows = [["rule", made.rule], ["settings", made.job or "none"], ["ended", made.when]]
    rows += [["log", file] for file in made.log]
    if run is None:
        rows.append(["version", f"not recorded yet ({paths.PROVENANCE} is written last)"])
    else:
        versions = run.get("versions", {})
        rows.append(["version", f"boostflow {run.get('boostflow')}, commit {run.get('commit')}"])
        used = ", ".join(f"{package} {version}" for package, version in versions.items())
        rows.append(["packages", f"Python {run.get('python')}, {used}"])
    page.grid(name, ["made by", ""], rows)
    direct = [
        [file, job.rule if (job := behind[file]) else "not made here"] for file in made.inputs
    ]
    page.grid("Made from", ["file", "made by"], direct)
    jobs = {(job.rule, job.command): job.rule for job in behind.values() if job}
    counts = Counter(jobs.values())
    total = [[rule, str(number)] for rule, number in counts.items()]
    page.grid("All jobs behind it", ["rule", "jobs"], total, right=[1])
    sources = [[file] for file, job in behind.items() if job is None]
    if sources:
        page.grid("Files that no job made", ["file"], sources)
    return page.text()

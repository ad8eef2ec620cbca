"""What a check has found in files: as a table, and as what later stages read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from boostflow.ingest.features import Features
from boostflow.ingest.theory import FIRST
from boostflow.texttable import Text


@dataclass
class Checked:
    """What was found in a file."""

    sample: str
    file: str
    events: int | None = None
    """Number of events; None where the file cannot be read."""
    features: Features | None = None
    xsec: float | None = None
    weights: list[str] = field(default_factory=list)
    """Names of the weights that the sample declares."""
    summed: bool = False
    """Whether the file tells the sum of weights of all generated events."""
    skim: bool = False
    """Whether some of the generated events are not in the file."""
    key: str = ""
    """Name of the file as it was, `boostflow.config.files.keys`."""
    identity: str | None = None
    """Checksum that is equal for files with the same events."""
    bad: str | None = None
    """Reason why the file cannot be read; None if it can."""
    bad_events: int = 0
    """Bad events among the first ones, which will be left out."""
    first_bad: str | None = None
    """What is wrong with one of them."""
    unseen: bool = False
    """Whether there are more events than the first ones."""
    wrong: list[str] = field(default_factory=list)
    """Contradictions of the file to the configuration or to other files."""

    def as_json(self) -> dict[str, Any]:
        """What later stages need to know."""
        return {
            "file": self.file,
            "events": self.events,
            "features": self.features.as_dict() if self.features else None,
            "skipped": self.bad,
        }

    def state(self, skip: bool) -> str:
        """State of the file in a word: ok, no events, WRONG, BAD or SKIPPED."""
        if self.bad is not None:
            return "SKIPPED" if skip else "BAD"
        if self.wrong:
            return "WRONG"
        return "ok" if self.events else "no events"


@dataclass
class Report:
    """All files, and all problems with them."""

    files: list[Checked]
    problems: list[str]
    """What ends the run."""
    notes: list[str]
    """What is off, and what is left out."""
    skip: bool
    """Bad files are left out."""

    def as_json(self) -> dict[str, Any]:
        """Findings by sample as JSON data, in the order of the files."""
        samples: dict[str, list[dict[str, Any]]] = {}
        for found in self.files:
            samples.setdefault(found.sample, []).append(found.as_json())
        return {"samples": samples, "notes": self.notes}

    def table(self) -> str:
        """One line a file."""
        # Wide enough for any path: each file has one line.
        page = Text(200 + max((len(found.file) for found in self.files), default=0))
        rows = []
        for found in self.files:
            events = "-" if found.events is None else str(found.events)
            rows.append(
                [found.sample, found.file, events, *_columns(found), found.state(self.skip)]
            )
        columns = ["sample", "file", "events", "constituents", "truth", "weights", "state"]
        page.grid("Input files", columns, rows, right=[2])
        known = [found.events for found in self.files if found.events is not None]
        page.line(f"{len(self.files)} files, {len(known)} of them readable, {sum(known)} events")
        if any(found.unseen for found in self.files):
            page.line(
                f"bad events are looked for among the first {FIRST} of each file here; "
                "of the others a run says when it reads them"
            )
        for note in self.notes:
            page.line(note)
        return page.text()


def _columns(one: Checked) -> list[str]:
    """Cells: constituents, truth, weights."""
    if one.features is None:
        return ["-"] * 3
    weights = ["generator"] * one.features.gen_weight + [*one.features.weights, *one.weights]
    switches = ["on" if x else "off" for x in (one.features.constituents, one.features.truth)]
    return [*switches, ", ".join(weights) or "off"]

"""Arguments of commands that would be longer than the kernel takes: 128 kB each on Linux."""

from __future__ import annotations

import hashlib
from pathlib import Path

from boostflow.io import atomic

LONGEST = 60_000
"""Characters; quoting may double them, and a rule may have two such arguments."""
FOLDER = Path(".snakemake/boostflow")
"""In the working directory, which all jobs share."""


def short_argument(text: str, folder: Path = FOLDER) -> str:
    """The text, or `@file` with a file that holds it; another text has another file."""
    if len(text) <= LONGEST:
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
    path = folder / f"{digest}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as part:
            part.write_text(text, encoding="utf-8")
    return f"@{path}"

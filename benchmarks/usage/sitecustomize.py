"""Writes what a command has cost, as it ends: `run.py` puts this folder on the path of Python."""

import atexit
import json
import os
import resource
import sys
from pathlib import Path

# A training by horovodrun becomes that program.
COMMANDS = ("boostflow", "horovodrun", "snakemake")
STARTED_BY = os.getpid()


def _seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _write(folder: Path) -> None:
    """One file for a command; processes that it has started and waited for count as its own."""
    program = Path(sys.argv[0])
    name = program.parent.name if program.stem == "__main__" else program.stem
    if name in COMMANDS and os.getpid() == STARTED_BY:
        own, others = _seconds(resource.RUSAGE_SELF), _seconds(resource.RUSAGE_CHILDREN)
        text = json.dumps({"command": [name, *sys.argv[1:]], "own": own, "others": others})
        (folder / f"{STARTED_BY}-{os.urandom(4).hex()}.json").write_text(text)


if _folder := os.environ.get("BOOSTFLOW_USAGE"):
    atexit.register(_write, Path(_folder))
    if any(Path(word).name == "horovodrun" for word in sys.orig_argv[:2]):
        # What it starts, itself once more among it, counts as its own.
        del os.environ["BOOSTFLOW_USAGE"]

"""What a job may do because nobody else uses its process: import less, and end at once."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_state = {"alone": False}


def declare() -> None:
    """Say that the process is a job of the command line, which no test or notebook shares."""
    _state["alone"] = True
    # numba looks for it, to tell it of compiled lines: 0.1 s where it is installed for tests.
    sys.modules.setdefault("coverage", None)  # type: ignore[arg-type]


def declared() -> bool:
    """Whether the process is such a job."""
    return _state["alone"]


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """What is imported in this block is told that these modules are not installed.

    In a process that others use, or that has one of the modules already, nothing is hidden.

    Args:
        modules: names of packages that the imported library can do without.
    """
    hidden = [name for name in modules if name not in sys.modules] if _state["alone"] else []
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def leave() -> None:
    """End the process well, without taking apart what is imported: 0.2 s of many a job.

    Streams are flushed, and functions that wait for the end are called. Where a thread still works
    this only returns.
    """
    if threading.active_count() > 1:
        return
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)

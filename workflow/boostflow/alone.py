"""Leaving out what libraries import beside themselves: in a job, whose process nobody else uses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_state = {"alone": False}


def declare() -> None:
    """Say that the process is a job of the command line, which no test or notebook shares."""
    _state["alone"] = True


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

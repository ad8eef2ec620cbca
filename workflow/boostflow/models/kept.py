"""Inputs that the trainings of one process share: what was read once is not read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_KEPT: ContextVar[dict[str, tuple[Any, Any]] | None] = ContextVar("kept", default=None)


@contextmanager
def keeping() -> Iterator[None]:
    """Around trainings of the same files, which do not change meanwhile."""
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def once(what: str, key: Any, make: Callable[[], T]) -> T:
    """Something that is made once for trainings that follow each other; outside of `keeping` anew.

    The last one of its sort is kept, so memory holds one of them.

    Args:
        what: the sort of thing.
        key: all that it follows from.
        make: makes it; whoever gets it leaves it as it is.
    """
    kept = _KEPT.get()
    if kept is None:
        return make()
    if what not in kept or kept[what][0] != key:
        kept.pop(what, None)  # gone before the next one is there
        kept[what] = key, make()
    return kept[what][1]

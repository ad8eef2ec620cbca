"""Progress of long work: one line every few seconds, the same in a log file and on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Progress:
    """Prints `what: 1200/4000 jets (30 %), 310/s, 9 s left` at most every `every` seconds."""

    def __init__(self, what: str, total: int, unit: str = "", every: float = 5.0) -> None:
        self.what, self.total, self.unit, self.every = what, total, unit, every
        self.done = 0
        self.start = self.last = time.monotonic()

    def update(self, n: int = 1) -> None:
        """Count `n` more done; print when it is time, and always at the end."""
        self.done += n
        now = time.monotonic()
        if now - self.last >= self.every or self.done >= self.total:
            self.last = now
            rate = self.done / max(now - self.start, 1e-9)
            left = (self.total - self.done) / max(rate, 1e-9)
            print(
                f"{self.what}: {self.done}/{self.total} {self.unit} "
                f"({100 * self.done / max(self.total, 1):.0f} %), {rate:.0f}/s, {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )


def progress(items: Iterable[T], what: str, total: int, unit: str = "") -> Iterator[T]:
    """Iterate over `items`, reporting progress."""
    bar = Progress(what, total, unit)
    for item in items:
        yield item
        bar.update()

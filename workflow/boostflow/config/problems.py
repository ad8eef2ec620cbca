"""A problem of the configuration: where it stands, what is wrong, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """What is wrong with a key of a file; `str` of it is the line that a user sees."""

    file: str
    """Name of the file, empty if the reader knows it."""
    key: str
    """Path of the key, `models.tagger.features`; empty for the file as a whole."""
    text: str
    """What is wrong, and what would be right."""

    def __str__(self) -> str:
        return ": ".join(part for part in self if part)


class Place(NamedTuple):
    """A key of a file, at which something may be wrong.

    `place / "features"` is the key `features` below it.
    """

    file: str
    """Name of the file, empty if the reader knows it."""
    key: str = ""
    """Path of the key; empty for the file as a whole."""

    def __truediv__(self, name: str) -> Place:
        return Place(self.file, f"{self.key}.{name}" if self.key else name)

    def problem(self, text: str) -> Problem:
        """The problem that this key has.

        Args:
            text: what is wrong, and what would be right.
        """
        return Problem(self.file, self.key, text)

    def unknown(self, what: str, name: str, among: Iterable[str]) -> Problem:
        """The problem that this key names something that there is not.

        Args:
            what: kind of thing that it names, `sample`.
            name: the name that it gives.
            among: the names that there are, of which similar ones are suggested.
        """
        return self.problem(f"unknown {what} {name!r}{suggest(name, among)}")


def suggest(name: str, among: Iterable[str]) -> str:
    """The end of a message about an unknown name: one like it, or all that are known."""
    among = [str(a) for a in among]
    close = difflib.get_close_matches(str(name), among, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(among)}" if among else ""

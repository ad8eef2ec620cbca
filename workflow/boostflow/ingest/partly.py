"""Theory weights that some files of a sample have and others lack, in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

NAMED = 3
"""Files that a sentence on several of them names."""


def some(files: Sequence[str]) -> str:
    """The names of the first files, and how many more there are."""
    more = len(files) - NAMED
    return ", ".join(files[:NAMED]) + (f" and {more} more" if more > 0 else "")


def in_some_files(files: Mapping[str, Collection[str]]) -> list[str]:
    """A sentence for each branch that is read of some files and not of others, which it names.

    Args:
        files: branches of theory weights that are read of a file with events, by its name.
    """
    lacking = {
        branch: [file for file, have in files.items() if branch not in have]
        for branch in dict.fromkeys(name for have in files.values() for name in have)
    }
    return [
        f"{branch} is read of {len(files) - len(without)} of {len(files)} files; not of "
        f"{some(without)}"
        for branch, without in lacking.items()
        if without
    ]

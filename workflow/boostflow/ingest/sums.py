"""Sums of weights before a skim, of files that have no tree `Runs`: a histogram, or a text file."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from boostflow.config.samples import BeforeSkim
from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest.branches import near
from boostflow.ingest.produced import Produced


def declared(file: str, root: Any, block: BeforeSkim, entries: int) -> tuple[Produced, str] | None:
    """What a file was made from by what its sample says, and a note on it.

    Args:
        file: path or address.
        root: the open file.
        block: what the sample says.
        entries: number of the file's events, which stands for that before the skim.

    Returns:
        None where the sample has a sum for all of its files together.

    Raises:
        BadFile: the histogram is not there, has no such bin, or no sum in it.
        BoostflowError: the text file cannot be read, or does not name the file.
    """
    if block.histogram is not None:
        found = _in_histogram(file, root, block.histogram, block.bin)
        where = f"bin {block.bin} of {block.histogram}"
    elif block.file is not None:
        found = _in_text(file, Path(block.file))
        where = block.file
    else:
        return None
    note = f"normalised to the sums of weights before a skim, of {where} (`before_skim`)"
    return Produced(entries, found, declared=True), note


def is_scaled(sumw: float) -> str:
    """A note on a sample that says the sum of weights of all generated events itself."""
    return f"normalised to a sum of weights before a skim of {sumw:g} (`before_skim`)"


def is_final(luminosity: float) -> str:
    """A note on a sample whose weights are final."""
    return f"weights are final: taken as the events expected in {luminosity:g}/fb (`normalised_to`)"


def _in_histogram(file: str, root: Any, pattern: str, number: int) -> float:
    keys = [key.split(";")[0] for key in root.keys()]  # noqa: SIM118
    names = sorted({key for key in keys if fnmatchcase(key, pattern)})
    if not names:
        raise BadFile(f"{file}: no histogram {pattern}{near(pattern, keys)} for `before_skim`")
    total = 0.0
    for name in names:
        histogram = root[name]
        if not hasattr(histogram, "axis") or getattr(histogram, "values", None) is None:
            raise BadFile(f"{file}: {name}, which `before_skim` names, is not a histogram")
        values = np.asarray(histogram.values(), dtype=np.float64)
        if values.ndim != 1 or number > len(values):
            raise BadFile(
                f"{file}: histogram {name} has no bin {number}: it has {values.size} in"
                f" {values.ndim} dimensions; they count from 1"
            )
        total += float(values[number - 1])
    return _positive(file, total, f"bin {number} of {', '.join(names)}")


def named_alike(files: list[str], path: Path) -> str | None:
    """What is wrong where one line of a text file of sums would count for several files.

    Args:
        files: all of a sample.
        path: the text file.

    Raises:
        BoostflowError: it cannot be read.
    """
    found = _sums(path)
    first: dict[str, str] = {}
    for file in files:
        name = Path(file).name
        if file in found or name not in found:
            continue
        if name in first:
            return (
                f"{path}: {name} is both {first[name]} and {file}, each of which has a sum of its"
                " own: name them with their paths"
            )
        first[name] = file
    return None


def _in_text(file: str, path: Path) -> float:
    found = _sums(path)
    name = next((name for name in (file, Path(file).name) if name in found), None)
    if name is None:
        raise BoostflowError(f"{path}: has no sum of weights of {file} (`before_skim`)")
    return _positive(file, found[name], str(path))


def _sums(path: Path) -> dict[str, float]:
    """The lines of a text file of sums: by name of a file."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BoostflowError(f"{path}: not a readable list of sums of weights ({error})") from None
    found: dict[str, float] = {}
    for number, line in enumerate(lines, 1):
        # Names may hold spaces, and a # without one before it.
        words = re.sub(r"(^|\s)#.*", "", line).rsplit(maxsplit=1)
        if not words:
            continue
        try:
            name, value = (word.strip() for word in words)
            if name in found:
                raise ValueError
            found[name] = float(value)
        except ValueError:
            raise BoostflowError(
                f"{path}, line {number}: {line.strip()!r} is not a name of a file, which is there"
                " once, and its sum of weights"
            ) from None
    return found


def _positive(file: str, value: float, where: str) -> float:
    if not np.isfinite(value) or value <= 0:
        raise BadFile(f"{file}: {where} is {value:g}, which is no sum of weights before a skim")
    return value

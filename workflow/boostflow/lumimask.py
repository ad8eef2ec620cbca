"""Certified luminosity blocks of a golden JSON."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boostflow.errors import BoostflowError

DIGITS = 18
"""Number of digits of the largest run, and luminosity block."""


class LumiMask:
    """Certified luminosity blocks.

    `coffea.lumi_tools.LumiMask` gives the same, but importing it takes 8 s.

    Args:
        path: JSON file, {"run": [[first, last], ...]}.

    Raises:
        BoostflowError: the file cannot be read, or has another content.
    """

    def __init__(self, path: Path | str) -> None:
        self._edges: dict[int, NDArray[np.int64]] = {}
        wanted = 'must be {"run": [[first, last], ...]}'
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=_once)
        except FileNotFoundError:
            raise BoostflowError(f"{path}: no such file") from None
        except (OSError, ValueError) as error:
            raise BoostflowError(f"{path}: not readable as JSON: {error}") from None
        except RecursionError:
            raise BoostflowError(f"{path}: {wanted}, but is nested far deeper") from None
        if not isinstance(content, dict) or not content:
            raise BoostflowError(f"{path}: {wanted}")
        for run, ranges in content.items():
            number = int(run) if run.isdecimal() and len(run) < DIGITS else None
            good = isinstance(ranges, list) and all(map(_is_range, ranges))
            if number is None or not good:
                raise BoostflowError(f"{path}: run {run!r}: {wanted}, with first <= last")
            if number in self._edges:
                raise BoostflowError(f"{path}: run {number} is there twice: join its ranges")
            ordered = sorted(ranges)
            for (_, last), (first, _) in pairwise(ordered):
                if first <= last:
                    raise BoostflowError(f"{path}: run {run}: block {first} is in two ranges")
            # Of half-open ranges, one after the other: a block inside has an odd position.
            edges = np.array(ordered, dtype=np.int64).reshape(-1, 2) + np.array([0, 1])
            self._edges[number] = edges.ravel()

    def __call__(self, run: ArrayLike, lumi: ArrayLike) -> NDArray[np.bool_]:
        """Whether the blocks are certified, shape (events,)."""
        run, lumi = (np.asarray(x).astype(np.int64) for x in (run, lumi))
        passed = np.zeros(len(run), dtype=bool)
        for number in np.unique(run):
            here = run == number
            edges = self._edges.get(int(number), np.zeros(0, dtype=np.int64))
            passed[here] = np.searchsorted(edges, lumi[here], side="right") % 2 == 1
        return passed


def _is_range(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and all(isinstance(x, int) and not isinstance(x, bool) for x in entry)
        and 0 <= entry[0] <= entry[1] < 10**DIGITS
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, of which Python would keep the last of equal keys without a word."""
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twice!r} is there twice: join its ranges")
    return content

"""The text of correctionlib files, and what it says beyond what the library tells: edges."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

WAY_OUT = (
    "tighten the cuts of `select.fatjet` so that such jets are dropped, or take a file that is"
    " defined there (`flow: clamp`)"
)
"""What is to be done where a correction is not defined."""


DEEPEST = 500
"""Brackets within each other that a file may have; public ones have 30. Beyond some ten thousand
correctionlib would crash, beyond a thousand Python gives up."""


def text_of(path: Path | str) -> str:
    """The text of a correctionlib file, .json or .json.gz.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no text, or nested too deeply for any reader.
        EOFError: it is compressed, and cut; zlib.error if it is broken.
    """
    import numpy as np

    raw = Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    step = np.zeros(256, dtype=np.int8)
    step[list(b"[{")], step[list(b"]}")] = 1, -1
    brackets = step[np.frombuffer(raw, dtype=np.uint8)]
    depth = np.cumsum(brackets[brackets != 0], dtype=np.int64)
    if depth.size and depth.max() > DEEPEST:
        raise ValueError(f"has {depth.max()} brackets within each other")
    return raw.decode()


def content_of(text: str, name: str) -> Any:
    """The content of a correction in the JSON of a file; None where it has none of that name."""
    found = (e.get("data") for e in json.loads(text)["corrections"] if e["name"] == name)
    return next(found, None)


def limits(content: Any, name: str) -> tuple[float, float] | None:
    """The first and the last of all edges of an input; None where it is not binned."""
    found = [edge for edges in _edges(content, name) for edge in edges]
    return (min(found), max(found)) if found else None


def outside(content: Any, values: Mapping[str, float]) -> str:
    """Values of inputs in words, with the edges of those that they are not between.

    Args:
        content: of the correction.
        values: of one jet, by the names of inputs.
    """
    said, all_of_them = [], []
    for name, value in values.items():
        all_of_them.append(f"{name} = {value:g}")
        edges = limits(content, name)
        if edges is not None and not edges[0] <= value < edges[1]:
            low, high = edges
            said.append(f"{name} = {value:g}, where it goes from {low:g} to below {high:g}")
    return "; ".join(said) or ", ".join(all_of_them)


def _edges(node: Any, name: str) -> Iterator[list[float]]:
    """Edges of an input in all nodes that are binned in it."""
    if isinstance(node, list):
        for child in node:
            yield from _edges(child, name)
    if not isinstance(node, dict):
        return
    if node.get("nodetype") == "binning" and node.get("input") == name:
        yield _numbers(node["edges"])
    if node.get("nodetype") == "multibinning":
        pairs = zip(node["inputs"], node["edges"], strict=True)
        yield from (_numbers(edges) for given, edges in pairs if given == name)
    for key in ("content", "value", "default"):
        yield from _edges(node.get(key), name)


def _numbers(edges: Any) -> list[float]:
    """A list of edges, or the ends of equal bins; an open end is written as a word."""
    if isinstance(edges, dict):
        return [float(edges["low"]), float(edges["high"])]
    return [float(edge) for edge in edges]

"""A correction of a correctionlib file that gives weights, evaluated on named columns."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boostflow.correctionfile import content_of, limits, outside, text_of
from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    import numpy as np

    Columns = Mapping[str, np.ndarray]

WORD = "string"
"""Type of inputs that take words."""


class WeightCorrection:
    """One correction of a file, .json or .json.gz.

    Args:
        path: of the file.
        name: of the correction.

    Attributes:
        inputs: types (real, int, string) by the names of what it takes, in order.

    Raises:
        BoostflowError: the file is missing, is no correctionlib file, or has no such correction.
    """

    def __init__(self, path: Path | str, name: str) -> None:
        import correctionlib

        self.path, self.name = path, name
        try:
            text = text_of(path)
            found = correctionlib.CorrectionSet.from_string(text)
        except FileNotFoundError:
            raise BoostflowError(f"{path}: no such file") from None
        except (RuntimeError, OSError, ValueError, EOFError, zlib.error) as error:
            reason = " ".join(str(error).split())[:160]
            raise BoostflowError(f"{path}: not a correctionlib file ({reason})") from None
        if name not in list(found):
            raise BoostflowError(f"{path}: no correction {name!r}; it has {', '.join(found)}")
        self._correction = found[name]
        self._content = content_of(text, name)
        self.inputs = {variable.name: variable.type for variable in self._correction.inputs}

    def problems(
        self, columns: Mapping[str, str], values: Mapping[str, str | float]
    ) -> list[tuple[str, str]]:
        """What does not fit its inputs: the name of an input, and why.

        Args:
            columns: inputs that are columns or branches.
            values: inputs that are words or numbers.
        """
        takes = f"{self.name} takes ({', '.join(self.inputs)})"
        found = []
        for name in self.inputs:
            if name not in columns and name not in values:
                found.append((name, f"is missing: {takes}"))
        for name in (*columns, *values):
            if name not in self.inputs:
                found.append((name, f"is unknown: {takes}"))
        for name in columns:
            if self.inputs.get(name) == WORD:
                found.append((name, f"takes a word{self._known(name)}: put it into `nominal`"))
        for name, value in values.items():
            if self.inputs.get(name) == WORD:
                words = self.words(name)
                if not isinstance(value, str) or (words is not None and value not in words):
                    found.append((name, f"{value!r} is no word of it{self._known(name)}"))
            elif name in self.inputs and isinstance(value, str):
                found.append((name, f"takes numbers: put {value} into `inputs`"))
        return found

    def words(self, name: str) -> list[str] | None:
        """What an input may be, or None where anything may."""
        found: dict[str, None] = {}
        return list(found) if _collect(self._content, name, found) else None

    def evaluate(self, columns: Columns, values: Mapping[str, str | float]) -> np.ndarray:
        """The correction of each row, shape (rows,), float64.

        Args:
            columns: of shape (rows,), by the names of inputs; at least one of any name.
            values: other inputs.

        Raises:
            ValueError: it is not defined for some row.
        """
        import numpy as np

        given = {**values, **columns}
        try:
            result = self._correction.evaluate(*(given[name] for name in self.inputs))
        except (RuntimeError, IndexError) as error:
            raise ValueError(" ".join(str(error).split())) from None
        return np.asarray(result, dtype=np.float64)

    def limits(self, name: str) -> tuple[float, float] | None:
        """The first and the last edge of an input; None where it is not binned."""
        return limits(self._content, name)

    def outside(self, values: Mapping[str, float]) -> str:
        """Values of inputs of one row in words, with the edges that they are beyond."""
        return outside(self._content, values)

    def _known(self, name: str) -> str:
        words = self.words(name)
        return f" ({', '.join(words)})" if words else ""


def _collect(node: Any, name: str, found: dict[str, None]) -> bool:
    """Add the words of an input that the content of a correction has; whether these are all."""
    closed = True
    children: Sequence[Any] = ()
    if isinstance(node, list):
        children = node
    elif isinstance(node, dict):
        if node.get("nodetype") == "category" and node.get("input") == name:
            found |= {str(entry["key"]): None for entry in node["content"]}
            closed = node.get("default") is None
        children = list(node.values())
    for child in children:
        if isinstance(child, list | dict):
            closed = _collect(child, name, found) and closed
    return closed

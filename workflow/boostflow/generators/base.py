"""A generator of tables: objects that are no jets, simulated in a few lines of NumPy.

A generator is a folder `generators/<kind>/`. Its `__init__.py` holds `BLOCK`, the type of its
configuration, which `block.py` declares; its `generate.py` makes the columns. The former two are
read when a run is planned: they import pydantic and the standard library alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from boostflow.config.base import Block

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class GeneratorBlock(Block):
    """What the blocks of all generators share: `kind`, which is the name of the folder."""

    kind: str

    def makes(self) -> list[str]:
        """Columns that it makes, in their order: of numbers, of whole numbers or of words."""
        raise NotImplementedError


class Generates(Protocol):
    """What `generate.py` of a generator holds; it is imported where rows are made."""

    def generate(
        self, block: Any, rows: range, rng: np.random.Generator
    ) -> Mapping[str, NDArray[Any]]:
        """The columns of some rows of a sample.

        Args:
            block: the settings.
            rows: numbers of the rows in the sample, of which other files have the others.
            rng: everything random; it is another one for each sample, variation and file.

        Returns:
            The columns that `block.makes()` names, each of shape (rows,); NaN where a detector gave
            nothing.
        """


def generates(block: GeneratorBlock) -> Generates:
    """The module that makes the columns of a generator, imported now."""
    package = type(block).__module__.rpartition(".")[0]
    found: Generates = importlib.import_module(f"{package}.generate")  # type: ignore[assignment]
    return found

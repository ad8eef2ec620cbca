"""A generator of tables: objects that are no jets, simulated in a few lines of NumPy.

A generator is a folder `generators/<kind>/`. Its `__init__.py` holds `BLOCK`, the type of its
configuration, which `block.py` declares; its `generate.py` makes the columns. The former two are
read when a run is planned: they import pydantic and the standard library alone.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Protocol, Self, get_args

from pydantic import Field

from boostflow.config.base import Block
from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PACKAGE = "boostflow.generators"


class GeneratorBlock(Block):
    """What the blocks of all generators share: `kind`, which is the name of the folder."""

    kind: str

    def makes(self) -> list[str]:
        """Columns that it makes, in their order: of numbers, of whole numbers or of words."""
        raise NotImplementedError

    def varied(self, changes: Mapping[str, Any]) -> Self:
        """A block with some keys changed, checked again.

        Args:
            changes: values by key.

        Raises:
            ValidationError: a key or a value is wrong.
        """
        return type(self).model_validate({**self.model_dump(), **changes})


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


def found_in(package: str) -> dict[str, type[GeneratorBlock]]:
    """The blocks of the generators of a package, by kind.

    Raises:
        BoostflowError: a folder holds no generator, or one of another kind than its name.
    """
    folders = importlib.import_module(package)
    result: dict[str, type[GeneratorBlock]] = {}
    for info in sorted(pkgutil.iter_modules(folders.__path__), key=lambda info: info.name):
        if not info.ispkg:
            continue
        name = f"{package}.{info.name}"
        try:
            block = importlib.import_module(name).BLOCK
            kinds = get_args(block.model_fields["kind"].annotation)
        except Exception as error:
            why = " ".join(str(error).split())
            raise BoostflowError(f"{name}: is no generator of tables: {why}") from error
        if kinds != (info.name,):
            raise BoostflowError(f"{name}: its block's `kind` must be {info.name!r}, as the folder")
        result[info.name] = block
    return result


@functools.cache
def generators() -> dict[str, type[GeneratorBlock]]:
    """The blocks of all generators by kind.

    Raises:
        BoostflowError: as `found_in`.
    """
    return found_in(PACKAGE)


def generates(block: GeneratorBlock) -> Generates:
    """The module that makes the columns of a generator, imported now."""
    package = type(block).__module__.rpartition(".")[0]
    found: Generates = importlib.import_module(f"{package}.generate")  # type: ignore[assignment]
    return found


if TYPE_CHECKING:
    AnyGenerator = GeneratorBlock
else:
    _BLOCKS = list(generators().values())
    AnyGenerator = (
        Annotated[functools.reduce(or_, _BLOCKS), Field(discriminator="kind")]
        if len(_BLOCKS) > 1
        else _BLOCKS[0]
    )
    """The block of any generator, told apart by its kind."""

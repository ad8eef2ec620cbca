"""All generators of tables, found by looking through their folder."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from operator import or_
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import Field

from boostflow.errors import BoostflowError
from boostflow.generators.base import GeneratorBlock

PACKAGE = "boostflow.generators"


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


if TYPE_CHECKING:
    AnyGenerator = GeneratorBlock
else:
    AnyGenerator = Annotated[
        functools.reduce(or_, generators().values()), Field(discriminator="kind")
    ]
    """The block of any generator, told apart by its kind."""

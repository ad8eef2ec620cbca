"""What every block of the configuration is made of: names, ranges, numbers, settings."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from boostflow.config.descriptions import descriptions

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
Fraction = Annotated[float, Field(gt=0, lt=1)]


def _ascending(value: list[float]) -> list[float]:
    low, high = value
    if not low < high:
        raise ValueError(f"[{low:g}, {high:g}] is not an ascending range")
    return value


def at_home(path: str) -> str:
    """A path in which `~`, `~user`, `$HOME` are the home folder; addresses stay as they are.

    Raises:
        ValueError: there is no such user, or the path has another variable.
    """
    if "://" in path:
        return path
    whole = re.sub(r"^\$(HOME|\{HOME\})(?=/|$)", "~", path)
    if whole.startswith("~"):
        whole = os.path.expanduser(whole)  # noqa: PTH111 - keeps the rest of the text as it is
        if whole.startswith("~"):
            user = whole.partition("/")[0]
            raise ValueError(f"{path}: there is no user {user[1:]!r} (a file: ./{path})")
    if found := re.search(r"(?:^|/)(\$(\w+|\{\w+\}))(?=/|$)", whole):
        raise ValueError(
            f"{path}: {found[1]} is not known here: write the path out (~ and $HOME are your home"
            " folder)"
        )
    return whole


FilePath = Annotated[str, AfterValidator(at_home)]
"""A path, or an address where these are taken; `~` and `$HOME` are the home folder."""


Range = Annotated[list[float], Field(min_length=2, max_length=2), AfterValidator(_ascending)]


def expanded(value: object) -> object:
    """A list with its ranges written out: `weight_pdf_{1..100}` stands for 100 names.

    Raises:
        ValueError: a range does not ascend.
    """
    if not isinstance(value, list):
        return value
    return [name for item in value for name in _range(item)]


def _range(item: object) -> list[object]:
    found = (
        re.fullmatch(r"(\w+)\{(\d{1,3})\.\.(\d{1,3})\}", item) if isinstance(item, str) else None
    )
    if found is None:
        return [item]
    if int(found[2]) > int(found[3]):
        raise ValueError(f"{item} is no ascending range: {found[1]}{{{found[3]}..{found[2]}}}")
    return [f"{found[1]}{i}" for i in range(int(found[2]), int(found[3]) + 1)]


def share_values(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether a value can lie in both ranges, as `templates.build.in_range` counts."""
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return low < high or low == high == 1


def _assigning(value: str) -> str:
    if re.match(r"\s*[A-Za-z0-9][^\s=]*\s*=\s*\S", value) is None:
        raise ValueError(f"{value!r} is not a setting of Pythia: `Tune:pp = 21`")
    if re.match(r"(~|\$\w|\$\{)", value.partition("=")[2].strip()):
        raise ValueError(f"{value!r}: Pythia knows no ~ and no variables: write the path out")
    return value


Setting = Annotated[str, AfterValidator(_assigning)]
"""A setting of Pythia; its name and value are Pythia's to judge."""


def _no_switch(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"is {str(value).lower()}, must be a number")
    return value


NoSwitch = BeforeValidator(_no_switch)
"""Validator of numbers: true and false, which would count as 1 and 0, are refused."""


class Block(BaseModel):
    """A block of the configuration; a key that is not declared is an error."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, defer_build=True)

    def merged(self, changes: Mapping[str, Any]) -> Self:
        """A block with some keys changed, checked again; in a block within it, key by key.

        Args:
            changes: values by key, of blocks within it their changes.

        Raises:
            ValidationError: a key or a value is wrong.
        """
        return type(self).model_validate(_merged(self, changes))

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The JSON schema of the block, with the sentence below each key."""
        found = handler(schema)
        keys = handler.resolve_ref_schema(found).get("properties", {})
        for name, text in descriptions(cls).items():
            key = cls.model_fields[name].alias or name if name in cls.model_fields else name
            if key in keys:
                keys[key].setdefault("description", text)
        return found


def _merged(block: Block, changes: Mapping[str, Any]) -> dict[str, Any]:
    found = block.model_dump()
    for key, value in changes.items():
        inner = getattr(block, key, None)
        if isinstance(inner, Block) and isinstance(value, dict):
            value = _merged(inner, value)
        found[key] = value
    return found

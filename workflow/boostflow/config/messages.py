"""What pydantic finds wrong with a block, in words and with the key that the user wrote."""

from __future__ import annotations

import types
import typing
from typing import Any

from pydantic import BaseModel, Tag, ValidationError

from boostflow.config.problems import Place, Problem, suggest

EVERYWHERE = Place("")
"""Place of messages that name the file themselves."""


def describe(error: ValidationError, model: Any, at: Place = EVERYWHERE) -> list[Problem]:
    """What pydantic found, one problem for each key: what is wrong, and what would be right.

    Args:
        error: what pydantic raised.
        model: the type that was validated.
        at: the file, and the key of the block in it, that was validated.
    """
    problems = []
    for item in error.errors():
        path, block = _walk(model, list(item["loc"]))
        given = item["input"]
        if item["type"] == "extra_forbidden":
            known = block.model_fields.items() if block else []
            fields = [field.alias or name for name, field in known]
            text = f"unknown key{suggest(path[-1] if path else '', fields)}"
        elif item["type"] == "missing":
            text = "is required"
        elif item["type"] == "union_tag_invalid" and item["ctx"]["discriminator"].endswith("()"):
            # A function tells the kinds apart, whose name says nothing to a user.
            text = f"cannot be {given!r}"
        elif item["type"] == "union_tag_invalid":
            ctx = item["ctx"]
            tag = ctx["discriminator"].strip("'")
            text = f"{tag} is {ctx['tag']!r}, must be one of {ctx['expected_tags']}"
        elif item["type"] == "union_tag_not_found":
            text = f"{item['ctx']['discriminator']} is required"
        elif item["type"] == "string_pattern_mismatch":
            text = f"{given!r} is not a name: lower-case letters, digits and single underscores"
        else:
            message = item["msg"].removeprefix("Value error, ")
            text = message[:1].lower() + message[1:]
            if not isinstance(given, dict | list) and item["type"] != "value_error":
                text += f", not {given!r}"
        problems.append((at / (".".join(path) or "(top level)")).problem(text))
    return problems


def _walk(annotation: Any, loc: list[str | int]) -> tuple[list[str], type[BaseModel] | None]:
    """The keys of a pydantic location as the user wrote them, and the block that holds the last.

    Pydantic puts the tags of unions and marks of dictionary keys into locations; they are left out.
    """
    path: list[str] = []
    block: type[BaseModel] | None = None
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
            continue
        if not loc:
            if isinstance(annotation, type) and issubclass(annotation, BaseModel) and not path:
                block = annotation
            return path, block
        if origin in (typing.Union, types.UnionType):
            members = [a for a in typing.get_args(annotation) if a is not type(None)]
            tagged = [m for m in members if loc[0] in _tags(m)]
            if tagged:
                annotation, loc = tagged[0], loc[1:]
            elif len(members) == 1:
                annotation = members[0]
            else:
                return path, block
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            block = annotation
            key, loc = loc[0], loc[1:]
            path.append(str(key))
            fields = annotation.model_fields
            field = {found.alias or name: found for name, found in fields.items()}.get(str(key))
            if field is None:
                return path, block
            annotation = field.annotation
        elif origin in (dict, list, tuple):
            key, loc = loc[0], loc[1:]
            path.append(str(key))
            arguments = typing.get_args(annotation)
            annotation = arguments[-1] if origin is dict else arguments[0]
            loc = [x for x in loc if x != "[key]"]
        else:
            return path, block


def _tags(member: Any) -> set[str]:
    """The values of a union member's discriminator, or its tag."""
    while typing.get_origin(member) is typing.Annotated:
        member, *marks = typing.get_args(member)
        if found := {mark.tag for mark in marks if isinstance(mark, Tag)}:
            return found
    if not (isinstance(member, type) and issubclass(member, BaseModel)):
        return set()
    return {
        value
        for name in ("source", "kind")
        if name in member.model_fields
        for value in typing.get_args(member.model_fields[name].annotation)
    }

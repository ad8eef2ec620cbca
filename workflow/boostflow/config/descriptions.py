"""The sentence below each key of a block, read from the source when somebody asks for it.

pydantic could keep them (`use_attribute_docstrings`), but then each process reads the source of all
blocks at its start, which takes longer than many a job.
"""

from __future__ import annotations

import ast
import inspect
from functools import cache
from pathlib import Path
from typing import Any


def descriptions(block: type) -> dict[str, str]:
    """The texts of the fields of a class and of its bases, by field, on one line each.

    Args:
        block: a class of annotated fields, such as a pydantic model; of a generic one, the
            parametrised class has the texts of the class that was written.
    """
    found: dict[str, str] = {}
    for cls in reversed(block.__mro__):
        origin = getattr(cls, "__pydantic_generic_metadata__", {}).get("origin") or cls
        if origin.__module__.partition(".")[0] in ("builtins", "pydantic", "abc", "typing"):
            continue
        name: Any = origin.__qualname__.replace(".<locals>", "")
        found |= _texts(inspect.getsourcefile(origin) or "").get(name, {})
    return {field: text for field, text in found.items() if text}


@cache
def _texts(file: str) -> dict[str, dict[str, str]]:
    """The texts in a file, by qualified class name and field."""
    found: dict[str, dict[str, str]] = {}

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for statement in body:
            if isinstance(statement, ast.ClassDef | ast.FunctionDef):
                name = f"{prefix}{statement.name}"
                if isinstance(statement, ast.ClassDef):
                    found[name] = _fields(statement.body)
                visit(statement.body, f"{name}.")

    visit(ast.parse(Path(file).read_text(encoding="utf-8")).body, "")
    return found


def _fields(body: list[ast.stmt]) -> dict[str, str]:
    """The text below each annotated name: empty if there is none, also where a base has one."""
    found = {}
    for field, below in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            said = ""
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                said = inspect.cleandoc(str(below.value.value))
            found[field.target.id] = said
    return found

"""Public docstrings are read alone, in an editor or in help(): their first line says what it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "workflow" / "boostflow"
# A first word that leans on a neighbour, or on the name above it.
LEANING = {
    *("above", "after", "also", "and", "as", "at", "before", "below", "beside", "besides", "by"),
    *("for", "from", "if", "in", "it", "its", "of", "on", "per", "same", "that", "their", "these"),
    *("they", "this", "those", "to", "where", "which", "whose", "with", "without"),
}
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Names and nodes of the public classes, functions and methods; what functions hold is not."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{prefix}{node.name}.")


def fault(docstring: str | None) -> str | None:
    """What is wrong with a docstring, or None."""
    if not docstring:
        return "has no docstring"
    first = docstring.splitlines()[0]
    words = first.split()
    if len(words) < 3:
        return f"says too little: {first}"
    if words[0].strip(",:;").lower() in LEANING or first.lower().startswith("the same"):
        return f"leans on something else: {first}"
    if not first.endswith("."):
        return f"the first line is no whole sentence: {first}"
    return None


def test_public_docstrings_stand_alone() -> None:
    faults = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for name, node in public(ast.parse(path.read_text(encoding="utf-8"))):
            found = fault(ast.get_docstring(node))
            if found:
                faults.append(f"{path.relative_to(PACKAGE)}:{node.lineno} {name} {found}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("docstring", "message"),
    [
        (None, "no docstring"),
        ("", "no docstring"),
        ("The fit.", "too little"),
        ("Of a worse fit.", "leans"),
        ("The same in a single bin.", "leans"),
        ("Sum of the weights of all events", "whole sentence"),
        ("Sum of the weights of all\nevents.", "whole sentence"),
    ],
)
def test_the_check_finds_faults(docstring: str | None, message: str) -> None:
    assert message in (fault(docstring) or "")


def test_the_check_accepts_a_sentence_with_more_behind_it() -> None:
    assert fault("Sum of the weights of all events.\n\nArgs:\n    x: events.") is None


def test_only_public_definitions_count() -> None:
    tree = ast.parse("class A:\n def b(self):\n  def c(): ...\n def _d(self): ...\nclass _E: ...")
    assert [name for name, _ in public(tree)] == ["A", "A.b"]

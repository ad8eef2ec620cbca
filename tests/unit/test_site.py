"""The pages of the documentation: links that stay within the site, tables made from the types."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from boostflow.models.family import families


@pytest.fixture
def stage(repository: Path) -> ModuleType:
    found = importlib.util.spec_from_file_location("stage", repository / "docs/site/stage.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("link", "wanted", "beside"),
    [
        ("(../config/README.md#samples)", "(../config/README.md#samples)", None),
        ("(../config/config.yaml)", "(../config/config.yaml)", "config/config.yaml"),
        ("(../config/examples)", "(../config/examples/files.md)", "config/examples/files.md"),
        ("(../profiles)", "(../profiles/README.md)", None),
        ("(../Makefile)", "(../Makefile.txt)", "Makefile.txt"),
        ("(https://arxiv.org/abs/1)", "(https://arxiv.org/abs/1)", None),
        ("(gone.md)", "(gone.md)", None),
    ],
)
def test_links_stay_within_the_site(stage, tmp_path, link, wanted, beside):
    text = stage.staged(f"See [this]{link}.", Path("docs/page.md"), tmp_path)
    assert text == f"See [this]{wanted}."
    written = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")]
    assert written == ([] if beside is None else [beside])


def test_diagrams_that_need_a_script_are_left_out(stage, tmp_path):
    text = "One.\n\n```mermaid\na --> b\n```\n\nTwo.\n"
    assert stage.staged(text, Path("README.md"), tmp_path) == "One.\n\n\nTwo.\n"


def test_every_key_of_every_family_is_listed(stage):
    text = stage.of_families()
    for kind, family in families().items():
        part = text.partition(f"## {family.block.__name__}\n")[2].partition("\n## ")[0]
        assert f"`kind: {kind}`" in part
        assert all(f"| `{key}` |" in part for key in family.block.model_fields)


def test_types_are_said_in_words(stage):
    assert stage.type_of({"anyOf": [{"type": "integer"}, {"type": "null"}]}) == "integer or null"
    assert stage.type_of({"type": "array", "items": {"enum": ["a", "b"]}}) == "list of `a`, `b`"
    assert stage.type_of({"$ref": "#/$defs/Search"}) == "[Search](#search)"

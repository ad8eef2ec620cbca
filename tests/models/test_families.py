"""Families are found by looking through a folder; what is wrong with one is said in one message."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from boostflow.errors import BoostflowError
from boostflow.models.family import Role, found_in

BLOCK = '''
from typing import Literal

from boostflow.models.family import ModelBlock, Role, Score, Task


class Nearest(ModelBlock):
    """The nearest mean."""

    kind: Literal["{kind}"] = "{kind}"
    seed: int = 1

    def task(self):
        return Task.CLASSIFY

    def scores(self, classes):
        return [Score(f"p_{{name}}", Role.PROBABILITY, "nearness", name) for name in classes]
'''
FAMILY = """
from boostflow.models.family import Family

from {package}.{name}.block import Nearest

FAMILY = Family(block=Nearest, title="Nearest mean", plots={module!r}, own_plots={plots!r})
"""


class Package:
    """A package of families in a temporary folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder / name, name
        self.folder.mkdir()
        (self.folder / "__init__.py").touch()

    def add(
        self, name: str, kind: str, plots: tuple[str, ...] = (), module: str | None = "plots"
    ) -> Path:
        """Add a family; its folder."""
        folder = self.folder / name
        folder.mkdir()
        (folder / "block.py").write_text(BLOCK.format(kind=kind))
        text = FAMILY.format(package=self.name, name=name, plots=plots, module=module)
        (folder / "__init__.py").write_text(text)
        return folder


@pytest.fixture
def package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Package:
    """A package without families, whose name no other test has."""
    name = f"families_{abs(hash(request.node.name))}"
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    request.addfinalizer(
        lambda: [sys.modules.pop(m) for m in list(sys.modules) if m.partition(".")[0] == name]
    )
    return Package(tmp_path, name)


def test_families_are_found_sorted_by_kind(package: Package) -> None:
    package.add("a", "zero")
    folder = package.add("b", "one", plots=("means",))
    (folder / "captions").mkdir()
    (folder / "captions/means.rst").write_text("Means of the classes.")
    (package.folder / "shared.py").write_text("SHARED = 1")  # what families share is none
    found = found_in(package.name)
    assert list(found) == ["one", "zero"]
    family = found["one"]
    assert family.package == f"{package.name}.b" and family.title == "Nearest mean"
    assert family.caption("means").read_text() == "Means of the classes."
    [score] = family.block().scores(["top"])
    assert (score.column, score.role, score.of) == ("p_top", Role.PROBABILITY, "top")


def test_two_families_of_one_kind(package: Package) -> None:
    package.add("first", "same")
    package.add("second", "same")
    with pytest.raises(BoostflowError) as caught:
        found_in(package.name)
    name = package.name
    assert str(caught.value) == f"{name}.second: the kind 'same' is that of {name}.first, too"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import numpyy", "No module named 'numpyy'"),
        ("FAMILY = 1 +", "invalid syntax"),
        ("family = 1", "has no attribute 'FAMILY'"),
        (
            "from boostflow.models.family import Family\nFAMILY = Family(title='x')",
            "missing 1 required positional argument: 'block'",
        ),
        ("FAMILY = 1", "FAMILY is a int, no Family"),
    ],
)
def test_a_family_that_cannot_be_imported(package: Package, text: str, why: str) -> None:
    package.add("good", "good")
    (package.add("odd", "odd") / "__init__.py").write_text(text)
    with pytest.raises(BoostflowError) as caught:
        found_in(package.name)
    message = str(caught.value)
    assert message.startswith(f"{package.name}.odd: is no family of models: ") and why in message
    assert "\n" not in message


@pytest.mark.integration
def test_the_command_says_which_family_is_at_fault(tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/__init__.py").write_text("import numpyy")
    code = (
        f"import boostflow.models; boostflow.models.__path__.append({str(tmp_path)!r});"
        "from boostflow.cli import main; main(['check'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "boostflow: error: boostflow.models.odd: is no family of models: No module named 'numpyy'\n"
    )


def test_a_plot_without_a_caption(package: Package) -> None:
    package.add("bare", "bare", plots=("means",))
    with pytest.raises(BoostflowError) as caught:
        found_in(package.name)
    assert str(caught.value) == f"{package.name}.bare: no captions/means.rst for the plot means"


def test_plots_that_no_module_draws(package: Package) -> None:
    folder = package.add("bare", "bare", ("means",), module=None)
    (folder / "captions").mkdir()
    (folder / "captions/means.rst").touch()
    with pytest.raises(BoostflowError, match=r"bare: no module draws its plots means: name it as"):
        found_in(package.name)

"""Who may import whom, how long a module may be, and who may name a family of models.

Imports are read from the syntax tree, those inside functions too; those under `if TYPE_CHECKING`
are none at run time and do not count.
"""

from __future__ import annotations

import ast
import graphlib
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from boostflow.models.family import families

REPOSITORY = Path(__file__).parents[2]
WORKFLOW = REPOSITORY / "workflow"

BLOCKS = {
    f"boostflow.config.{name}"
    for name in (
        *("base", "defaults", "descriptions", "problems", "messages"),
        *("samples", "chain", "statistics", "transfer", "background", "systematics", "weights"),
        *("rounding", "tables", "monitored", "embedding", "regression"),
    )
} | {
    f"boostflow.{name}" for name in ("config", "generators", "generators.base", "generators.found")
}
"""Modules that know no family of models: the families' blocks are made with them. Samples know the
generators of tables."""

BASES = {
    f"boostflow.models{name}"
    for name in (
        *("", ".family", ".classifying", ".detecting", ".hardware", ".networks", ".search"),
        *(".deviations", ".following", ".generating", ".regressing", ".trees"),
    )
}
"""Modules of `models` that blocks of families are made from."""

LAYERS: tuple[set[str], ...] = (
    {
        *(
            "boostflow",
            "alone",
            "averages",
            "errors",
            "guard",
            "io",
            "keyed",
            "paths",
            "processes",
            "progress",
        ),
        *("compiled", "provenance", "publicsets", "quoted", "seeds", "terminal", "texttable"),
        *("corrections", "launch", "lumimask", "matching", "nanoaod", "observables", "scored"),
        *("condor", "slurm", "calorimeter"),
        *("areas", "constituents", "weightfile", "correctionfile", "binomial", "theory"),
    },
    {"blocks"},
    {"families"},
    {"config"},
    {"variations", "searches"},
    {"analysis"},
    {"jobs"},
    {
        *("simulate", "ingest", "select", "training", "models", "evaluate", "templates"),
        *("effects", "infer", "background", "plots", "ranking", "search", "summary", "takeover"),
        *("webpage", "coding", "compress", "generators", "head", "fastsim"),
    },
    {
        *("cli", "clusterplan", "crate", "display", "explain", "headstatus", "results"),
        *("scheduling", "states", "targets"),
    },
)
"""Packages, and modules beside them, by layer: each imports from its own layer or from those before
it. `blocks` are the modules in `BLOCKS`, and of each generator of tables its `__init__.py` and
`block.py`; `families` are those in `BASES` and of each family its
`__init__.py` and `block.py`; all else in these two packages is `config` and `models`."""

PLANNING = ("blocks", "families", "config", "variations", "searches", "analysis", "jobs", "targets")
"""What is read before a job starts, also by each job of a cluster: it has to be quick."""
TOOLS = {"boostflow.config.generate"}
"""Modules of these packages that no run reads: `make config` runs them."""
ALLOWED = {"pydantic"}
"""Packages beside the standard library that modules of `PLANNING` import at module level."""

LONGEST = 500
LONGER: set[str] = set()
"""Modules with more lines, each for a reason."""


@cache
def modules() -> dict[str, Path]:
    """The files of the package by the names of their modules."""
    found = {}
    for path in sorted((WORKFLOW / "boostflow").rglob("*.py")):
        parts = path.relative_to(WORKFLOW).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def node(module: str) -> str:
    """What a module belongs to in `LAYERS`."""
    parts = module.split(".")
    if module in BLOCKS:
        return "blocks"
    if module in BASES:
        return "families"
    folder = modules()[module].name == "__init__.py" or parts[3:] == ["block"]
    if folder and parts[1:2] in (["models"], ["generators"]):
        return "families" if parts[1] == "models" else "blocks"
    return parts[1] if len(parts) > 1 else parts[0]


def statements(body: list[ast.stmt], everywhere: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports that run: when a module is read, or (`everywhere`) when its functions are called."""
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield statement
        elif isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from statements(statement.orelse, everywhere)
        elif everywhere or not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            for field in ("body", "orelse", "finalbody"):
                yield from statements(getattr(statement, field, []), everywhere)
            for handler in getattr(statement, "handlers", []):
                yield from statements(handler.body, everywhere)
            for case in getattr(statement, "cases", []):
                yield from statements(case.body, everywhere)


@cache
def imports(module: str, everywhere: bool = True) -> frozenset[str]:
    """Modules that a module imports: their full names if they are ours, else those of packages."""
    path = modules()[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    for statement in statements(ast.parse(path.read_text()).body, everywhere):
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        else:
            above = package[: len(package) - statement.level + 1] if statement.level else []
            base = ".".join([*above, *filter(None, [statement.module])])
            names = [
                full if (full := f"{base}.{alias.name}") in modules() else base
                for alias in statement.names
            ]
        found |= {name if name in modules() else name.split(".")[0] for name in names}
    return frozenset(found - {"__future__"})


def ours(module: str) -> set[str]:
    """Modules of boostflow that a module imports."""
    return {name for name in imports(module) if name in modules()}


def read_with(module: str, seen: set[str]) -> set[str]:
    """All modules that importing a module reads, its packages among them."""
    parts = module.split(".")
    for name in (".".join(parts[:i]) for i in range(1, len(parts) + 1)):
        if name in modules() and name not in seen:
            seen.add(name)
            for other in imports(name, everywhere=False):
                read_with(other, seen)
    return seen


def test_the_syntax_tree_is_read_as_python_would() -> None:
    """What the other tests stand on, where it is known."""
    assert "boostflow.config.config" in ours("boostflow.config.load")
    # In a function alone.
    assert "boostflow.lumimask" in ours("boostflow.config.checks.samples")
    assert "boostflow.lumimask" not in imports("boostflow.config.checks.samples", False)
    # Of types alone.
    assert "boostflow.config.config" not in ours("boostflow.models.family")
    assert "numpy" in imports("boostflow.lumimask", False)
    assert node("boostflow.models.bdt") == node("boostflow.models.family") == "families"
    assert node("boostflow.models.table") == "models"
    assert "boostflow.models" in read_with("boostflow.models.bdt.block", set())


def test_every_package_has_a_place() -> None:
    """What is new has to say where it belongs."""
    known = set().union(*LAYERS)
    assert sum(map(len, LAYERS)) == len(known)
    assert {node(module) for module in modules()} == known
    assert modules().keys() >= BLOCKS


def test_imports_go_one_way() -> None:
    """No module imports from a layer behind its own."""
    layer = {name: number for number, names in enumerate(LAYERS) for name in names}
    wrong = [
        f"{module} ({node(module)}) imports {other} ({node(other)})"
        for module in modules()
        for other in sorted(ours(module))
        if layer[node(other)] > layer[node(module)]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_two_packages_import_each_other() -> None:
    """Nor do more of them in a circle."""
    graph: dict[str, set[str]] = {}
    for module in modules():
        mine = node(module)
        graph.setdefault(mine, set()).update({node(other) for other in ours(module)} - {mine})
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle = error.args[1]
        where = [
            f"{module} imports {other}"
            for module in modules()
            for other in sorted(ours(module))
            for pair in zip(circle[1:], circle[:-1], strict=True)
            if (node(module), node(other)) == pair
        ]
        pytest.fail("\n".join([" <- ".join(circle), *where]))


@pytest.mark.parametrize("package", PLANNING)
def test_planning_imports_little(package: str) -> None:
    """Modules that are read before jobs start read pydantic and the standard library alone."""
    heavy = {}
    for module in modules():
        if node(module) == package and module not in TOOLS:
            for read in read_with(module, set()):
                found = {name for name in imports(read, False) if name not in modules()}
                if beside := found - ALLOWED - sys.stdlib_module_names:
                    heavy.setdefault(f"{read} imports {', '.join(sorted(beside))}", module)
    assert not heavy, "\n".join(f"{what}, read with {module}" for what, module in heavy.items())


def test_no_module_is_long() -> None:
    """A module has one purpose; what is exempt is listed, and no longer than it has to be."""
    files = [*WORKFLOW.rglob("*.py"), *WORKFLOW.rglob("*.smk")]
    long = {
        str(path.relative_to(REPOSITORY))
        for path in files
        if len(path.read_text().splitlines()) > LONGEST
    }
    assert long == LONGER


FAMILIES = WORKFLOW / "boostflow" / "models"
DEFAULTS = WORKFLOW / "boostflow/config/defaults.py"
"""The one place outside families' folders that names some: the models of a run by default."""


WORDS = {"set", "single", "graph", "image", "sequence", "recursive", "merged", "search"}
"""Kinds that are words of Python or of English: these count in quotes, as a value and in a path."""


def naming() -> re.Pattern[str]:
    """What names a family of models in a line of text."""
    names = "|".join(families().keys() - WORDS)
    words = "|".join(families().keys() & WORDS)
    quoted = rf"""["'`]({words})["'`]|kind: ({words})\b|models[./]({words})\b"""
    return re.compile(rf"(?<![a-z])({names})(?![a-z])|{quoted}", re.IGNORECASE)


def test_a_family_is_known_by_its_name() -> None:
    """A word of Python is no family where it is not in quotes, in a path or a value of `kind`."""
    for line in ("the BDT", "kind: set", 'family == "set"', "models/set/train.py", "dnn_a"):
        assert naming().search(line), line
    for line in ("found = set()", "a set of jets", "settings", 'by("sets")', "kind: settled"):
        assert not naming().search(line), line


def test_families_are_named_in_their_folders_alone() -> None:
    """The rest asks for tasks, roles and what a model reads."""
    kind = naming()
    folders = [FAMILIES / name for name in families()]
    found = []
    for root in (WORKFLOW, REPOSITORY / "profiles"):
        for path in sorted(root.rglob("*")):
            place = path.relative_to(REPOSITORY)
            made = any(re.search(r"^\.|^__pycache__$|\.egg-info$", part) for part in place.parts)
            if (
                made
                or path == DEFAULTS
                or not path.is_file()
                or any(folder in path.parents for folder in folders)
            ):
                continue
            if kind.search(path.name):
                found.append(f"{place}: its name")
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                if kind.search(line):
                    found.append(f"{place}:{number}: {line.strip()}")
    assert not found, "\n".join(found)


def test_files_of_tests_have_names_of_their_own() -> None:
    """Folders of tests are no packages: of two files of one name pytest reads only the first."""
    files = Counter(path.name for path in (REPOSITORY / "tests").rglob("test_*.py"))
    assert [name for name, number in files.items() if number > 1] == []


def test_no_generator_is_named_outside_its_folder() -> None:
    """Generators of tables are found by looking through their folder."""
    wrong = [
        f"{module} imports {other}"
        for module in modules()
        for other in ours(module)
        if (parts := other.split("."))[1:2] == ["generators"]
        and len(parts) > 2
        and parts[2] not in ("base", "found")
        and module.split(".")[:3] != parts[:3]
    ]
    assert not wrong, "\n".join(wrong)

"""Fixtures that several kinds of tests share, and what a test's folder says of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parent
MARKERS = {
    "physics": ("slow",),
    "stages": ("slow",),
    "dag": ("slow",),
    "integration": ("integration",),
    "cluster": ("cluster", "integration"),
}
"""Markers of all tests in a folder; single tests may have more."""

ONE_RUN = "chain"
"""Fixture of a whole session that takes minutes: the one run of the chain."""
LOOK_AT_IT = ("test_chain", "test_records", "test_results")
"""Modules that have it; side by side with others they go to one worker."""

BEFORE = set(os.environ)
"""The variables before any test."""


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return TESTS.parent


@pytest.fixture(autouse=True)
def environment_of_jobs() -> Iterator[None]:
    """No test leaves variables that jobs read: the next one would run with its settings."""
    yield
    assert not {name for name in os.environ if name.startswith("BOOSTFLOW_")} - BEFORE


@pytest.fixture(autouse=True)
def figures_of_one_test() -> Iterator[None]:
    """No test leaves figures open: which one opens the 21st would depend on their order."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, before markers choose among them.

    Raises:
        UsageError: a test looks at the one run in a module where a second one would be made.
    """
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        for marker in MARKERS.get(folder, ()):
            item.add_marker(marker)
        looks = folder == "integration" and ONE_RUN in getattr(item, "fixturenames", ())
        if looks and item.path.stem not in LOOK_AT_IT:
            raise pytest.UsageError(f"{item.nodeid} looks at the one run: see conftest.py")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The tests of a module go to one worker, those of all that look at the one run to one, too."""
    from xdist.scheduler import LoadScopeScheduling

    class Modules(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return ONE_RUN if Path(module).stem in LOOK_AT_IT else module

    return Modules(config, log)

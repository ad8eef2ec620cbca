"""Fixtures that several kinds of tests share, and what a test's folder says of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

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

SHARED = {"chain"}
"""Fixtures of a whole session that take minutes."""

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

    Those of a file go to one worker, and all that look at the one run of the chain to one, too.
    """
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        for marker in MARKERS.get(folder, ()):
            item.add_marker(marker)
        one_run = SHARED & set(getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group(min(one_run, default=str(item.path))))

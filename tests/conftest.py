"""Fixtures that several kinds of tests share."""

from pathlib import Path

import pytest
import XRootD.client  # noqa: F401  Before any test: loaded after TensorFlow's, its library crashes.


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[1]

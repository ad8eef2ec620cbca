"""What tests of stages share."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def quiet_fits() -> None:
    """pyhf and cabinetry say what they do to every workspace."""
    for name in ("pyhf", "cabinetry"):
        logging.getLogger(name).setLevel(logging.ERROR)

"""Errors of a value in words."""

from __future__ import annotations

import pytest

from boostflow.quoted import plus_minus


@pytest.mark.parametrize(
    ("up", "down", "said"),
    [
        (0.11, 0.108, "± 0.11"),
        (0.498, 0.179, "+0.50 -0.18"),
        (0.004, 0.001, "± 0.00"),
        (0.0, 0.0, "± 0.00"),
        (None, 0.1, "± n/a"),
        (0.1, None, "± n/a"),
    ],
)
def test_sides_are_quoted_where_they_differ(up: float, down: float, said: str) -> None:
    assert plus_minus(up, down) == said

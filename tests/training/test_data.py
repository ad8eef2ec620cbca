"""How units are dealt out."""

from __future__ import annotations

from boostflow.training.data import dealt


def test_dealing_there_and_back_again():
    assert [dealt(7, rank, 3).tolist() for rank in range(3)] == [[0, 5, 6], [1, 4], [2, 3]]

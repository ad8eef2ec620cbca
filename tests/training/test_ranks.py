"""What ranks say when one of them is lost; the real ones are in tests/integration."""

from __future__ import annotations

import pytest

from boostflow.errors import BoostflowError

tf = pytest.importorskip("tensorflow")

from boostflow.training import ranks  # noqa: E402


@pytest.fixture
def waited(monkeypatch) -> list[float]:
    """How long ranks wait before they end."""
    seconds: list[float] = []
    monkeypatch.setattr(ranks.time, "sleep", seconds.append)
    return seconds


def rank(number: int, messages: list[str | None] | None = None) -> ranks.Horovod:
    """A rank of three, without Horovod."""
    made = ranks.Horovod.__new__(ranks.Horovod)
    made.rank, made.size = number, 3
    made.everyone = lambda thing: messages or [thing] * 3
    return made


def test_the_first_rank_that_is_left_says_what_happened(waited):
    for number in range(3):
        with (
            pytest.raises(BoostflowError, match=f"rank {number}: another process of this training"),
            rank(number).together(),
        ):
            raise tf.errors.UnknownError(None, None, "Horovod has been shut down")
    assert waited == sorted(waited) and len(set(waited)) == 3


def test_other_errors_of_tensorflow_stay_what_they_are(waited):
    with pytest.raises(tf.errors.InvalidArgumentError), rank(0).together():
        raise tf.errors.InvalidArgumentError(None, None, "shapes do not fit")
    assert waited == []


def test_an_error_of_one_rank_is_that_of_all(waited):
    for number in range(3):
        with pytest.raises(BoostflowError, match="no such file"):
            rank(number, [None, "no such file", "another"]).agree(None)
    rank(1, [None, None, None]).agree(None)
    assert len(waited) == 3


def test_without_horovodrun_there_is_one_rank(monkeypatch):
    monkeypatch.delenv("HOROVOD_RANK", raising=False)
    assert type(ranks.connect()) is ranks.Single

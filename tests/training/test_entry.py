"""How a training process begins."""

from __future__ import annotations

import os

import pytest

from boostflow.errors import BoostflowError
from boostflow.training import cores
from boostflow.training.entry import process
from boostflow.training.environment import CYCLE

NAMES = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "HOROVOD_CYCLE_TIME", "CUDA_VISIBLE_DEVICES")


@pytest.fixture
def rank(monkeypatch):
    """Makes this process a rank; what it changes in the environment is undone."""
    kept, allowed = dict(os.environ), os.sched_getaffinity(0)

    def become(number: int, **others: str) -> None:
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
        values = {"HOROVOD_RANK": number, "HOROVOD_LOCAL_RANK": number, "HOROVOD_SIZE": 2}
        for name, value in (values | others).items():
            monkeypatch.setenv(name, str(value))

    yield become
    os.environ.clear()
    os.environ.update(kept)
    os.sched_setaffinity(0, allowed)


def test_the_environment_of_a_rank(tmp_path, rank):
    rank(1, CUDA_VISIBLE_DEVICES="4,7", OMP_NUM_THREADS="16", HOROVOD_CYCLE_TIME="9")
    with process(tmp_path / "model", threads=1):
        assert os.environ["OMP_NUM_THREADS"] == os.environ["TF_NUM_INTRAOP_THREADS"] == "1"
        assert os.environ["HOROVOD_CYCLE_TIME"] == "9"  # the user's
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"


def test_horovod_looks_less_often_where_that_costs_a_core_that_computes(tmp_path, rank):
    rank(0)
    with process(tmp_path / "model", threads=1):
        assert os.environ["HOROVOD_CYCLE_TIME"] == CYCLE
    rank(0, CUDA_VISIBLE_DEVICES="0,1")
    with process(tmp_path / "model", threads=1):
        assert "HOROVOD_CYCLE_TIME" not in os.environ


def test_a_rank_keeps_to_its_cores(tmp_path, rank):
    available = sorted(os.sched_getaffinity(0))
    rank(len(available) - 1, HOROVOD_LOCAL_SIZE=len(available))
    with process(tmp_path / "model", threads=1):
        assert os.sched_getaffinity(0) == {available[-1]}


@pytest.mark.parametrize(
    ("local", "threads", "available", "expected"),
    [
        ((0, 2), 1, [0, 1], [0]),
        ((1, 2), 1, [3, 6], [6]),
        ((1, 2), 2, [0, 1, 2, 3], [2, 3]),
        ((1, 2), 1, [0, 1, 2, 3], [0, 1, 2, 3]),  # room for other jobs
        ((2, 3), 1, [0, 1], [0, 1]),  # more ranks than cores
        ((0, 1), 1, [5], [5]),
    ],
)
def test_ranks_that_use_all_cores_keep_to_their_own(local, threads, available, expected):
    rank, size = map(str, local)
    environment = {"HOROVOD_LOCAL_RANK": rank, "HOROVOD_LOCAL_SIZE": size}
    assert cores.share(environment, threads, available) == expected
    assert cores.share({}, threads, available) == available


def test_a_training_without_horovod_keeps_its_environment(tmp_path, rank):
    rank(0, OMP_NUM_THREADS="16")
    with process(tmp_path / "model"):
        assert os.environ["OMP_NUM_THREADS"] == "16"
        assert "TF_NUM_INTRAOP_THREADS" not in os.environ


def test_one_training_at_a_time_writes_a_model(tmp_path, rank):
    rank(0)
    with (
        process(tmp_path / "model"),
        pytest.raises(BoostflowError, match="another process"),
        process(tmp_path / "model"),
    ):
        pass
    with process(tmp_path / "model"):
        rank(1)
        with process(tmp_path / "model"):  # another rank of the same training
            pass

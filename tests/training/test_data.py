"""How units are dealt out."""

from __future__ import annotations

import numpy as np
import pytest

from boostflow.training.data import Arrays, dealt, in_order, read_ahead, shuffled, steps
from boostflow.training.ranks import Single


def test_dealing_there_and_back_again():
    assert [dealt(7, rank, 3).tolist() for rank in range(3)] == [[0, 5, 6], [1, 4], [2, 3]]


@pytest.mark.parametrize("shards", [[23], [5, 11, 7]])
@pytest.mark.parametrize("batch", [4, 23, 100])
@pytest.mark.parametrize("work", [False, True])
def test_ranks_share_the_batches_of_one(shards, batch, work):
    rng = np.random.default_rng(1)
    cost = rng.integers(1, 50, 23) if work else None
    alone = list(shuffled(shards, batch, 1, 0, work=cost))
    assert len(alone) == steps(23, batch) == 23 // min(batch, 23)
    assert len(np.unique(np.concatenate(alone))) == len(alone) * min(batch, 23)
    for size in (2, 3):
        ranks = [list(shuffled(shards, batch, 1, 0, r, size, cost)) for r in range(size)]
        for i, whole in enumerate(alone):
            shares = [r[i] for r in ranks]
            assert sorted(np.concatenate(shares)) == sorted(whole)
            assert np.ptp([len(s) for s in shares]) <= 1
            if cost is not None:
                assert np.ptp([cost[s].sum() for s in shares]) <= 2 * cost.max()


def test_a_batch_touches_two_neighbouring_shards_at_most():
    for rows in shuffled([10, 10, 10], 10, 1, 3):
        assert len(np.unique(rows // 10)) <= 2


def test_each_epoch_and_each_seed_has_an_order_of_its_own():
    firsts = {
        tuple(next(shuffled([50], 20, seed, epoch))) for seed in (1, 2) for epoch in (0, 1, 2)
    }
    assert len(firsts) == 6


def test_all_rows_once_in_order():
    rows = np.arange(5, 28)
    shares = [np.concatenate(list(in_order(rows, 4, rank, 3))) for rank in range(3)]
    assert [s[0] for s in shares] == [5, 6, 7]
    assert sorted(np.concatenate(shares)) == rows.tolist()


def test_arrays_in_batches():
    pytest.importorskip("tensorflow")
    x = np.arange(20, dtype=np.float32).reshape(10, 2)
    y = np.arange(10, dtype=np.int32)
    arrays = Arrays(x, y)
    batches = list(arrays.batches(4, 1, 0, Single()))
    assert len(batches) == 2
    for i, rows in enumerate(shuffled([10], 4, 1, 0)):
        np.testing.assert_array_equal(batches[i][0], x[rows])
        np.testing.assert_array_equal(batches[i][1], y[rows])
    assert [spec.shape.as_list() for spec in arrays.signature] == [[None, 2], [None]]
    shares = list(arrays.share(3, Single()))
    np.testing.assert_array_equal(np.concatenate([s[1] for s in shares]), y)


def test_a_generator_that_fails_is_an_error():
    tf = pytest.importorskip("tensorflow")

    def read():
        yield np.zeros(2, np.float32)
        raise OSError("the disk is gone")

    with pytest.raises(tf.errors.OpError, match="the disk is gone"):
        list(read_ahead(read, tf.TensorSpec((None,), tf.float32)))


def test_an_epoch_ends_with_its_last_batch():
    """TensorFlow's tuner of pipelines would end 10, 20, 40, ... ms after the start."""
    tf = pytest.importorskip("tensorflow")
    numbers = np.arange(6.0)
    data = read_ahead(lambda: iter(numbers), tf.TensorSpec((), tf.float64))
    assert [float(x) for x in data] == numbers.tolist()
    assert data.options().autotune.enabled is False

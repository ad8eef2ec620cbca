"""Files of named arrays: whole, damaged, or of something else."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from boostflow.errors import BoostflowError
from boostflow.training import checkpoint


def test_checkpoint_files(tmp_path):
    path = tmp_path / "c.npz"
    arrays = {"a/kernel": np.arange(6.0).reshape(2, 3), "b": np.array(7)}
    checkpoint.write(path, {"epoch": 3}, arrays)
    header, found = checkpoint.read(path)
    assert header == {"epoch": 3} and found["b"] == 7
    np.testing.assert_array_equal(found["a/kernel"], arrays["a/kernel"])
    assert [p.name for p in tmp_path.iterdir()] == ["c.npz"]
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(BoostflowError, match="damaged"):
            checkpoint.read(path)
    with path.open("wb") as file:
        np.save(file, arrays["b"])
    with pytest.raises(BoostflowError, match="damaged"):
        checkpoint.read(path)
    rng = np.random.default_rng(1)
    for _ in range(200):  # whatever is overwritten, the whole content or one clear error
        broken = bytearray(whole)
        at = rng.integers(len(whole) - 8)
        broken[at : at + 8] = rng.bytes(8)
        path.write_bytes(broken)
        with contextlib.suppress(BoostflowError):
            checkpoint.read(path)
    with pytest.raises(BoostflowError, match="no such file"):
        checkpoint.read(tmp_path / "none.npz")

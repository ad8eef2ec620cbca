"""What a training computes on, with the build of TensorFlow that is here."""

from __future__ import annotations

import logging

import pytest

from boostflow.training.ranks import Single

tf = pytest.importorskip("tensorflow")

from boostflow.training import devices  # noqa: E402


class Three(Single):
    """Rank 0 of three that differ."""

    size = 3

    def everyone(self, thing):
        return [thing, devices.Device("NVIDIA A100", None), devices.Device("CPU", "another why")]


def test_a_device_that_is_missing_on_some_ranks_is_one_line(caplog):
    caplog.set_level(logging.INFO, "training")
    here = devices.Device("CPU", "no driver")
    assert devices.report(here, Three()) == ["CPU", "NVIDIA A100", "CPU"]
    assert caplog.messages == ["2 of 3 processes train on the CPU: no driver"]
    caplog.clear()
    assert devices.report(devices.Device("NVIDIA A100", None), Single()) == ["NVIDIA A100"]
    assert caplog.messages == ["training on NVIDIA A100"]


@pytest.mark.parametrize(
    ("given", "missing"),
    [("0", True), ("2,3", True), ("-1", False), ("NoDevFiles", False), (None, False)],
)
def test_a_gpu_that_was_given_and_is_not_there_has_a_reason(monkeypatch, given, missing):
    """With either build of TensorFlow, where this machine has no GPU."""
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    device = devices.prepare()
    assert device.name == "CPU"
    if not missing:
        assert device.missing is None
        return
    reason = "TensorFlow finds no GPU" if tf.test.is_built_with_cuda() else "is the CPU build"
    assert device.missing.startswith(f"CUDA_VISIBLE_DEVICES is {given}, but ")
    assert reason in device.missing

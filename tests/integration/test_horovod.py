"""Training through the real horovodrun: equal ranks, equal to one process, killed and resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from boostflow.io import read_json
from boostflow.jobs.models import Train
from boostflow.models.ucluster.block import UCluster
from support.ucluster_jets import SMALL, files, packed

pytestmark = pytest.mark.slow

TIMEOUT = 480


def environment(repository: Path) -> dict[str, str]:
    """That of a user whose environment is active."""
    tools = Path(sys.executable).parent
    return os.environ | {
        "PYTHONPATH": str(repository / "workflow"),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
    }


def launch(processes: int, repository: Path, log: Path, *command: str) -> subprocess.Popen:
    """Start `horovodrun -np processes python command`, output to `log`."""
    start = ["horovodrun", "-np", str(processes), "-H", f"localhost:{processes}"]
    with log.open("w") as out:
        return subprocess.Popen(
            [*start, "--gloo", sys.executable, *command],
            env=environment(repository),
            stdout=out,
            stderr=subprocess.STDOUT,
        )


def training(jets: Path, config: dict, folder: Path, processes: int = 2) -> list[str]:
    """The command line of a training, for a rank or, without horovodrun, for one that starts it."""
    block = UCluster(**config | {"processes": processes})
    job = Train(name="toy", model=block).write(folder)
    files = {"prepared": jets, "output": folder / "model", "checkpoint": folder / "checkpoint"}
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    return ["-m", "boostflow.cli", "train", job, *options]


@pytest.fixture(scope="module")
def checked(repository, tmp_path_factory) -> tuple[Path, dict, str]:
    """horovod_checks.py on three ranks: its folder, its figures, the output."""
    folder = tmp_path_factory.mktemp("ranks")
    packed(folder, UCluster(**SMALL), files(folder, 121))
    log = folder / "log"
    script = repository / "tests/integration/horovod_checks.py"
    process = launch(3, repository, log, str(script), str(folder))
    assert process.wait(TIMEOUT) == 0, log.read_text()[-3000:]
    return folder, read_json(folder / "checks.json"), log.read_text()


def test_gradients_are_those_of_one_process(checked):
    _, checks, _ = checked
    for name in ("plain", "batch_norm"):
        assert checks[f"{name}_gradients_pre"] < 1e-5
        assert checks[f"{name}_gradients_joint"] < 1e-5
        # The measure sees what an optimiser that does not reduce (Keras 3 with Horovod's) would do.
        assert checks[f"{name}_local_gradients"] > 1e-2


def test_the_loss_curve_is_that_of_one_process(checked):
    _, checks, _ = checked
    assert checks["plain_curve"] < 1e-3
    assert checks["batch_norm_curve"] < 1e-3


def test_all_ranks_end_with_the_same_weights(checked):
    folder, checks, _ = checked
    first, *others = (np.load(folder / f"rank{r}.npz") for r in range(checks["size"]))
    for other in others:
        for name in first.files:
            np.testing.assert_array_equal(first[name], other[name], err_msg=name)


def test_only_rank_0_writes(checked):
    folder, _, _ = checked
    assert (folder / "model0" / "model.npz").exists()
    assert not list(folder.glob("model[1-9]*")) and not list(folder.glob("checkpoint[1-9]*"))


def test_figures_are_those_of_all_ranks(checked):
    folder, checks, log = checked
    final = read_json(folder / "model0" / "metrics.json")["final"]
    assert final["processes"] == checks["size"]
    assert final["training_jets"] == 3 * 81
    assert len(read_json(folder / "model0" / "manifest.json")["devices"]) == checks["size"]
    assert log.count("toy: epoch 4/4") == 1


def stop_in_epoch(
    process: subprocess.Popen, log: Path, epoch: int, rank: int, how: signal.Signals
) -> tuple[float, psutil.Process]:
    """Kill or halt a rank after an epoch; seconds until the job has ended, and the rank."""
    end = time.monotonic() + TIMEOUT
    while f"epoch {epoch}/" not in log.read_text():
        assert process.poll() is None and time.monotonic() < end, log.read_text()[-3000:]
        time.sleep(0.05)
    victim = None
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            command = child.cmdline()
            found = child.environ().get("HOROVOD_RANK") == str(rank)
        except psutil.Error:
            continue
        if found and command and Path(command[0]).name.startswith("python"):
            child.send_signal(how)
            victim = child
    assert victim is not None
    start = time.monotonic()
    assert process.wait(150) != 0
    return time.monotonic() - start, victim


def assert_says_what_it_trains_on(log: str, manifest: dict) -> None:
    """One process that was given the first GPU: it names it, or says why it trains on the CPU."""
    lines = [line for line in log.splitlines() if "training on" in line or "train on" in line]
    assert len(lines) == 1
    if manifest["devices"] == ["CPU"]:
        assert "1 of 1 processes train on the CPU: CUDA_VISIBLE_DEVICES is 0, but " in lines[0]
    else:
        assert lines[0].endswith(f"training on {manifest['devices'][0]}")


def test_killed_trainings_resume_to_the_same_loss(repository, tmp_path):
    """Rank 0, then rank 1, then rank 0 again are lost at three different points.

    The reference runs on one process, so this is also two ranks against one.
    """
    config = SMALL | {"epochs": [3, 5], "batch": 32, "learning_rate": 5e-4}
    jets = packed(tmp_path, UCluster(**config), files(tmp_path, 400))
    whole = tmp_path / "whole"
    command = training(jets, config, whole, processes=1)
    alone = subprocess.run(
        [sys.executable, *command],
        env=environment(repository) | {"CUDA_VISIBLE_DEVICES": "0"},
        check=True,
        timeout=TIMEOUT,
        capture_output=True,
        text=True,
    )
    assert_says_what_it_trains_on(
        alone.stdout + alone.stderr, read_json(whole / "model" / "manifest.json")
    )
    killed = tmp_path / "killed"
    command = training(jets, config, killed)
    for i, (epoch, rank) in enumerate([(1, 0), (3, 1), (6, 0)]):
        log = tmp_path / f"log{i}"
        process = launch(2, repository, log, *command)
        seconds, _ = stop_in_epoch(process, log, epoch, rank, signal.SIGKILL)
        assert seconds < 60
        assert not (killed / "model").exists()
        # The other rank says why it ends, unless horovodrun has ended it before and says so.
        said = log.read_text()
        assert (
            f"rank {1 - rank}: another process of this training was killed" in said
            or f"The first process to do so was:\nProcess name: {rank}\n" in said
        )
        assert i == 0 or "resumed after epoch" in log.read_text()
    log = tmp_path / "last"
    assert launch(2, repository, log, *command).wait(TIMEOUT) == 0, log.read_text()[-3000:]
    assert "resumed after epoch" in log.read_text()
    results = [read_json(f / "model" / "metrics.json") for f in (whole, killed)]
    assert results[0]["history"]["epoch"] == results[1]["history"]["epoch"]
    for name in ("loss", "validation_loss"):
        assert abs(results[0]["final"][name] - results[1]["final"][name]) < 1e-3
    assert [p.name for p in (killed / "checkpoint").iterdir()] == ["tensorboard"]


@pytest.mark.parametrize("stuck", [0, 1])
def test_a_stuck_rank_ends_the_job(repository, tmp_path, stuck):
    """Alive, but it does nothing any more: Horovod alone would wait for ever."""
    config = SMALL | {"epochs": [3, 5000]}
    jets = packed(tmp_path, UCluster(**config))
    log = tmp_path / "log"
    process = launch(3, repository, log, *training(jets, config, tmp_path))
    seconds, rank = stop_in_epoch(process, log, 1, stuck, signal.SIGSTOP)
    assert seconds < 90
    lines = [line for line in log.read_text().splitlines() if "another process of this" in line]
    assert len(lines) == 1
    assert (
        f"rank {1 - stuck}: another process of this training was killed or has stalled" in lines[0]
    )
    assert not rank.is_running() or rank.status() == psutil.STATUS_ZOMBIE


def test_bad_input_ends_all_ranks_with_one_message(repository, tmp_path):
    jets = packed(tmp_path, UCluster(**SMALL), files(tmp_path, 60))
    (jets / "training-00000.particles").unlink()
    log = tmp_path / "log"
    process = launch(2, repository, log, *training(jets, SMALL, tmp_path))
    assert process.wait(TIMEOUT) != 0
    text = log.read_text()
    assert text.count("boostflow: error: ") == 1
    assert "training-00000.particles: missing" in text
    assert "File " not in text.split("boostflow: error: ")[0]
    assert not (tmp_path / "model").exists()

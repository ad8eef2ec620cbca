"""The loop on one process, with a learner that is no network."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from boostflow.errors import BoostflowError
from boostflow.io import read_json

tf = pytest.importorskip("tensorflow")

from boostflow.training import loop  # noqa: E402
from boostflow.training.data import Arrays  # noqa: E402
from boostflow.training.loop import Loop  # noqa: E402
from boostflow.training.ranks import Single  # noqa: E402
from boostflow.training.schedules import Halving  # noqa: E402
from boostflow.training.stopping import EarlyStopping  # noqa: E402
from support.learners import Line, LineBlock, points  # noqa: E402

LINES = r"straight: epoch {}/4 loss \d\.\d{{4}}, validation \d\.\d{{4}}, \d+ jets/s, \d+ s left"


def of(block: LineBlock, folder: Path | None = None, **options) -> Loop:
    return Loop(Line(block, Single(), **options), "straight", block, folder)


def values(learner: Line) -> list[np.ndarray]:
    return [v.numpy() for v in learner.variables]


def train(block: LineBlock, output: Path, checkpoint: Path | None = None, **options) -> Line:
    made = []

    def learner_of(ranks: Single) -> Line:
        made.append(Line(block, ranks, **options))
        return made[-1]

    source = output.parent / "source"
    source.write_text("numbers")
    loop.train(
        SimpleNamespace(name="straight", model=block),
        SimpleNamespace(output=output, checkpoint=checkpoint),
        learner_of,
        made_from=[source],
        packages=["numpy", "no-such-package"],
        ranks=options.get("ranks", Single()),
    )
    return made[-1]


def test_a_training_learns_and_leaves_a_whole_folder(tmp_path, capsys):
    block = LineBlock(epochs=4)
    learner = train(block, tmp_path / "model", tmp_path / "checkpoint")
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == [
        "line.json",
        "manifest.json",
        "metrics.json",
    ]
    metrics = read_json(tmp_path / "model/metrics.json")
    history, final = metrics["history"], metrics["final"]
    assert list(history) == [
        *("epoch", "learning_rate", "loss", "jets_per_second", "validation_loss")
    ]
    assert history["epoch"] == [0, 1, 2, 3]
    assert history["validation_loss"][3] < history["validation_loss"][0] / 2
    assert final["validation_loss"] == history["validation_loss"][3]
    assert (final["training_jets"], final["validation_jets"], final["processes"]) == (64, 21, 1)
    manifest = read_json(tmp_path / "model/manifest.json")
    assert manifest["dimensions"] == 2 and manifest["devices"] == ["CPU"]
    assert manifest["seconds"] == final["seconds"] > 0
    assert "numpy" in manifest["versions"]
    np.testing.assert_allclose(
        read_json(tmp_path / "model/line.json")[0], learner.network.variables[0].numpy()
    )
    # The checkpoint has done its duty, the figures for TensorBoard stay.
    assert [p.name for p in (tmp_path / "checkpoint").iterdir()] == ["tensorboard"]
    events = list((tmp_path / "checkpoint/tensorboard").iterdir())
    tags = {
        value.tag
        for event in tf.compat.v1.train.summary_iterator(str(events[0]))
        for value in event.summary.value
    }
    assert tags == set(history) - {"epoch"}
    lines = [line for line in capsys.readouterr().err.splitlines() if ": epoch " in line]
    assert len(lines) == 4
    for epoch, line in enumerate(lines, 1):
        assert re.fullmatch(LINES.format(epoch), line), line


def test_the_compiled_step_has_been_traced_once_and_nothing_of_it_is_kept():
    line = of(LineBlock())
    before = values(line.learner)
    line.warm_up()
    for a, b in zip(before, values(line.learner), strict=True):
        np.testing.assert_array_equal(a, b)
    line.run_epoch()
    assert line.learner.compiled.experimental_get_tracing_count() == 1
    assert int(line.learner.optimizer.iterations) == 6


def test_the_schedule_sets_the_rate_of_each_step():
    block = LineBlock(epochs=5)
    line = of(block, schedule=Halving(0.4))
    for _ in range(block.epochs):
        line.run_epoch()
    np.testing.assert_allclose(line.history["learning_rate"], 0.4 / 2.0 ** np.arange(5))


@pytest.mark.parametrize("stopping", [None, EarlyStopping(patience=9)])
def test_a_killed_training_continues_exactly(tmp_path, stopping):
    block = LineBlock(epochs=5)
    whole = of(block, tmp_path / "whole", early_stopping=stopping)
    whole.run()
    first = of(block, tmp_path / "killed", early_stopping=stopping)
    for _ in range(3):
        first.run_epoch()
        first.save(first.path)
    again = of(
        block.model_copy(update={"processes": 2}), tmp_path / "killed", early_stopping=stopping
    )
    again.run()
    assert again.history["epoch"] == [0, 1, 2, 3, 4]
    for name in ("loss", "validation_loss"):
        assert again.history[name] == whole.history[name]
    for a, b in zip(values(whole.learner), values(again.learner), strict=True):
        np.testing.assert_array_equal(a, b)
    assert again.best.keys() == whole.best.keys()


@pytest.mark.parametrize("damage", ["cut", "configuration", "data"])
def test_an_unusable_checkpoint_is_left_alone_with_a_word(tmp_path, caplog, damage):
    block = LineBlock(seed=9) if damage == "configuration" else LineBlock()
    data = points(64, 3) if damage == "data" else None
    first = of(block, tmp_path, training=data)
    first.run_epoch()
    first.save(first.path)
    if damage == "cut":
        first.path.write_bytes(first.path.read_bytes()[:200])
    second = of(LineBlock(), tmp_path)
    before = values(second.learner)
    second.resume(second.path)
    assert second.epoch == 0 and second.history == {}
    for a, b in zip(before, values(second.learner), strict=True):
        np.testing.assert_array_equal(a, b)
    assert ("damaged" if damage == "cut" else "another configuration") in caplog.text


class Scripted(Line):
    """Its validation loss is what a list says."""

    losses: tuple[float, ...] = ()

    def validate(self, epoch: int) -> np.ndarray:
        return np.array([self.losses[epoch], 1.0])


def test_early_stopping_goes_back_to_the_best_epoch(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "training")
    monkeypatch.setattr(Scripted, "losses", (5.0, 3.0, 4.0, 3.0, 3.5, 1.0))
    block = LineBlock(epochs=6)
    learner = Scripted(block, Single(), early_stopping=EarlyStopping(patience=3))
    line = Loop(learner, "straight", block, tmp_path)
    kept = {}

    class Watched(Loop):
        def run_epoch(self):
            record = super().run_epoch()
            kept[record["epoch"]] = values(self.learner)
            return record

    line.__class__ = Watched
    line.run()
    assert line.history["validation_loss"] == [5.0, 3.0, 4.0, 3.0, 3.5]
    for a, b in zip(values(learner), kept[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert "5 epochs, the best one was 2" in caplog.text
    line.write(tmp_path / "model", {"seconds": 1.0})
    assert read_json(tmp_path / "model/metrics.json")["final"]["epoch"] == 1
    assert not line.path.exists()


def test_a_training_that_was_killed_when_it_had_stopped_takes_the_best_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(Scripted, "losses", (1.0, 2.0, 2.0))
    block, stopping = LineBlock(epochs=3), EarlyStopping(patience=2)
    first = Loop(Scripted(block, Single(), early_stopping=stopping), "straight", block, tmp_path)
    first.run_epoch()
    best = values(first.learner)
    for _ in range(2):
        first.run_epoch()
    first.save(first.path)
    again = Loop(Scripted(block, Single(), early_stopping=stopping), "straight", block, tmp_path)
    again.run()
    assert again.epoch == 3
    for a, b in zip(values(again.learner), best, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("highest", "figures", "best", "ends"),
    [
        (False, [], -1, False),
        (False, [3.0, 2.0, 2.0], 1, False),
        (False, [3.0, 2.0, 2.0, 4.0], 1, True),
        (True, [0.5, 0.7, 0.6, 0.8], 3, False),
        (True, [0.7, 0.7, 0.6], 0, True),
    ],
)
def test_when_to_stop(highest, figures, best, ends):
    stopping = EarlyStopping(patience=2, figure="auc", highest=highest)
    assert stopping.best({"auc": figures}) == best
    assert stopping.ends({"auc": figures}) is ends


def test_a_diverged_training_is_reported():
    line = of(LineBlock())
    line.learner.network.variables[0].assign([[np.nan], [1.0]])
    with pytest.raises(
        BoostflowError, match=r"diverged in epoch 0: lower models\.straight\.learning_rate"
    ):
        line.run_epoch()


def test_more_ranks_than_units_in_a_batch_are_refused(tmp_path):
    class Many(Single):
        size = 11

    with pytest.raises(BoostflowError, match="11 processes share a batch of 10 jets"):
        loop.train(
            SimpleNamespace(name="straight", model=LineBlock()),
            SimpleNamespace(output=tmp_path / "model", checkpoint=None),
            lambda ranks: Line(LineBlock(), ranks),
            made_from=[],
            packages=[],
            ranks=Many(),
        )
    assert list(tmp_path.iterdir()) == []


def test_ranks_that_differ_are_found():
    class Other(Single):
        """Beside a rank with other weights."""

        size = 2

        def gather(self, rows):
            return np.concatenate([rows, rows + 1])

    with pytest.raises(RuntimeError, match="the weights of the ranks differ at the start"):
        Loop(Line(LineBlock(), Other()), "straight", LineBlock())


def test_arrays_tell_other_numbers_apart():
    x = np.arange(6.0).reshape(3, 2)
    assert Arrays(x).digest == Arrays(x.copy()).digest != Arrays(x + 1).digest

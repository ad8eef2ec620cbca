"""The packed jets of classifiers of constituents: what is written is what a training gets."""

from __future__ import annotations

import shutil
import tracemalloc
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.load import load
from boostflow.constituents import shards
from boostflow.errors import BoostflowError
from boostflow.io import read_json, read_parquet, write_json, write_parquet
from boostflow.jobs.models import Prepare
from boostflow.models import packed
from boostflow.models.family import families
from boostflow.models.networks import PARTICLES, TaggerBlock
from boostflow.models.tabular import read, weights
from boostflow.training.data import shuffled
from boostflow.training.ranks import Single
from support import conformance

READERS = [kind for kind, family in families().items() if issubclass(family.block, TaggerBlock)]
TAGGERS = [kind for kind in READERS if families()[kind].inputs == ".packed"]
"""Families that read padded features and a mask."""
KEYS = {
    "particles": ["log_pt_rel", "eta_rel", "phi_rel"],
    "constituents": 20,
    "observables": ["mass", "tau21"],
    "planing": {"mass": "mass", "range": [50, 200]},
    "bootstrap": 5,
}


def block(**keys: object) -> TaggerBlock:
    return families()[TAGGERS[0]].block(**KEYS | keys)  # type: ignore[return-value]


def write(inputs: list[Path], folder: Path, config: TaggerBlock) -> Path:
    packed.prepare(Prepare(model=config), Prepare.Files(jets=inputs, prepared=folder))
    return folder


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Jets of three classes, some of which have none."""
    folder = tmp_path_factory.mktemp("jets")
    paths = conformance.jets(folder)
    rows = read_parquet(paths[0])
    names = np.where(np.arange(len(rows)) % 9 == 0, "unmatched", "top")
    write_parquet(paths[0], ak.with_field(rows, ak.Array(names.tolist()), "label"))
    return paths


@pytest.mark.parametrize("size", [8192, 20])
def test_a_training_gets_the_labelled_jets_of_its_split(
    inputs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(shards, "SHARD", size)
    monkeypatch.setattr(shards, "CHUNK", 33)
    config = block()
    training, validation = packed.read(write(inputs, tmp_path / "packed", config), config)
    assert (len(training.shards) > 1) == (size == 20)
    rows = read(inputs, ["mass", "tau21"], False, config.planing)
    for jets, code, where in ((training, 0, "train"), (validation, 1, "validation")):
        chosen = (rows.split == code) & rows.labelled
        assert len(jets) == chosen.sum() and jets.classes == rows.classes
        particles, mask, observables, y, weight = jets.batch(np.arange(len(jets)))
        at = jets.jets["row"]
        np.testing.assert_array_equal(np.sort(at), np.flatnonzero(chosen))
        np.testing.assert_array_equal(observables, rows.x[at])
        # By the mass, which tells them apart: shards have changed the order.
        mine, its = np.argsort(observables[:, 0]), np.argsort(rows.x[chosen][:, 0])
        np.testing.assert_array_equal(observables[mine], rows.x[chosen][its])
        np.testing.assert_array_equal(y[mine], rows.y[chosen][its])
        wanted = weights(rows, chosen, config, where)
        np.testing.assert_allclose(weight[mine], wanted[its], rtol=1e-5)
        assert particles.shape[1] == mask.sum(1).max() == 20
        assert (particles[mask == 0] == 0).all() and (np.diff(particles[..., 0], axis=1) <= 0)[
            mask[:, 1:] == 1
        ].all()


@pytest.mark.parametrize("kind", READERS)
def test_a_batch_has_the_shapes_that_the_family_says(
    inputs: list[Path], tmp_path: Path, kind: str
) -> None:
    small = conformance.small(families()[kind])
    config = small.varied({"observables": ["mass", "tau21"]})
    assert isinstance(config, TaggerBlock)
    training, _ = packed.read(write(inputs, tmp_path / "packed", config), config)
    told = packed.specified(config)
    assert list(told)[-1] == "observables"
    for rows in (np.arange(20), np.array([3])):
        *given, y, weight = training.batch(rows)
        assert y.shape == weight.shape == (len(rows),)
        for values, (name, (shape, kind_of)) in zip(given, told.items(), strict=True):
            assert values.dtype == kind_of and values.shape[0] == len(rows), name
            sizes = zip(values.shape[1:], shape, strict=True)
            assert all(size == wanted for size, wanted in sizes if wanted is not None), name
        for values, spec in zip((*given, y, weight), training.signature, strict=True):
            assert spec.shape.is_compatible_with(values.shape)
            assert spec.dtype.as_numpy_dtype == values.dtype


def repeated(folder: Path, times: int, output: Path) -> Path:
    """Packed jets again and again, in as many more shards."""
    output.mkdir()
    index = read_json(folder / shards.INDEX)
    for name, split in index["splits"].items():
        for number in range(times * len(split["jets"])):
            for kind in ("particles", "jets"):
                file = folder / f"{name}-{number % len(split['jets']):05d}.{kind}"
                shutil.copy(file, output / f"{name}-{number:05d}.{kind}")
        split |= {"jets": split["jets"] * times, "particles": split["particles"] * times}
    write_json(output / shards.INDEX, index)
    return output


def test_memory_is_flat_in_the_number_of_jets(
    inputs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few numbers of each jet are held, and an epoch needs what two shards and a batch do."""
    monkeypatch.setattr(shards, "SHARD", 40)
    config = block()
    once = write(inputs, tmp_path / "once", config)
    jets, held, epoch = [], [], []
    for folder in (once, repeated(once, 6, tmp_path / "more")):
        tracemalloc.start()
        training, _ = packed.read(folder, config)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for rows in shuffled(training.shards, 16, 1, 0):
            training.batch(rows)
        jets.append(len(training))
        held.append(before)
        epoch.append(tracemalloc.get_traced_memory()[1] - before)
        tracemalloc.stop()
    assert jets[1] == 6 * jets[0]
    assert (held[1] - held[0]) / (jets[1] - jets[0]) < 200
    assert epoch[1] < 1.5 * epoch[0]


def test_batches_are_dealt_out_whole(inputs: list[Path], tmp_path: Path) -> None:
    config = block()
    training, _ = packed.read(write(inputs, tmp_path / "packed", config), config)
    seen = [batch[2].numpy() for batch in training.batches(32, 1, 0, Single())]
    assert {len(x) for x in seen} == {32} and len(seen) == len(training) // 32
    shared = np.concatenate([batch[2] for batch in training.share(50, Single())])
    np.testing.assert_array_equal(shared, training.observables)
    assert {tuple(x) for x in np.concatenate(seen)} <= {tuple(x) for x in shared}


TURNED = {"set": True, "graph": True, "recursive": True, "sequence": True, "image": False}


@pytest.mark.parametrize("kind", READERS)
def test_jets_are_turned_where_their_constituents_have_a_side(kind: str) -> None:
    """Images are turned upright already; tracks have impact parameters, which know a direction."""
    family = families()[kind].block
    assert family().turns() == TURNED[kind]  # type: ignore[attr-defined]
    assert not family(turned=False).turns()  # type: ignore[attr-defined]
    tracks = {"collection": "tracks", "particles": ["sip", *PARTICLES]}
    if kind == "image":
        assert family(rotate=False).turns()  # type: ignore[attr-defined]
    else:
        for other in (
            tracks,
            {"particles": ["log_pt"]},
            {"particles": [*PARTICLES, "cos_theta_rel"]},
        ):
            assert not family(**other).turns()  # type: ignore[attr-defined]


def test_a_training_turns_jets_and_its_validation_does_not(
    inputs: list[Path], tmp_path: Path
) -> None:
    """Alike on any number of ranks; what a jet has beside its directions stays."""
    folder = write(inputs, tmp_path / "packed", block())
    epochs = {}
    for turned in (True, False):
        training, validation = packed.read(folder, block(turned=turned))
        for epoch in (0, 1):
            epochs[turned, epoch] = [
                x.numpy() for x in next(iter(training.batches(1000, 1, epoch, Single())))
            ]
    (straight, *rest), (one, *same) = epochs[False, 0], epochs[True, 0]
    for before, after in zip(rest, same, strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(straight[..., 0], one[..., 0])
    np.testing.assert_allclose(
        np.hypot(*np.moveaxis(straight[..., 1:], -1, 0)),
        np.hypot(*np.moveaxis(one[..., 1:], -1, 0)),
        atol=1e-5,
    )
    assert not np.allclose(straight, one, atol=0.01)
    turned = block(turned=True)
    training, validation = packed.read(folder, turned)
    half = [type("Rank", (), {"rank": rank, "size": 2})() for rank in (0, 1)]
    parts = [next(iter(training.batches(1000, 1, 0, rank))) for rank in half]
    order = np.argsort(one[:, 0, 1])
    shared = np.concatenate([x[0][:, 0, 1] for x in parts])
    np.testing.assert_array_equal(np.sort(shared), one[order, 0, 1])
    for straight in (validation, packed.read(folder, block(turned=False))[1]):
        first = next(iter(straight.share(1000, Single())))
        np.testing.assert_array_equal(first[0], validation.batch(np.arange(len(validation)))[0])


def test_models_share_what_is_packed_alike() -> None:
    one = block()
    assert one.prepared_name() == block(seed=5, epochs=3, planing={"mass": "mass"}).prepared_name()
    others = [
        block(particles=["log_pt"]),
        block(constituents=10),
        block(observables=[]),
        block(planing=None),
    ]
    assert len({b.prepared_name() for b in [one, *others]}) == 5
    for other in [one, *others]:
        again = type(other).model_validate(other.prepared())
        assert again.packing() == other.packing()
    names = {families()[kind].block(**KEYS).prepared_name() for kind in TAGGERS}  # type: ignore[attr-defined]
    assert names == {one.prepared_name()}


def test_other_settings_and_damage_are_named(inputs: list[Path], tmp_path: Path) -> None:
    folder = write(inputs, tmp_path / "packed", block())
    with pytest.raises(BoostflowError, match=r"packed with other settings \(layout\)"):
        packed.read(folder, block(constituents=10))
    (folder / "training-00000.jets").write_bytes(b"")
    with pytest.raises(BoostflowError, match="has 0 bytes instead of"):
        packed.read(folder, block())


def test_one_class_is_too_few(inputs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(BoostflowError, match="needs at least two classes, the jets have w"):
        write(inputs[1:2], tmp_path / "packed", block())
    assert not (tmp_path / "packed").exists()


def test_a_class_without_training_jets_is_named(inputs: list[Path], tmp_path: Path) -> None:
    rows = read_parquet(inputs[1])
    write_parquet(tmp_path / "w.parquet", rows[np.asarray(rows.split) != 0])
    folder = write([tmp_path / "w.parquet", inputs[2]], tmp_path / "packed", block())
    with pytest.raises(BoostflowError, match="no jets of class w in the train split"):
        packed.read(folder, block())


@pytest.mark.parametrize(
    ("column", "message"),
    [("pf_pt", "no column pf_pt"), ("tau21", "no column tau21")],
)
def test_missing_columns_are_named(
    inputs: list[Path], tmp_path: Path, column: str, message: str
) -> None:
    write_parquet(tmp_path / "w.parquet", ak.without_field(read_parquet(inputs[1]), column))
    with pytest.raises(BoostflowError, match=message):
        write([tmp_path / "w.parquet", inputs[2]], tmp_path / "packed", block())


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"particles": ["log_ptt"]}, "models.net.particles: unknown feature of a particle"),
        ({"particles": ["log_pt", "log_pt"]}, "models.net.particles: a name is listed twice"),
        ({"observables": ["masss"]}, "models.net.observables: unknown observable 'masss'"),
        (
            {"turned": True, "particles": ["log_pt"]},
            "models.net.turned: jets are turned by eta_rel and phi_rel",
        ),
        (
            {"particles": []},
            r"models.net.particles: List should have at least 1|particles.*least 1",
        ),
    ],
)
def test_what_a_block_may_not_say(keys: dict, message: str, repository: Path) -> None:
    with pytest.raises(BoostflowError, match=message):
        load({"models": {"net": {"kind": TAGGERS[0], **keys}}, "infer": None}, repository)

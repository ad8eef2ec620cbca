"""UCluster's network, losses and training on one process."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from boostflow.constituents.packing import Packed
from boostflow.errors import BoostflowError
from boostflow.io import read_json, write_parquet
from boostflow.jobs.models import Scoring
from boostflow.models import table
from boostflow.models.score import score
from boostflow.models.ucluster import features, store
from boostflow.models.ucluster.batch import gather
from boostflow.models.ucluster.block import UCluster
from boostflow.plots.names import model_plots
from support.judging import evaluate, judged
from support.models import train
from support.ucluster_jets import SMALL, files, jets
from support.ucluster_jets import packed as pack_files

tf = pytest.importorskip("tensorflow")

from boostflow.models.ucluster import losses  # noqa: E402
from boostflow.models.ucluster.network import Network, graph, nearest  # noqa: E402
from boostflow.models.ucluster.train import UClusterLearner  # noqa: E402
from boostflow.training import checkpoint  # noqa: E402
from boostflow.training.loop import Loop  # noqa: E402
from boostflow.training.ranks import Single  # noqa: E402

KINDS = {
    "default": UCluster(),
    "paper": UCluster(preset="paper", attention=[4, 6], hidden=[[8], [8]], head=[8]),
}


@pytest.fixture(scope="module")
def packed() -> dict[int, features.Packed]:
    """Toy jets by the number of neighbours."""
    sample = ak.concatenate([jets("top", 6, 1, (20, 40)), jets("w", 6, 2, (3, 12))])
    return {k: features.layout(100, k).pack(sample, "toy") for k in (4, 6, 10)}


def embed(network: Network, packed: features.Packed, rows: list[int]) -> np.ndarray:
    return network(graph(gather(packed, np.array(rows))), training=False)[0].numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_other_jets_in_the_batch_have_no_influence(kind, packed):
    """Nothing is padded; a larger jet beside it, which would force padding, changes nothing."""
    config = KINDS[kind]
    network = Network(config, [5] * len(config.views), Single())
    jet = packed[config.neighbours]
    together = embed(network, jet, list(range(12)))
    for row in (0, 7, 11):
        np.testing.assert_allclose(embed(network, jet, [row])[0], together[row], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_order_of_the_constituents_does_not_matter(kind):
    config = KINDS[kind]
    network = Network(config, [5] * len(config.views), Single())
    sample = jets("top", 4, 1)
    rng = np.random.default_rng(1)
    order = ak.Array([rng.permutation(n) for n in ak.num(sample.pf_pt)])
    shuffled = sample
    for name in ("pf_pt", "pf_eta", "pf_phi", "pf_mass"):
        shuffled = ak.with_field(shuffled, sample[name][order], name)

    def pack(rows: ak.Array) -> Packed:
        # Undo the ordering by pT, which would make this trivial.
        whole = features.layout(100, config.neighbours).pack(rows, "toy")
        places = np.concatenate([rng.permutation(n) for n in whole.counts])
        first = np.repeat(np.cumsum(whole.counts) - whole.counts, whole.counts)
        back = np.empty_like(places)
        back[places + first] = np.arange(len(places)) - first
        particles = whole.particles.copy()
        particles["neighbours"] = back[whole.neighbours + first[:, None]]
        return Packed(particles[places + first], whole.counts)

    np.testing.assert_allclose(
        embed(network, pack(sample), [0, 1, 2, 3]),
        embed(network, pack(shuffled), [0, 1, 2, 3]),
        rtol=1e-5,
        atol=1e-5,
    )


def test_neighbours_in_feature_space_are_the_nearest_of_the_same_jet():
    rng = np.random.default_rng(1)
    counts = np.array([5, 2, 9], np.int32)
    x = rng.normal(size=(16, 3)).astype(np.float32)
    jet = np.repeat(np.arange(3), counts).astype(np.int32)
    starts = (np.cumsum(counts) - counts).astype(np.int32)
    found = nearest(*map(tf.constant, (x, jet, starts, counts)), 4).numpy()
    for i in range(16):
        mine = np.flatnonzero(jet == jet[i])
        d = ((x[mine] - x[i]) ** 2).sum(1)
        wanted = list(mine[np.argsort(d)][:4])
        wanted += [i] * (4 - len(wanted))
        assert found[i, 0] == i
        assert sorted(found[i]) == sorted(wanted)


def test_the_published_network_has_its_size():
    network = Network(UCluster(preset="paper"), [20], Single())
    size = sum(int(np.prod(v.shape)) for v in network.trainable_variables)
    # With the 3 x 3 centroids 186,210; the published count of 186,211 has a step counter besides.
    assert size == 186_201


def test_both_ways_of_batch_normalisation_agree(packed):
    class Two(Single):
        """Says it is one of two, so that the moments are added up by hand; alone all the same."""

        size = 2

    config = KINDS["paper"]
    results = []
    for ranks in (Single(), Two()):
        tf.keras.utils.set_random_seed(1)
        network = Network(config, [5], ranks)
        inputs = graph(gather(packed[config.neighbours], np.arange(12)))
        with tf.GradientTape() as tape:
            embedding, logits = network(inputs, training=True)
            loss = tf.reduce_sum(embedding**2) + tf.reduce_sum(logits[0] ** 2)
        gradients = tape.gradient(loss, [v.value for v in network.trainable_variables])
        results.append((embedding.numpy(), [g.numpy() for g in gradients]))
        averages = [v.numpy() for v in network.non_trainable_variables]
        results[-1] += (averages,)
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-4, atol=1e-5)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * max(1, np.abs(a).max()))


def test_focal_loss_is_cross_entropy_without_gamma_and_smaller_with():
    logits = tf.constant([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    labels = tf.constant([0, 2])
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    right = p[[0, 1], [0, 2]]
    np.testing.assert_allclose(losses.focal(logits, labels, 0.0), -np.log(right).sum(), rtol=1e-6)
    wanted = -((1 - right) ** 4 * np.log(right)).sum()
    np.testing.assert_allclose(losses.focal(logits, labels, 4.0), wanted, rtol=1e-5)


def test_kmeans_loss_pulls_to_the_nearest_centroid():
    centroids = tf.constant([[0.0, 0.0], [4.0, 0.0]])
    point = tf.Variable([[1.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = losses.kmeans(losses.squared_distances(point, centroids), tf.constant(2.0))
    assert abs(float(loss) - 1) < 1e-3
    assert tape.gradient(loss, point)[0, 0] > 0  # downhill is towards 0, the nearest


def test_assignment_loss_is_least_where_the_assignment_is_the_posterior():
    posterior = np.array([[0.7, 0.2, 0.1]], np.float32)
    joint = tf.constant(np.log(posterior))
    alpha = tf.constant(2.0)
    entropy = -(posterior * np.log(posterior)).sum()
    there = losses.assignment(-joint / alpha, alpha, joint)
    np.testing.assert_allclose(there, entropy, rtol=1e-5)
    assert losses.assignment(tf.constant([[0.0, 0.1, 0.2]]), alpha, joint) > entropy


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small training: its folder, model and history."""
    folder = tmp_path_factory.mktemp("trained")
    inputs = files(folder)
    config = UCluster(**SMALL)
    train([], config, folder / "model", prepared=pack_files(folder, config, inputs))
    return folder, inputs, config, read_json(folder / "model" / "metrics.json")


def test_training_learns_and_records(trained):
    folder, _, _, metrics = trained
    history = metrics["history"]
    assert history["epoch"] == [0, 1, 2, 3]
    assert history["alpha"] == [0, 0, 1.0, 1.1]
    assert history["pretext_loss"][-1] < history["pretext_loss"][0]
    assert history["cluster_loss"][:2] == [0, 0] and min(history["cluster_loss"][2:]) > 0
    assert {p.name for p in (folder / "model").iterdir()} == {
        "model.npz",
        "model.onnx",
        "model.keras",
        "metrics.json",
        "manifest.json",
    }
    assert read_json(folder / "model" / "manifest.json")["kind"] == "ucluster"


def test_the_same_seed_gives_the_same_model_and_no_class_label_takes_part(trained):
    folder, inputs, config, _ = trained
    (folder / "blind").mkdir()
    blind = []
    for path in inputs:
        rows = ak.from_parquet(path)
        blind.append(folder / "blind" / path.name)
        ak.to_parquet(ak.with_field(rows, np.full(len(rows), "w"), "label"), blind[-1])
    train([], config, folder / "again", prepared=pack_files(folder / "blind", config, blind))
    models = [checkpoint.read(folder / n / "model.npz")[1] for n in ("model", "again")]
    for name, values in models[0].items():
        np.testing.assert_array_equal(values, models[1][name], err_msg=name)


def test_another_seed_starts_elsewhere(trained):
    kernels = [start(trained, seed=s).network.blocks[0].node.kernel.numpy() for s in (1, 2)]
    assert (kernels[0] != kernels[1]).all()


def test_scores_of_a_model(trained):
    folder, inputs, config, _ = trained
    sample = ak.from_parquet(inputs[0])
    columns = score(folder / "model", sample)
    names = ["cluster", "mass_bin", *(f"dist_{k}" for k in range(3))]
    assert list(columns) == [*names, *(f"emb_{i}" for i in range(config.embedding))]
    assert {len(c) for c in columns.values()} == {len(sample)}
    distances = np.stack([columns[f"dist_{k}"] for k in range(3)], 1)
    assert (columns["cluster"] == distances.argmin(1)).all() and distances.min() >= 0
    assert columns["cluster"].dtype == np.int16 and columns["mass_bin"].dtype == np.int16
    alone = score(folder / "model", sample[5:6])
    np.testing.assert_allclose(alone["emb_0"], columns["emb_0"][5:6], rtol=1e-4, atol=1e-5)


def test_jets_that_cannot_be_scored_are_marked(trained):
    folder, inputs, _, _ = trained
    sample = ak.from_parquet(inputs[0])[:3]
    pt = ak.to_list(sample.pf_pt)
    pt[1][0] = np.nan
    columns = score(folder / "model", ak.with_field(sample, ak.Array(pt), "pf_pt"))
    assert columns["cluster"][1] == -1 and columns["mass_bin"][1] == -1
    assert np.isnan(columns["dist_0"][1]) and np.isnan(columns["emb_0"][1])
    assert (columns["cluster"][[0, 2]] >= 0).all()
    assert all(len(c) == 0 for c in score(folder / "model", sample[:0]).values())
    with pytest.raises(BoostflowError, match="no column pf_mass"):
        score(folder / "model", sample[["pf_pt", "pf_eta", "pf_phi", "pt", "eta", "phi", "mass"]])


def test_a_damaged_model_is_named(trained, tmp_path):
    folder, inputs, _, _ = trained
    whole = (folder / "model" / "model.npz").read_bytes()
    (tmp_path / "model.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BoostflowError, match="damaged"):
        score(tmp_path, ak.from_parquet(inputs[0]))


def test_the_evaluation_shows_what_the_network_sees(trained, tmp_path):
    folder, inputs, _, _ = trained
    selected = {path.stem: tmp_path / path.name for path in inputs}
    for path in inputs:
        rows = ak.from_parquet(path)
        n = np.arange(len(rows))
        rows["event_id"], rows["jet_index"] = n.astype(np.uint64), np.zeros(len(n), np.int16)
        rows["split"], rows["weight"] = (n % 3).astype(np.int8), np.ones(len(n))
        rows["candidate"] = n >= 0
        write_parquet(selected[path.stem], rows)
    config = UCluster(**SMALL)
    of = judged("ucluster", ["top", "w", "z"], **SMALL)
    table.run(
        Scoring(samples=list(selected), scores=of.scores),
        Scoring.Files(
            model=folder / "model",
            jets=list(selected.values()),
            scores=tmp_path / "scores.parquet",
        ),
    )
    for name in ("first", "again"):
        evaluate(
            jets=list(selected.values()),
            scores=tmp_path / "scores.parquet",
            model=folder / "model",
            figures=tmp_path / "figures.json",
            plots=tmp_path / name,
            name="ucluster",
            judged=of,
            own_plots=list(config.own_plots()),
        )
    assert {path.stem for path in (tmp_path / "first").iterdir()} == set(model_plots(config))
    first, again = ((tmp_path / n / "attention.png").read_bytes() for n in ("first", "again"))
    assert first == again


def start(trained, **changes) -> UClusterLearner:
    folder, _, config, _ = trained
    config = UCluster(**(config.model_dump() | changes))
    return UClusterLearner(config, *store.read(folder / "packed", config), Single())


def test_resuming_continues_exactly(trained, tmp_path):
    first = start(trained)
    loop = Loop(first, "ucluster", first.config, tmp_path)
    for epoch in range(3):
        record = loop.run_epoch()
        if epoch == 1:
            loop.save(loop.path)
    second = start(trained)
    again = Loop(second, "ucluster", second.config, tmp_path)
    again.resume(again.path)
    assert again.epoch == 2
    repeated = again.run_epoch()
    assert repeated["loss"] == record["loss"]
    assert repeated["validation_loss"] == record["validation_loss"]


def test_compiling_before_the_clock_changes_nothing(trained):
    learner = start(trained)
    loop = Loop(learner, "ucluster", learner.config)
    before = [v.numpy() for v in learner.variables]
    loop.warm_up()
    for value, variable in zip(before, learner.variables, strict=True):
        np.testing.assert_array_equal(value, variable.numpy(), err_msg=variable.path)
    counts = {joint: step.experimental_get_tracing_count() for joint, step in learner.steps.items()}
    assert counts == {False: 1, True: 1}


def test_an_empty_mass_bin_is_harmless(trained):
    learner = start(trained, binning="linear", bins=40, epochs=[1, 1])
    assert (np.bincount(learner.labels[id(learner.training)][:, 0], minlength=39) == 0).any()
    loop = Loop(learner, "ucluster", learner.config)
    for _ in range(2):
        assert np.isfinite(loop.run_epoch()["loss"])

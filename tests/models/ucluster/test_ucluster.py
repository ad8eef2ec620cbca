"""UCluster without TensorFlow: features, labels, batches, clustering, schedules."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from pydantic import ValidationError

from boostflow.constituents import shards as constituent_shards
from boostflow.errors import BoostflowError
from boostflow.models.ucluster import clustering, features, pretext, schedule, store
from boostflow.models.ucluster.batch import gather, leading_pairs
from boostflow.models.ucluster.block import UCluster
from boostflow.training.data import in_order
from support.ucluster_jets import SMALL, files, jets, packed


def test_light_cone_momenta_give_the_jet_mass():
    sample = jets("top", 20, seed=3)
    packed = features.layout(100, 4).pack(sample, "toy")
    first = np.concatenate([[0], np.cumsum(packed.counts)[:-1]])
    plus, minus, x, y = 100 * np.add.reduceat(packed.momenta.astype(float), first).T
    mass = np.sqrt(plus * minus - x**2 - y**2)
    np.testing.assert_allclose(mass, ak.to_numpy(sample.mass), rtol=2e-3)


def test_features_are_those_of_the_published_model():
    one = ak.zip(
        {
            "pf_pt": [[200.0, 100.0]],
            "pf_eta": [[0.5, 0.7]],
            "pf_phi": [[3.1, -3.1]],
            "pf_mass": [[0.0, 0.0]],
            "pt": [300.0],
            "eta": [0.5],
            "phi": [3.1],
            "mass": [50.0],
        },
        depth_limit=1,
    )
    packed = features.layout(10, 2).pack(one, "toy")
    named = dict(zip(features.FEATURES, packed.features.T, strict=True))
    d_phi = 2 * np.pi - 6.2
    np.testing.assert_allclose(named["eta_rel"], [0, 0.2], atol=1e-6)
    np.testing.assert_allclose(named["phi_rel"], [0, d_phi], atol=1e-6)
    np.testing.assert_allclose(named["delta_r"], [0, np.hypot(0.2, d_phi)], atol=1e-6)
    np.testing.assert_allclose(named["log_pt"], np.log([200, 100]), rtol=1e-6)
    np.testing.assert_allclose(named["log_pt_rel"], np.log([2 / 3, 1 / 3]), rtol=1e-6)
    np.testing.assert_allclose(
        named["log_e"], np.log([200 * np.cosh(0.5), 100 * np.cosh(0.7)]), rtol=1e-6
    )
    local = [200 / 300, 100 / 300] if np.hypot(0.2, d_phi) > 0.2 else [1.0, 1.0]
    np.testing.assert_allclose(named["log_local_pt"], np.log(local), rtol=1e-6)
    theta = 2 * np.arctan(np.exp(-np.array([0.5, 0.7])))
    np.testing.assert_allclose(named["cos_theta_rel"], np.cos(theta - theta[0]), rtol=1e-6)


def test_the_pt_around_a_particle():
    sample = jets("top", 5, seed=4)
    found = np.exp(features.layout(100, 4).pack(sample, "toy").features[:, 8])
    start = 0
    for jet in sample:
        pt, eta, phi = (ak.to_numpy(jet[f"pf_{n}"]).astype(float) for n in ("pt", "eta", "phi"))
        away = np.hypot(eta[:, None] - eta, np.angle(np.exp(1j * (phi[:, None] - phi))))
        order = np.argsort(-pt, kind="stable")
        wanted = ((away < 0.2) * pt).sum(1)[order] / jet.pt
        assert np.ptp(wanted) > 0.01
        np.testing.assert_allclose(found[start : start + len(pt)], wanted, rtol=1e-4)
        start += len(pt)


def test_neighbours_are_the_nearest_and_oneself_first():
    sample = jets("w", 5, seed=1)
    k = 5
    packed = features.layout(100, k).pack(sample, "toy")
    start = 0
    for n in packed.counts:
        eta, phi = packed.features[start : start + n, :2].T.astype(float)
        d = (eta[:, None] - eta) ** 2 + (phi[:, None] - phi) ** 2
        np.fill_diagonal(d, -1)
        found = packed.neighbours[start : start + n]
        assert (found[:, 0] == np.arange(n)).all()
        np.testing.assert_allclose(
            np.take_along_axis(d, found.astype(int), 1), np.sort(d, axis=1)[:, :k], atol=1e-6
        )
        start += n


def test_a_small_jet_has_itself_for_missing_neighbours():
    packed = features.layout(100, 4).pack(jets("w", 3, seed=1, size=(2, 3)), "toy")
    assert packed.neighbours[:2].tolist() == [[0, 1, 0, 0], [1, 0, 1, 1]]


def test_constituents_are_cut_by_pt():
    sample = jets("w", 4, seed=1)
    packed = features.layout(5, 2).pack(sample, "toy")
    assert packed.counts.tolist() == [5] * 4
    hardest = ak.flatten(ak.sort(sample.pf_pt, ascending=False)[:, :5])
    np.testing.assert_allclose(packed.features[:, 6], np.log(hardest), rtol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_bad_momentum_is_named(value):
    sample = jets("w", 3, seed=1)
    pt = ak.to_list(sample.pf_pt)
    pt[1][0] = value
    with pytest.raises(BoostflowError, match=r"toy: 1 jets have constituents with a NaN"):
        features.layout(100, 4).pack(ak.with_field(sample, ak.Array(pt), "pf_pt"), "toy")


def test_a_jet_without_constituents_is_named():
    sample = jets("w", 3, seed=1)
    for name in ("pf_pt", "pf_eta", "pf_phi", "pf_mass"):
        lists = ak.to_list(sample[name])
        lists[2] = []
        sample = ak.with_field(sample, ak.values_astype(ak.Array(lists), np.float32), name)
    with pytest.raises(BoostflowError, match=r"toy: 1 jets have no constituents"):
        features.layout(100, 4).pack(sample, "toy")


def test_missing_columns_are_named(tmp_path):
    paths = files(tmp_path, 30)
    rows = ak.from_parquet(paths[0])
    ak.to_parquet(rows[[f for f in rows.fields if not f.startswith("pf_")]], paths[0])
    with pytest.raises(BoostflowError, match=r"w\.parquet: no column pf_pt"):
        packed(tmp_path, UCluster(**SMALL), paths)
    with pytest.raises(BoostflowError, match=r"gone\.parquet: no such file"):
        packed(tmp_path, UCluster(**SMALL), [tmp_path / "gone.parquet"])
    assert not list(tmp_path.glob("*packed*"))


@pytest.mark.parametrize(
    ("column", "split"), [("msoftdrop", 1), ("mtrimmed", 0), ("pt", 1), ("mass", 0)]
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_jet_that_is_not_finite_is_named(tmp_path, column, split, value):
    paths = files(tmp_path, 30)
    rows = ak.from_parquet(paths[1])
    values = ak.to_numpy(rows[column]).copy()
    values[np.flatnonzero(np.asarray(rows.split) == split)[2]] = value
    ak.to_parquet(ak.with_field(rows, values, column), paths[1])
    with pytest.raises(BoostflowError, match=rf"z\.parquet: 1 jets whose {column} is NaN or inf"):
        packed(tmp_path, UCluster(**SMALL), paths)


def test_too_few_jets_are_named(tmp_path):
    config = UCluster(**SMALL)
    folder = packed(tmp_path, config, files(tmp_path, 3)[:1])
    with pytest.raises(BoostflowError, match=r"2 training jets .* for 3 clusters"):
        store.read(folder, config)


def test_jets_outside_the_window_do_not_train(tmp_path):
    config = UCluster(**SMALL, mass=[10, 120])
    training, validation = store.read(packed(tmp_path, config, files(tmp_path, 30)), config)
    for part in (training, validation):
        assert part.masses[:, 0].max() < 120
    assert len(training) == 2 * 20


def test_quantile_bins_hold_equally_many_and_linear_bins_are_published_ones():
    mass = np.random.default_rng(1).gamma(4, 25, 10_000)
    inner = pretext.edges(mass, 20, "quantile", 200)
    assert np.ptp(np.bincount(pretext.labels(mass, inner))) <= 2
    linear = pretext.edges(mass, 20, "linear", 200)
    width = 200 / 19
    assert pretext.labels(
        np.array([0, width - 0.01, width + 0.01, 199.9, 500]), linear
    ).tolist() == [
        0,
        0,
        1,
        18,
        18,
    ]


def test_repeated_masses_make_fewer_bins_and_equal_ones_an_error():
    mass = np.concatenate([np.full(500, 80.0), np.linspace(10, 200, 500)])
    assert len(pretext.edges(mass, 20, "quantile", 200)) < 19
    with pytest.raises(BoostflowError, match="same mass"):
        pretext.edges(np.full(100, 80.0), 20, "quantile", 200)
    with pytest.raises(BoostflowError, match="NaN"):
        pretext.edges(np.array([1.0, np.nan]), 20, "quantile", 200)


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> dict[int, store.Jets]:
    """Training jets of the same tables in one shard, and in several; by the number of shards."""
    folder = tmp_path_factory.mktemp("shards")
    config, found = UCluster(**SMALL), {}
    inputs = files(folder, 75)
    with pytest.MonkeyPatch.context() as patch:
        for size, name in ((8192, "one"), (40, "several")):
            patch.setattr(constituent_shards, "SHARD", size)
            patch.setattr(constituent_shards, "CHUNK", 33)
            training, _ = store.read(packed(folder / name, config, inputs), config)
            found[len(training.shards)] = training
    return found


def test_shards_hold_every_jet_once_and_all_samples(shards):
    one, several = shards.values()
    assert list(shards) == [1, 4]
    assert len(one) == len(several) == 3 * 50 and one.digest == several.digest
    sums = []
    for jets_ in (one, several):
        whole = jets_.batch(np.arange(len(jets_)))
        first = np.cumsum(whole.counts) - whole.counts
        sums.append(np.sort(np.add.reduceat(whole.features[:, 6].astype(float), first)))
    assert len(np.unique(sums[0])) == 150
    np.testing.assert_array_equal(*sums)
    ends = np.cumsum(several.shards)
    for end, size in zip(ends, several.shards, strict=True):
        assert len(np.unique(several.truth[end - size : end])) == 3
    np.testing.assert_allclose(one.mean, one.batch(np.arange(150)).features.mean(0), rtol=1e-4)
    np.testing.assert_allclose(one.std, one.batch(np.arange(150)).features.std(0), rtol=1e-4)


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("batch", [47, 48, 150, 500])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_all_ranks_take_the_same_steps_through_the_same_batches(shards, parts, batch, size):
    training = shards[parts]
    n = len(training)
    ranks = [list(training.shuffled(batch, 1, 0, rank, size)) for rank in range(size)]
    assert {len(r) for r in ranks} == {max(1, n // batch)}
    alone = list(training.shuffled(batch, 1, 0, 0, 1))
    for i, whole in enumerate(alone):
        shares = [r[i] for r in ranks]
        assert sorted(np.concatenate(shares)) == sorted(whole)
        assert np.ptp([len(s) for s in shares]) <= 1
        work = [training.counts[s].sum() for s in shares]
        assert np.ptp(work) <= 2 * training.counts.max()
    assert len(np.unique(np.concatenate(alone))) == len(alone) * min(batch, n)
    some = np.arange(n)
    assert sorted(
        np.concatenate([s for r in range(size) for s in in_order(some, 10, r, size)])
    ) == (list(range(n)))


def test_epochs_are_shuffled_differently_and_seeds_too(shards):
    for training in shards.values():
        orders = [
            next(training.shuffled(50, seed, epoch, 0, 1)) for seed in (1, 2) for epoch in (0, 1)
        ]
        assert len({tuple(o) for o in orders}) == 4


def test_batches_are_the_jets_in_whatever_order(shards):
    for training in shards.values():
        rows = np.array([149, 3, 70, 4, 148])
        together = training.batch(rows)
        alone = [training.batch(rows[i : i + 1]) for i in range(len(rows))]
        for name in ("features", "momenta", "neighbours", "counts"):
            np.testing.assert_array_equal(
                getattr(together, name), np.concatenate([getattr(b, name) for b in alone])
            )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("gone", r"training-00000\.particles: missing; remove .* run again"),
        ("cut", r"training-00000\.jets: has \d+ bytes instead of \d+"),
        ("index", r"index\.json: not a JSON file"),
        ("folder", r"index\.json: no such file"),
        ("settings", r"packed with other settings \(constituents\)"),
    ],
)
def test_damaged_shards_are_named(tmp_path, damage, message):
    config = UCluster(**SMALL)
    folder = packed(tmp_path, config, files(tmp_path, 30))
    if damage == "gone":
        (folder / "training-00000.particles").unlink()
    elif damage == "cut":
        path = folder / "training-00000.jets"
        path.write_bytes(path.read_bytes()[:-7])
    elif damage == "index":
        (folder / "index.json").write_text("{")
    elif damage == "folder":
        folder = tmp_path / "nowhere"
    else:
        config = config.model_copy(update={"constituents": 50})
    with pytest.raises(BoostflowError, match=message):
        store.read(folder, config)


def test_events_are_their_two_leading_jets_the_heavier_one_first(tmp_path):
    event = np.array([7, 7, 7, 3, 5, 5, 9])
    mass = np.array([50.0, 80.0, 90.0, 10.0, 60.0, 40.0, 1.0])
    pt = np.array([900.0, 800.0, 700.0, 1.0, 500.0, 600.0, 1.0])
    assert leading_pairs(event, pt, mass).tolist() == [[1, 0], [4, 5]]
    assert leading_pairs([], [], []).shape == (0, 2)
    rows = jets("top", 60, seed=1)
    ids = np.repeat(np.arange(30, dtype=np.uint64), 2)
    rows = ak.with_field(rows, ids, "event_id")
    rows = ak.with_field(rows, (ids % 3 == 2).astype(np.int8), "split")
    ak.to_parquet(rows, tmp_path / "top.parquet")
    config = UCluster(**SMALL | {"unit": "event", "mass": [10, 500]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constituent_shards, "CHUNK", 7)  # odd: chunks end inside events
        folder = packed(tmp_path, config, [tmp_path / "top.parquet"])
    training, validation = store.read(folder, config)
    assert (len(training), len(validation)) == (20, 10)
    # A lonely jet at the end, which is a chunk of its own, is left out.
    ak.to_parquet(ak.concatenate([rows, rows[:1]]), tmp_path / "more.parquet")
    more, _ = store.read(packed(tmp_path / "b", config, [tmp_path / "more.parquet"]), config)
    assert more.digest == training.digest
    assert training.counts.shape == (20, 2) and training.masses.shape == (20, 6)
    assert (training.masses[:, 0] >= training.masses[:, 1]).all()
    wanted = np.sort(np.asarray(rows.mass)[ids % 3 != 2].reshape(-1, 2).max(1))
    np.testing.assert_allclose(np.sort(training.masses[:, 0]), wanted, rtol=1e-6)


def test_gathered_jets_are_the_jets():
    toy = features.layout(100, 4).pack(jets("z", 9, seed=2), "toy")
    batch = gather(toy, np.array([7, 2]))
    first = np.cumsum(toy.counts) - toy.counts
    wanted = [toy.features[first[i] : first[i] + toy.counts[i]] for i in (7, 2)]
    np.testing.assert_array_equal(batch.features, np.concatenate(wanted))


def test_alpha_is_positive_in_every_joint_epoch_and_grows():
    for preset in ("default", "paper", "paper_log"):
        config = UCluster(preset=preset)
        pre, joint = config.epochs
        values = [schedule.alpha(config, epoch) for epoch in range(pre + joint)]
        assert values[:pre] == [0.0] * pre
        assert min(values[pre:]) > 0 and (np.diff(values[pre:]) > 0).all()
    paper = UCluster(preset="paper")
    assert [schedule.alpha(paper, e) for e in (11, 12, 20)] == [2 * (e - 10) for e in (11, 12, 20)]


def test_the_learning_rate_falls_to_its_floor_and_not_below():
    config = UCluster(preset="paper")
    total = 10**10
    rates = [schedule.learning_rate(config)(jets, total) for jets in (0, 499_999, 500_000, 10**9)]
    assert rates == [1e-3, 1e-3, 5e-4, 1e-5]
    assert [schedule.bn_momentum(j) for j in (0, 500_000, 10**9)] == [0.5, 0.75, 0.99]


@pytest.mark.parametrize("total", [1000, 320_000])
def test_the_learning_rate_falls_in_equal_parts_of_any_training(total):
    config = UCluster()
    rates = [schedule.learning_rate(config)(jets, total) for jets in range(0, total, total // 100)]
    values, counts = np.unique(rates, return_counts=True)
    np.testing.assert_allclose(values[::-1], config.learning_rate / 2.0 ** np.arange(5))
    assert counts.tolist() == [20] * 5


def test_presets_fill_what_is_not_given():
    paper = UCluster(preset="paper", neighbours=4)
    assert (paper.neighbours, paper.embedding, paper.cluster_loss) == (4, 3, "kmeans")
    assert UCluster(preset="paper_log").alpha == [10.0, 10.0]
    assert UCluster().cluster_loss == "mixture"
    assert UCluster.model_validate(paper.model_dump()) == paper


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"views": ["mass"]}, "two different views"),
        ({"epochs": [0, 3]}, "epochs"),
        ({"alpha": [-1.0, 2.0]}, "alpha"),
        ({"hidden": [[32], []]}, "width"),
    ],
)
def test_impossible_settings_are_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        UCluster(**wrong)


def test_kmeans_is_seeded_and_finds_separate_clusters():
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(c, 0.1, (50, 3)) for c in (0, 3, 6)]).astype(np.float32)
    a, b = (clustering.kmeans(points, 3, 5, 4) for _ in range(2))
    np.testing.assert_array_equal(a[0], b[0])
    truth = np.repeat([0, 1, 2], 50).astype(np.int32)
    assert clustering.matched_accuracy(clustering.contingency(truth, a[1], 3, 3)) == 1
    with pytest.raises(BoostflowError, match="2 different jets"):
        clustering.kmeans(np.repeat(points[:2], 9, axis=0), 3, 1, 2)


def test_the_mixture_finds_hidden_classes_that_one_view_cannot_separate():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 6000).astype(np.int32)
    tables = rng.dirichlet(np.full(12, 0.5), (2, 3))
    bins = np.stack([[rng.choice(12, p=tables[v, c]) for c in truth] for v in range(2)], 1)
    start = rng.integers(0, 3, 6000)
    mixture = clustering.best_mixture(bins.astype(np.int32), [12, 12], start, 3, 1, 10)
    found = mixture.posterior(bins).argmax(1)
    best = np.log(tables[0][:, bins[:, 0]]) + np.log(tables[1][:, bins[:, 1]])
    reached = clustering.matched_accuracy(clustering.contingency(truth, found, 3, 3))
    assert reached > (best.argmax(0) == truth).mean() - 0.03
    again = clustering.best_mixture(bins.astype(np.int32), [12, 12], start, 3, 1, 10)
    assert again.log_likelihood == mixture.log_likelihood


def test_expectation_maximisation_never_loses_likelihood():
    rng = np.random.default_rng(2)
    bins = rng.integers(0, 6, (500, 2)).astype(np.int32)
    start = rng.dirichlet(np.ones(3), 500)
    cells = clustering.Cells(bins, np.ones(500, int), [6, 6])
    steps = [clustering.fit_mixture(cells, start, n).log_likelihood for n in (1, 5, 50)]
    assert steps[0] <= steps[1] + 1e-4 and steps[1] <= steps[2] + 1e-4


def test_jets_in_cells_are_the_jets():
    rng = np.random.default_rng(3)
    bins = rng.integers(0, 4, (300, 2)).astype(np.int32)
    start = rng.integers(0, 3, 300)
    unique, cell, jets_in_cell = np.unique(bins, axis=0, return_inverse=True, return_counts=True)
    share = np.zeros((len(unique), 3))
    np.add.at(share, (cell.ravel(), start), 1)
    few = clustering.Cells(unique, jets_in_cell, [4, 4])
    every = clustering.Cells(bins, np.ones(300, int), [4, 4])
    a = clustering.fit_mixture(few, share / jets_in_cell[:, None], 20)
    b = clustering.fit_mixture(every, np.eye(3)[start], 20)
    np.testing.assert_allclose(a.log_prior, b.log_prior, rtol=1e-9)
    np.testing.assert_allclose(a.posterior(bins), b.posterior(bins), atol=1e-9)


def test_an_empty_bin_is_not_impossible():
    cells = clustering.Cells(np.array([[0, 1], [1, 2], [0, 2]], np.int32), np.ones(3, int), [4, 4])
    mixture = clustering.fit_mixture(cells, np.eye(3), 300)
    assert np.isfinite(mixture.posterior(np.array([[3, 0]], np.int32))).all()


def test_accuracy_is_one_matching_of_all_jets():
    truth = np.array([0, 0, 1, 1], np.int32)
    # Each half alone would match perfectly, with opposite matchings.
    cluster = np.array([0, 1, 1, 0])
    assert clustering.matched_accuracy(clustering.contingency(truth, cluster, 2, 2)) == 0.5
    assert np.isnan(clustering.matched_accuracy(np.zeros((2, 2), np.int64)))


def test_unmatched_jets_are_not_judged():
    table = clustering.contingency(np.array([0, -1, 1], np.int32), np.array([0, 1, 1]), 2, 2)
    assert table.tolist() == [[1, 0], [0, 1]]

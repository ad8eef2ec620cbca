"""Figures of merit: AUC and errors, rejections and limits, matching, baselines, significance."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from boostflow import matching
from boostflow.config.chain import Evaluate
from boostflow.errors import BoostflowError
from boostflow.evaluate import baselines, classifier, clusterer
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.curves import Ranking, components, delong, influence, rejection
from boostflow.evaluate.significance import asimov, measures
from boostflow.jobs.models import Judged
from boostflow.models.family import Role, Score, families
from boostflow.models.ucluster.figures import mixture
from boostflow.plots.names import model_plots
from boostflow.scored import read_scored, read_scores, samples_of
from support import factory
from support.judging import JUDGED, evaluate


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Select, score and metrics files of a small run."""
    folder = tmp_path_factory.mktemp("run")
    factory.write_run(folder, events=300)
    return folder


def files(run):
    return samples_of(sorted((run / "select/nominal").glob("*.parquet")))


def two_classes(size=400, seed=3):
    rng = np.random.default_rng(seed)
    positive = rng.random(size) < 0.4
    return np.round(rng.normal(positive * 1.0), 1), positive  # rounded: there are ties


def test_auc_equals_sklearn():
    scores, positive = two_classes()
    ranking = Ranking(scores, positive)
    assert ranking.auc(np.ones(len(scores))) == pytest.approx(roc_auc_score(positive, scores))
    weights = np.random.default_rng(1).uniform(0.1, 3, len(scores))
    expected = roc_auc_score(positive, scores, sample_weight=weights)
    assert ranking.auc(weights) == pytest.approx(expected)


def test_auc_with_negative_weights_by_hand():
    scores = np.array([0.1, 0.2, 0.5, 0.5, 0.9])
    positive = np.array([False, True, False, True, True])
    weights = np.array([2.0, -1.0, 1.0, 2.0, 1.0])
    # Pairs: (.2,.1) -1*2; (.5,.1) 2*2; (.5,.5) tie 2*1/2; (.9,.1) 1*2; (.9,.5) 1*1; norm 2*3.
    assert Ranking(scores, positive).auc(weights) == pytest.approx((-2 + 4 + 1 + 2 + 1) / 6)


def test_auc_equals_the_trapezoid_with_negative_weights():
    scores, positive = two_classes()
    weights = np.where(np.random.default_rng(2).random(len(scores)) < 0.2, -1.0, 1.0)
    ranking = Ranking(scores, positive)
    signal, background = ranking.curve(weights)
    assert ranking.auc(weights) == pytest.approx(np.trapezoid(signal, background))


def test_auc_needs_positive_sums():
    with pytest.raises(BoostflowError, match="positive sum"):
        Ranking([0.1, 0.9], [False, True]).auc(np.array([1.0, -1.0]))


def test_delong_against_bootstrap_and_hanley_mcneil():
    scores, positive = two_classes(1500)
    ones = np.ones(len(scores))
    auc, component = components(scores, positive, ones)
    error = delong(component, positive, ones, positive.astype(int))
    ranking = Ranking(scores, positive)
    assert auc == pytest.approx(ranking.auc(ones))
    spread = bootstrap(ranking.auc, np.arange(len(scores)), 400, 1).error
    assert error == pytest.approx(float(spread), rel=0.12)
    signal, background = positive.sum(), (~positive).sum()
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)  # Hanley and McNeil, Radiology 143 (1982) 29
    variance = auc * (1 - auc) + (signal - 1) * (q1 - auc**2) + (background - 1) * (q2 - auc**2)
    assert error == pytest.approx(np.sqrt(variance / (signal * background)), rel=0.05)


def test_influence_is_delong_without_weights_and_the_bootstrap_with_them():
    """Also where jets of an event are alike, and weights have both signs."""
    scores, positive = two_classes(1500)
    ones = np.ones(len(scores))
    component = components(scores, positive, ones)[1]
    each = influence(component, ones, positive.astype(int), positive)
    error = delong(component, positive, ones, positive.astype(int))
    assert np.sqrt(np.sum(each**2)) == pytest.approx(error, rel=2e-3)

    event = np.arange(1500) // 2
    positive = positive[event]
    scores = np.random.default_rng(4).normal(size=1500)[event] + positive
    rng = np.random.default_rng(2)
    weight = np.where(rng.random(1500) < 0.15, -1.0, 1.0) * rng.uniform(0.5, 2, 1500)
    component = components(scores, positive, weight)[1]
    each = influence(component, weight, positive.astype(int), positive)
    ranking = Ranking(scores, positive)
    spread = bootstrap(lambda count: ranking.auc(weight * count), event, 500, 1).error
    assert np.sqrt(np.sum(np.bincount(event, each) ** 2)) == pytest.approx(float(spread), rel=0.1)


def test_background_efficiency_at_fixed_signal_efficiency():
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    positive = np.array([True, False, True, False, False, True])
    found = Ranking(scores, positive).background_at(np.ones(6), [0.3, 0.5, 1.0])
    np.testing.assert_allclose(found, [0, 1 / 3, 1])


def test_delong_in_strata_against_bootstrap():
    scores, positive = two_classes(1500)
    strata = np.where(positive, 0, 1 + (np.arange(1500) % 5 == 0))
    scores = scores + 0.5 * (strata == 2)
    weights = classifier.normalised(np.ones(1500), strata, ["a", "b", "c"])
    error = delong(components(scores, positive, weights)[1], positive, weights, strata)
    ranking = Ranking(scores, positive)

    def again(count):
        return ranking.auc(classifier.normalised(count.astype(float), strata, ["a", "b", "c"]))

    assert error == pytest.approx(float(bootstrap(again, np.arange(1500), 400, 1).error), rel=0.12)


def test_delong_pulls():
    """The error covers: pulls of 300 samples have unit width."""
    true = stats.norm.cdf(1 / np.sqrt(2))
    rng = np.random.default_rng(5)
    positive = np.arange(300) < 120
    pulls = []
    for _ in range(300):
        auc, component = components(rng.normal(positive * 1.0), positive, np.ones(300))
        error = delong(component, positive, np.ones(300), positive.astype(int))
        pulls.append((auc - true) / error)
    # The error shrinks towards an AUC of 1, which skews the pulls upwards by about 0.1.
    assert np.mean(pulls) == pytest.approx(0.1, abs=0.2)
    assert np.std(pulls) == pytest.approx(1, abs=0.13)


def test_bootstrap_resamples_events():
    """Two equal jets in every event: the error of a mean is that of half as many jets."""
    values = np.random.default_rng(1).normal(size=500)
    jets, event = np.repeat(values, 2), np.repeat(np.arange(500), 2)
    error = bootstrap(lambda count: np.average(jets, weights=count), event, 400, 1).error
    assert float(error) == pytest.approx(values.std() / np.sqrt(500), rel=0.12)


def test_rejection_value_and_error():
    scores = np.concatenate([np.linspace(0, 1, 101), np.linspace(0, 1, 1000)])
    positive = np.arange(1101) < 101
    result = rejection(scores, positive, np.ones(1101), 0.5, np.sqrt(0.25 / 1000))
    assert result["passing"] == 500
    assert result["value"] == pytest.approx(2.0, rel=1e-9)
    assert result["error"] == pytest.approx(4 * np.sqrt(0.25 / 1000))


@pytest.mark.parametrize("passing", [0, 3])
def test_rejection_is_a_limit_when_few_pass(passing):
    background = np.where(np.arange(200) < passing, 0.9, 0.1)
    scores = np.concatenate([np.linspace(0.5, 1, 100), background])
    result = rejection(scores, np.arange(300) < 100, np.ones(300), 0.5, 0.1)
    assert "value" not in result and result["passing"] == passing
    upper = 1 / result["limit"]
    # By definition of the limit, the observed number or fewer pass in 5 % of the cases.
    assert stats.binom.cdf(passing, 200, upper) == pytest.approx(0.05, rel=1e-6)


def test_rejection_with_negative_background_is_a_limit():
    scores = np.concatenate([np.linspace(0.5, 1, 100), np.full(50, 0.1), np.full(10, 0.95)])
    weights = np.concatenate([np.ones(150), np.full(10, -1.0)])
    assert "limit" in rejection(scores, np.arange(160) < 100, weights, 0.5, 0.1)


@pytest.mark.parametrize(
    ("s", "b", "sigma", "expected"),
    [
        (50, 100, 0, 4.6518),
        (10, 100, 0, 0.98399),
        (5, 1, 0, 3.3913),
        (50, 100, 7, 3.7195),
        (10, 20, 5, 1.3329),
    ],
)
def test_asimov_reference_values(s, b, sigma, expected):
    assert float(asimov(s, b, sigma)) == pytest.approx(expected, rel=2e-5)


def test_asimov_limits():
    plain = float(asimov(50, 100))
    for sigma in (1e-160, 1e-8, 1e-5, 1e-3):
        assert float(asimov(50, 100, sigma)) == pytest.approx(plain, rel=1e-8)
    assert np.isnan(asimov(5, 0)) and np.isnan(asimov(5, 0, 1))
    assert float(asimov(-3, 10, 1)) == 0
    assert float(asimov(1, 1e4)) == pytest.approx(1 / 100, rel=1e-3)
    few = measures(5, 1, 0)
    assert few["s/sqrt(b)"] > few["asimov"]  # overstates where b is small
    assert np.isnan(measures(1, 0, 0.1)["s/sqrt(b)"])


def test_matching_is_global():
    table = np.array([[10, 9, 0], [9, 1, 0], [0, 0, 5]])
    assert matching.match(table) == {1: 0, 0: 1, 2: 2}  # greedy would take the 10
    assert matching.accuracy(table, 34) == pytest.approx((9 + 9 + 5) / 34)


def test_contingency_counts_and_unscored_jets():
    table = matching.contingency([0, 0, 1, 1], [1, 1, 0, -1], 2, 3)
    assert table.tolist() == [[0, 2, 0], [1, 0, 0]]
    assert matching.accuracy(table, 4) == pytest.approx(0.75)  # the unscored jet is wrong


def test_more_clusters_than_classes():
    table = np.array([[5, 4, 0], [0, 1, 6]])
    assert matching.accuracy(table, 16) == pytest.approx(11 / 16)


def test_mass_cuts_find_the_best_cuts():
    rng = np.random.default_rng(1)
    mass = np.concatenate([rng.normal(m, 3, 2000) for m in (80, 173, 91)])
    truth = np.repeat([0, 1, 2], 2000)
    cuts = baselines.mass_cuts(mass, truth, 3)
    assert cuts[0] == pytest.approx(85.5, abs=0.7)
    assert 100 < cuts[1] < 165


def test_the_mixture_finds_what_no_single_mass_separates():
    """Three masses, each of which separates one pair of classes; trees with labels are the ceiling.

    Two would not do: a mixture of products is identified from three factors on (Allman, Matias,
    Rhodes, doi:10.1214/09-AOS689).
    """
    rng = np.random.default_rng(1)
    truth = np.repeat([0, 1, 2], 3000)
    means = np.array([[80, 90, 90], [80, 80, 90], [80, 90, 80]])[:, truth]
    masses = rng.normal(means, 4.0).T
    odd = np.arange(len(truth)) % 2 == 1

    def accuracy(found):
        return matching.accuracy(matching.contingency(truth[~odd], found, 3, 3), (~odd).sum())

    found = accuracy(mixture(masses[odd], masses[~odd], 3, 1))
    one = accuracy(baselines.kmeans(masses[odd][:, :1], masses[~odd][:, :1], 3, 1))
    ceiling = accuracy(baselines.trees(masses[odd], masses[~odd], truth[odd], 1))
    assert one < 0.7 < ceiling - 0.03 < found < ceiling + 0.01


def test_classifier_figures(run):
    table = read_scored(
        files(run), run / "scores/bdt/nominal.parquet", ["split", "weight", "candidate"], []
    )
    arguments = JUDGED["bdt"], Evaluate(bootstrap=30), ["top"], 138.0, 1
    result, jets = classifier.evaluate(table, *arguments)
    json.dumps(result, allow_nan=False)
    assert set(result["auc"]) == set(factory.SAMPLES)
    # Top jets have weights of both signs, and are part of the rest of every other class.
    assert result["auc"]["top"]["method"] == "event bootstrap"
    for row in result["confusion"]["matrix"]:
        assert sum(row) == pytest.approx(1)
    assert 0.8 < result["macro_auc"]["value"] < 1
    # A band where at least five jets pass, none where fewer do.
    error = result["roc"]["error"]["quark"]
    assert error[0] is None and all(x is not None and x > 0 for x in error[50:90])
    assert result["significance"]["best"]["asimov"]["value"] > 1
    assert len(jets["p_top"]) == sum(result["jets"].values())
    assert classifier.evaluate(table, *arguments)[0] == result


def test_a_classifier_without_a_signal_has_no_significance(run):
    columns = ["split", "weight", "candidate"]
    table = read_scored(files(run), run / "scores/bdt/nominal.parquet", columns, [])
    result, _ = classifier.evaluate(table, JUDGED["bdt"], Evaluate(bootstrap=10), [], 138.0, 1)
    assert "significance" not in result and "macro_auc" in result


def test_delong_is_used_for_equal_weights(run):
    table = read_scored(
        files(run), run / "scores/bdt/nominal.parquet", ["split", "weight", "candidate"], []
    )
    table["weight"] = np.abs(table["weight"])
    classes = ["quark", "top"]
    jets, code = classifier.labelled(table, classes, 2)
    scores = classifier.probabilities(jets, ["p_quark", "p_top"])
    result = classifier.areas(classifier.Classified(classes, jets, code, scores), 50, 1)
    assert result["auc"]["top"]["method"] == "DeLong"
    assert result["auc"]["top"]["value"] == pytest.approx(roc_auc_score(code == 1, scores[:, 1]))


def test_clusterer_figures(run):
    table = read_scored(
        files(run),
        run / "scores/ucluster/nominal.parquet",
        ["split", "weight", "candidate", *clusterer.COLUMNS],
        clusterer.OPTIONAL,
    )
    own = families()["ucluster"].module("figures").baselines
    result, jets = clusterer.evaluate(table, JUDGED["ucluster"], Evaluate(bootstrap=30), 1, own)
    json.dumps(result, allow_nan=False)
    assert set(result["jets"]) == {"w", "z", "top"}
    right = np.mean(jets["matched"] == jets["truth"])
    assert result["accuracy"]["value"] == pytest.approx(right)
    assert (jets["mass"] < 200).all()
    assert any("k-means, 5 observables" in name for name in result["baselines"])
    assert result["unscored"] == 0 and "auc" in result
    # The family's own stand between those without labels and those with them.
    names = list(result["baselines"])
    assert names[-3:] == ["mixture, 2 masses", "mass cuts (supervised)", "trees (supervised)"]
    plain, _ = clusterer.evaluate(table, JUDGED["ucluster"], Evaluate(bootstrap=30), 1)
    assert set(names) - set(plain["baselines"]) == {"mixture, 2 masses"}


def test_fewer_clusters_than_classes_and_unscored_jets(run):
    scores = run / "scores/ucluster/nominal.parquet"
    columns = ["split", "weight", "candidate", *clusterer.COLUMNS]
    table = read_scored(files(run), scores, columns, clusterer.OPTIONAL)
    everything = JUDGED["ucluster"].model_copy(update={"samples": None, "mass": None})
    with pytest.raises(BoostflowError, match="a class has no test jet with a cluster"):
        clusterer.evaluate(table, everything, Evaluate(bootstrap=10), 1)
    two = [score for score in JUDGED["ucluster"].scores if score.column != "dist_2"]
    table["cluster"] = np.minimum(table["cluster"], 1)
    table["cluster"][::10] = -1
    judged = JUDGED["ucluster"].model_copy(update={"scores": two})
    result, jets = clusterer.evaluate(table, judged, Evaluate(bootstrap=10), 1)
    assert len(result["auc"]) == len(result["matching"]) == 2
    assert result["unscored"] == (jets["cluster"] < 0).sum() > 0
    assert (jets["matched"][jets["cluster"] < 0] == -1).all()


def test_the_typical_jet_is_the_nearest_to_its_centroid_and_rightly_clustered():
    jets = {
        "truth": np.array([0, 0, 0, 0, 1, 1]),
        "cluster": np.array([0, 0, 1, -1, 0, 0]),
        "matched": np.array([0, 0, 1, -1, 0, 0]),
        "dist_0": np.array([2.0, 1.0, 9.0, np.nan, 5.0, 4.0]),
        "dist_1": np.array([3.0, 8.0, 0.1, np.nan, 6.0, 0.0]),
        "dist_2": np.full(6, np.nan),
    }
    # Of class b none lies in its own cluster: the nearest to that which it has.
    assert clusterer.typical(jets, ["a", "b"], JUDGED["ucluster"]) == {"a": 1, "b": 5}


@pytest.mark.parametrize("model", ["bdt", "ucluster"])
def test_stage_writes_figures_and_plots(run, tmp_path, model):
    # Only a trained network can be explained: test_ucluster_network.py.
    own = ["importance"] if model == "bdt" else []
    call(run, tmp_path, name=model, judged=JUDGED[model], own_plots=own)
    assert json.loads((tmp_path / "figures.json").read_text())["model"] == model
    written = {path.stem for path in (tmp_path / "plots").glob("*.png")}
    assert written == set(model_plots(families()[model].block())) - {"attention"}


def test_columns_of_other_names_are_known_by_their_roles(run, tmp_path):
    """A family may call its columns as it likes; the figures are the same."""
    for model in ("bdt", "ucluster"):
        call(run, tmp_path / "usual", name=model, judged=JUDGED[model])
        renamed = {s.column: f"of_{model}_{i}" for i, s in enumerate(JUDGED[model].scores)}
        scores = [s._replace(column=renamed[s.column]) for s in JUDGED[model].scores]
        table = read_scores(run / f"scores/{model}/nominal.parquet")
        other = tmp_path / "scores.parquet"
        factory.write_table(other, {renamed.get(name, name): x for name, x in table.items()})
        judged = JUDGED[model].model_copy(update={"scores": scores})
        call(run, tmp_path / "other", name=model, judged=judged, scores=other)
        usual, found = (
            json.loads((tmp_path / name / "figures.json").read_text())
            for name in ("usual", "other")
        )
        if model == "bdt":
            assert usual["significance"].pop("score") == "p_top"
            assert found["significance"].pop("score") == renamed["p_top"]
        assert found == usual
        for plot in (tmp_path / "usual/plots").glob("*.png"):
            assert plot.read_bytes() == (tmp_path / "other/plots" / plot.name).read_bytes()


def call(run, folder, **changes):
    arguments = {
        "jets": list(files(run).values()),
        "name": "bdt",
        "judged": JUDGED["bdt"],
        "signal": ["top"] if changes.get("name", "bdt") == "bdt" else [],
    } | changes
    model = arguments["name"]
    scores = arguments.pop("scores", run / f"scores/{model}/nominal.parquet")
    evaluate(
        scores=scores,
        model=run / f"models/{model}/nominal",
        figures=folder / "figures.json",
        plots=folder / "plots",
        **arguments,
    )


def test_messages(run, tmp_path):
    with pytest.raises(BoostflowError, match="unknown signal sample higgs"):
        call(run, tmp_path, signal=["higgs"])
    with pytest.raises(BoostflowError, match="no such file"):
        call(run, tmp_path, scores=run / "scores/bdt/none.parquet")
    with pytest.raises(BoostflowError, match=r"no test jets of class gluon"):
        call(run, tmp_path, jets=[p for n, p in files(run).items() if n != "gluon"])
    other = tmp_path / "select/top.parquet"
    factory.write_table(other, factory.sample("top", 100, 9))
    mixed = [p for n, p in files(run).items() if n != "top"]
    with pytest.raises(BoostflowError, match="scores of sample top belong to other jets"):
        call(run, tmp_path, jets=[*mixed, other])
    with pytest.raises(BoostflowError, match="not a score table"):
        call(run, tmp_path, scores=other)
    with pytest.raises(BoostflowError, match="the same sample twice"):
        call(run, tmp_path, jets=[*files(run).values(), other])


def test_scores_that_do_not_fit_the_task(run, tmp_path):
    table = run / "scores/ucluster/nominal.parquet"
    with pytest.raises(BoostflowError, match=r"no probability of a class \(p_gluon, p_quark"):
        call(run, tmp_path, scores=table)
    with pytest.raises(BoostflowError, match=r"nominal\.parquet: no column cluster of a cluster"):
        call(run, tmp_path, judged=JUDGED["ucluster"])
    without = [s for s in JUDGED["ucluster"].scores if s.role is not Role.DISTANCE]
    judged = JUDGED["ucluster"].model_copy(update={"scores": without})
    with pytest.raises(BoostflowError, match="a clustering whose scores have no distance"):
        call(run, tmp_path, judged=judged, scores=table)
    odd = [Score("odd", Role.ERROR, "error")]
    one_number = Judged(task="regress", unit="event", scores=odd)
    with pytest.raises(BoostflowError, match="nothing judges a model of task regress"):
        call(run, tmp_path, judged=one_number)


def test_a_family_that_draws_other_plots_than_it_names(run, tmp_path):
    with pytest.raises(BoostflowError, match="draws importance, but names shap as its plots"):
        call(run, tmp_path, own_plots=["shap"])


def test_a_resampling_without_a_class_is_left_out():
    """Two jets of one class: in exp(-2) of the resamplings there is none."""
    rng = np.random.default_rng(4)
    code = np.array([0, 0, *[1] * 100])
    jets = {"weight": np.ones(102), "event": np.arange(102)}
    ranking = Ranking(rng.normal(size=102), code == 0)

    def auc(count):
        return ranking.auc(classifier.normalised(jets["weight"] * count, code, ["top", "qcd"]))

    found = bootstrap(auc, jets["event"], 1000, 1)
    assert 90 < found.left_out < 180 and found.error > 0.05
    assert found.note(1000)[0].startswith(f"{found.left_out} of 1000 resamplings")
    with pytest.raises(BoostflowError, match="of 3 resamplings: class top: the weights of its 2"):
        bootstrap(lambda count: auc(0 * count), jets["event"], 3, 1)


def test_errors_of_few_jets_are_not_zero():
    """All jets agree: resampling sees no spread, the binomial's posterior does."""
    code = np.repeat([0, 1], [3, 400])
    p = np.where(code == 0, 0.9, 0.1)
    jets = {"weight": np.ones(403), "event": np.arange(403)}
    part = classifier.Classified(["top", "qcd"], jets, code, np.stack([p, 1 - p], axis=1))
    found = classifier.areas(part, 50, 1)
    three = stats.beta(4, 1).std()
    for figure in (*found["auc"].values(), found["macro_auc"]):
        assert figure["value"] == 1 and figure["error"] == pytest.approx(three)
    found |= classifier.confusion(part.scores.argmax(axis=1), code, jets["weight"], part.classes)
    assert found["accuracy"]["error"] == pytest.approx(
        np.hypot(three, stats.beta(401, 1).std()) / 2
    )
    assert np.min(found["confusion"]["error"]) > 0
    # Every background jet passes, whatever is drawn.
    all_pass = rejection(np.zeros(403), code == 0, np.ones(403), 0.5, 0.0)
    assert all_pass["value"] == 1 and all_pass["error"] == pytest.approx(stats.beta(401, 1).std())

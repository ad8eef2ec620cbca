"""Errors of figures of merit: bands that cover, variations, pairs of models, unbiased cuts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from boostflow.config.chain import Evaluate
from boostflow.config.systematics import SYSTEMATICS, Rate, Shift, Weight
from boostflow.errors import BoostflowError
from boostflow.evaluate import classifier, compare, significance, systematic
from boostflow.evaluate.classifier import GRID, Classified
from boostflow.evaluate.curves import components, delong
from boostflow.evaluate.run import comparison, plot_systematics, systematics
from boostflow.jobs.models import Compare, EvaluateSystematics, PlotSystematics
from boostflow.models.family import families
from boostflow.plots.names import systematic_plots
from boostflow.scored import TEST, VALIDATION
from support import factory
from support.judging import JUDGED, LABEL, evaluate, judged

CONFIG = Evaluate(rejection=[["a", ["b"]]], bootstrap=30)


def part(size=800, seed=1, separation=1.2, weight=None, shift=0.0):
    """Two classes of Gaussian scores, one jet per event."""
    rng = np.random.default_rng(seed)
    code = (np.arange(size) % 2).astype(int)
    logit = rng.normal(separation * (0.5 - code), 1.0) + shift * rng.random(size)
    p = 1 / (1 + np.exp(-logit))
    jets = {
        "weight": np.ones(size) if weight is None else weight,
        "event": np.arange(size),
        "event_id": np.arange(size, dtype=np.uint64),
        "sample": np.where(code == 0, "a", "b"),
        "label": np.where(code == 0, "a", "b"),
        "row": np.arange(size),
    }
    return Classified(["a", "b"], jets, code, np.stack([p, 1 - p], axis=1))


# --- the statistical band -------------------------------------------------------------------------


def test_the_band_covers_the_true_curve():
    """68 % of toys within one error at signal efficiencies of 30, 50 and 80 %; weighted jets."""
    index = [int(np.argmin(np.abs(GRID - x))) for x in (0.3, 0.5, 0.8)]
    truth = stats.norm.sf(stats.norm.isf(GRID[index]) + 1.2)
    toys, inside, points = 150, np.zeros(3), np.zeros(3)
    for toy in range(toys):
        rng = np.random.default_rng([7, toy])
        weight = np.where(rng.random(1200) < 0.1, -1.0, 1.0) * rng.uniform(0.5, 1.5, 1200)
        one = part(1200, toy, weight=weight)
        roc = classifier.areas(one, 40, toy)["roc"]
        error = np.array(roc["error"]["a"], dtype=float)[index]
        inside += np.abs(np.array(roc["a"])[index] - truth) < error
        for i, figure in enumerate(classifier.rejections(one, CONFIG, toy)):
            points[i] += abs(figure["value"] - 1 / truth[i]) < figure["error"]
    # Binomial errors of 150 toys: 3.8 %. Forty resamplings know their error to 11 %.
    np.testing.assert_allclose(inside / toys, 0.683, atol=0.1)
    np.testing.assert_allclose(points / toys, 0.683, atol=0.1)


def test_the_error_of_a_rejection_holds_that_of_the_cut():
    """Few signal jets fix the cut badly: the binomial error of the background is too small."""
    full = part(40_000)
    keep = (full.code == 1) | (np.arange(40_000) < 400)
    few = Classified(
        full.classes,
        {name: column[keep] for name, column in full.jets.items()},
        full.code[keep],
        full.scores[keep],
    )
    figure = classifier.rejections(few, Evaluate(rejection=CONFIG.rejection, bootstrap=100), 1)[1]
    fraction = 1 / figure["value"]
    binomial = np.sqrt(fraction * (1 - fraction) / 20_000) / fraction**2
    density = [stats.norm.pdf(0.0), stats.norm.pdf(1.2)]
    cut = density[1] / density[0] * np.sqrt(0.25 / 200) / fraction**2
    assert figure["error"] == pytest.approx(np.hypot(binomial, cut), rel=0.3)
    assert figure["error"] > 5 * binomial


# --- variations -----------------------------------------------------------------------------------


def measured(one):
    points = classifier.rejections(one, CONFIG, 1)
    return systematic.measure(one, CONFIG, points)


def test_figures_of_a_variation_are_those_of_the_evaluation():
    one = part()
    known, found = classifier.areas(one, 10, 1), measured(one).figures
    np.testing.assert_allclose(found["auc"][:2], [known["auc"][name]["value"] for name in "ab"])
    assert found["auc"][2] == pytest.approx(known["macro_auc"]["value"])
    np.testing.assert_allclose(found["roc"], [known["roc"][name] for name in "ab"])
    rejected = [1 / figure["value"] for figure in classifier.rejections(one, CONFIG, 1)]
    np.testing.assert_allclose(found["background"], rejected)
    np.testing.assert_allclose(found["cut_background"], rejected)
    np.testing.assert_allclose(found["cut_signal"], [0.3, 0.5, 0.8], atol=0.003)


def test_the_error_of_a_shift_is_paired_for_the_same_events():
    """Toys: the same jets with a little more noise, and other jets of the same number."""
    small, large, predicted = [], [], []
    for toy in range(60):
        nominal, same, other = (
            measured(part(600, toy)),
            measured(part(600, toy, shift=0.3)),
            measured(part(600, 1000 + toy)),
        )
        small.append(same.figures["auc"] - nominal.figures["auc"])
        large.append(other.figures["auc"] - nominal.figures["auc"])
        predicted.append([systematic.error_of_shift(nominal, x) for x in (same, other)])
    expected = np.mean(predicted, axis=0)
    # The spread of 60 toys is known to 9 %.
    np.testing.assert_allclose(np.std(small, axis=0), expected[0], rtol=0.3)
    np.testing.assert_allclose(np.std(large, axis=0), expected[1], rtol=0.3)
    assert expected[0, 0] < 0.2 * expected[1, 0]


def test_parameters_add_up_linearly_and_in_quadrature():
    declared = SYSTEMATICS.validate_python(
        {
            "one": {"kind": "shift", "correction": "a", "parameter": "scale"},
            "two": {"kind": "shift", "correction": "b", "parameter": "scale"},
            "scale_variations": {"kind": "weight", "envelope": ["x", "y", "z"]},
            "pdf": {"kind": "weight", "hessian": ["x", "y"]},
            "alone": {"kind": "weight", "up": "x"},
        }
    )
    nominal = {"auc": np.array([0.9, 0.8])}
    moves = {
        **{"one_up": 3, "one_down": -3, "two_up": 1, "two_down": -2},
        **{f"scale_variations_m{i}": x for i, x in enumerate((2, 5, 1))},
        **{"pdf_m0": 3, "pdf_m1": -4, "alone_up": 2},
    }
    varied = {name: {"auc": nominal["auc"] + 0.001 * x} for name, x in moves.items()}
    found = systematic.shifts(declared, nominal, varied, [])
    sizes = {name: [1000 * side[0] for side in shift["auc"]] for name, shift in found.items()}
    assert sizes["scale"] == pytest.approx([4, -5])
    assert sizes["scale_variations"] == pytest.approx([5, 0], abs=1e-9)
    assert sizes["pdf_1"] == pytest.approx([3, -3])
    assert sizes["pdf_2"] == pytest.approx([-4, 4])
    assert sizes["alone"] == pytest.approx([2, -2])
    up, down = systematic.total(shift["auc"] for shift in found.values())
    np.testing.assert_allclose(1000 * up, np.sqrt(4**2 + 5**2 + 5**2 + 2**2))
    np.testing.assert_allclose(1000 * down, np.sqrt(5**2 + 5**2 + 2**2))
    with pytest.raises(BoostflowError, match="systematic one: no jets of variation one_up"):
        systematic.shifts(declared, nominal, {}, [])


def test_shifts_of_a_rejection_are_not_linear():
    found = systematic._of_inverse(0.02, 0.02, 0.01)
    assert found == pytest.approx({"up": 50, "down": 25})
    assert systematic._of_inverse(0.02, 0.0, 0.02) == {"up": None, "down": 0}


def test_two_shifts_to_the_same_side_count_there_alone():
    up, down = systematic.total([(np.array([2.0, -1.0]), np.array([3.0, -2.0]))])
    assert up.tolist() == [3, 0] and down.tolist() == [0, 2]


def test_rates_move_yields_of_their_samples():
    declared = {
        "lumi": Rate(kind="rate", value=0.02),
        "xsec": Rate(kind="rate", up=0.2, down=-0.1, samples=["b"]),
    }
    nominal = {"yields": np.full((2, 2, 3), 10.0), "auc": np.array([0.9])}
    found = systematic.shifts(declared, nominal, {}, ["a", "b"])
    np.testing.assert_allclose(found["lumi"]["yields"][0], 0.2)
    np.testing.assert_allclose(found["xsec"]["yields"][0][:, 0], 0)
    np.testing.assert_allclose(found["xsec"]["yields"][1][:, 1], -1)
    assert found["xsec"]["auc"][0][0] == 0


def test_a_weight_that_a_sample_lacks():
    table = {
        "weight": np.ones(4),
        "sample": np.array(["a", "a", "b", "b"]),
        "isr": np.array([1.1, 0.9, np.nan, np.nan]),
    }
    found = systematic.reweighted(table, "isr", ["a"])
    assert found["weight"].tolist() == [1.1, 0.9, 1, 1]
    with pytest.raises(BoostflowError, match="sample b: jets without a finite weight isr"):
        systematic.reweighted(table, "isr", None)


# --- pairs of models ------------------------------------------------------------------------------


def sun_xu_difference(one, two, positive):
    """DeLong's error of a difference, as written in Sun and Xu, IEEE Sig. Proc. Lett. 21 (2014)
    1389: the kernel summed over all pairs."""
    parts = []
    for scores in (one, two):
        x, y = scores[positive], scores[~positive]
        kernel = (x[:, None] > y) + 0.5 * (x[:, None] == y)
        parts.append((kernel.mean(axis=1), kernel.mean(axis=0)))
    covariance = sum(np.cov([p[i] for p in parts]) / len(parts[0][i]) for i in (0, 1))
    return np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])


def correlated(size=600, seed=3, weight=None):
    """Two models of nearly the same jets' scores."""
    one = part(size, seed, weight=weight)
    logit = np.log(one.scores[:, 0] / one.scores[:, 1])
    logit = np.round(logit + np.random.default_rng(seed + 1).normal(0, 0.7, size), 1)
    p = 1 / (1 + np.exp(-logit))
    return one, one._replace(scores=np.stack([p, 1 - p], axis=1))


def test_paired_delong_against_an_independent_implementation():
    one, two = correlated()
    found = compare.difference(one, two, 300, 1)
    positive = one.code == 0
    expected = sun_xu_difference(one.scores[:, 0], two.scores[:, 0], positive)
    assert found["a"]["method"] == "paired DeLong"
    assert found["a"]["error"] == pytest.approx(expected, rel=1e-9)
    # With two classes each AUC is that of the other, and their mean has the bootstrap's error.
    assert found["macro"]["error"] == pytest.approx(expected, rel=0.15)
    # Models that see the same jets differ by less than independent errors allow.
    alone = classifier.areas(one, 10, 1)["auc"]["a"]["error"]
    assert expected < 0.7 * np.sqrt(2) * alone
    assert found["a"]["value"] == pytest.approx(found["a"]["one"] - found["a"]["two"])


def test_delong_with_two_jets_an_event():
    """Jets of an event that are alike count less than independent ones."""
    rng = np.random.default_rng(8)
    size, share = 200, 0.6
    code = np.repeat([1, 0], 2 * size)
    event = np.repeat(np.arange(2 * size), 2)
    weight = np.full(4 * size, 1 / (2 * size))
    aucs, apart, together = [], [], []
    for _ in range(300):
        common = np.repeat(rng.normal(size=2 * size), 2)
        score = np.sqrt(share) * common + np.sqrt(1 - share) * rng.normal(size=4 * size) + code
        auc, component = components(score, code == 1, weight)
        aucs.append(auc)
        apart.append(delong(component, code == 1, weight, code))
        together.append(delong(component, code == 1, weight, code, event))
    assert np.mean(together) == pytest.approx(np.std(aucs), rel=0.12)
    assert np.mean(apart) < 0.85 * np.mean(together)
    # Without such events it is the textbook's.
    alone = np.arange(4 * size)
    assert delong(component, code == 1, weight, code, alone) == apart[-1]


def test_pulls_of_differences_of_equally_good_models():
    """Independent noise on both, weights of both signs: unit width."""
    pulls = []
    for toy in range(120):
        rng = np.random.default_rng([5, toy])
        weight = np.where(rng.random(500) < 0.1, -1.0, 1.0)
        base = part(500, toy, weight=weight)
        logit = np.log(base.scores[:, 0] / base.scores[:, 1])
        models = []
        for _ in range(2):
            p = 1 / (1 + np.exp(-logit - rng.normal(0, 0.7, 500)))
            models.append(base._replace(scores=np.stack([p, 1 - p], axis=1)))
        found = compare.difference(*models, 40, toy)["a"]
        assert found["method"] == "paired event bootstrap"
        pulls.append(found["pull"])
    assert np.mean(pulls) == pytest.approx(0, abs=0.28)
    assert np.std(pulls) == pytest.approx(1, abs=0.2)


def test_a_model_against_itself_and_models_without_common_classes():
    one = part(200)
    same = compare.difference(one, one, 10, 1)["a"]
    assert same["value"] == same["error"] == 0 and same["pull"] is None
    other = one._replace(classes=["a", "c"])
    result = compare.compare({"x": one, "y": other}, "x", 10, 1)
    assert result["pairs"] == []
    assert result["notes"] == ["x and y have fewer than two classes in common"]
    with pytest.raises(BoostflowError, match="nothing to compare"):
        compare.compare({"x": one}, "x", 10, 1)
    with pytest.raises(BoostflowError, match="the reference z is not among x, y"):
        compare.compare({"x": one, "y": other}, "z", 10, 1)


def test_each_model_is_compared_with_the_reference_alone():
    one, two = correlated(200)
    three = part(200, 8)
    found = compare.compare({"x": one, "y": two, "z": three}, "y", 10, 1)["pairs"]
    assert [pair["models"] for pair in found] == [["y", "x"], ["y", "z"]]
    assert found[0]["auc"] == compare.difference(*compare.common(two, one), 10, 1)
    # Of two models it is the pair that there always was.
    [pair] = compare.compare({"x": one, "y": two}, "x", 10, 1)["pairs"]
    assert pair["models"] == ["x", "y"]
    assert pair["auc"]["a"]["value"] == pytest.approx(-found[0]["auc"]["a"]["value"])


def test_common_jets_and_classes():
    """A model of three classes on all jets, one of two on some: scores of those two alone."""
    size = 90
    label = np.array(["a", "b", "c"])[np.arange(size) % 3]
    jets = {"label": label, "row": np.arange(size), "weight": np.ones(size)}
    p = np.random.default_rng(1).dirichlet([1, 1, 1], size)
    one = Classified(["a", "b", "c"], jets, np.arange(size) % 3, p)
    mine = (label != "b") & (np.arange(size) < 60)
    some = {name: column[mine] for name, column in jets.items()}
    two = Classified(["c", "a"], some, (some["label"] == "a").astype(int), p[mine][:, [2, 0]])
    first, second = compare.common(one, two)
    assert first.classes == second.classes == ["a", "c"]
    assert (first.jets["row"] == np.flatnonzero(mine)).all()
    np.testing.assert_allclose(first.scores, second.scores)
    np.testing.assert_allclose(first.scores.sum(axis=1), 1)


# --- significance ---------------------------------------------------------------------------------


def candidates(rng, jets=600):
    """A score with which every cut is as good: 1 - c of the signal passes, (1 - c)^2 of the rest.

    180 signal and 420 background jets, on average, in either split.
    """
    signal = rng.random(2 * jets) < 0.3
    table = {
        "sample": np.where(signal, "s", "b"),
        "split": np.repeat([VALIDATION, TEST], jets),
        "candidate": np.full(2 * jets, True),
        "weight": np.ones(2 * jets),
    }
    uniform = rng.random(2 * jets)
    return table, np.where(signal, uniform, 1 - np.sqrt(uniform))


def test_the_chosen_cut_is_not_biased_on_the_test_split():
    """The quoted value is on average the true one; the maximum of the test split is not."""
    true, quoted, highest = 180 / np.sqrt(420), [], []
    for toy in range(300):
        table, score = candidates(np.random.default_rng([11, toy]))
        result = significance.scan(table, score, ["s"], 1.0, 0.0)
        best = result["best"]["s/sqrt(b)"]
        assert best["chosen_on"] == "validation"
        quoted.append((best["value"] - true) / best["error"])
        values, errors = (np.array(x["s/sqrt(b)"], dtype=float) for x in (result, result["errors"]))
        most = int(np.nanargmax(values))
        highest.append((values[most] - true) / errors[most])
    # 300 toys: the mean is known to 0.06. Few jets pass tight cuts: 1/sqrt(b) is skewed.
    assert abs(np.mean(quoted)) < 0.2
    assert np.mean(highest) > 0.4
    assert np.std(quoted) == pytest.approx(1, abs=0.2)


def test_the_scan_with_systematics_uses_the_reference_formula():
    """One cut with s = 50, b = 100 and a shift of 7: 3.7195 (Cowan 2012)."""
    size = 1500
    table = {
        "sample": np.repeat(["s", "b"], [500, 1000]),
        "split": np.full(size, TEST),
        "candidate": np.full(size, True),
        "weight": np.full(size, 0.1),
        "p_s": np.full(size, 0.5),
        "label": np.repeat(["s", "b"], [500, 1000]),
    }
    both = [
        (part | {"split": np.full(size, split)}) for part in [table] for split in (TEST, VALIDATION)
    ]
    table = {name: np.concatenate([each[name] for each in both]) for name in table}
    of = judged("bdt", ["s"])
    nominal = systematic.events_passing(table, of, ["s"], ["b", "s"], 1.0)
    assert nominal.shape == (2, 2, len(significance.CUTS))
    np.testing.assert_allclose(nominal[0, :, 0], [100, 50])
    declared = {
        "rate": Rate(kind="rate", value=0.07, samples=["b"]),
        "signal": Rate(kind="rate", value=0.1, samples=["s"]),
    }
    moved = systematic.shifts(declared, {"yields": nominal}, {}, ["b", "s"])
    result = systematic.scan(table, of, ["s"], ["b", "s"], 1.0, nominal, moved)
    best = result["best"]["asimov"]
    assert best["value"] == pytest.approx(3.7195, rel=2e-5)
    assert best["background_uncertainty"] == pytest.approx(0.07)
    # Up: five signal events more, or seven background events fewer.
    z = significance.asimov
    up = np.hypot(z(55, 100, 7) - z(50, 100, 7), z(50, 93, 0.07 * 93) - z(50, 100, 7))
    assert best["systematic"]["up"] == pytest.approx(float(up), rel=1e-6)


# --- the stages -----------------------------------------------------------------------------------

DECLARED = {
    "lumi": {"kind": "rate", "value": 0.02},
    "jes": {"kind": "shift", "correction": "jes"},
    "isr": {"kind": "weight", "up": "weight_isr_up", "down": "weight_isr_down", "group": "model"},
    "fsr": {"kind": "sample", "up": ["a = 1"]},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small run with variations, and the evaluations of both models."""
    folder = tmp_path_factory.mktemp("run")
    factory.write_run(folder, events=250)
    for variation, shift, seed in (("jes_up", 1.02, 1), ("jes_down", 0.98, 1), ("fsr_up", 1.0, 5)):
        factory.write_run(folder, 250, seed, shift, variation)
    for model in ("bdt", "ucluster"):
        evaluate(
            jets=sorted((folder / "select/nominal").glob("*.parquet")),
            scores=folder / f"scores/{model}/nominal.parquet",
            model=folder / f"models/{model}/nominal",
            figures=folder / f"evaluation/{model}.json",
            plots=folder / f"plots/{model}",
            name=model,
            judged=JUDGED[model],
            evaluate=Evaluate(bootstrap=20),
            signal=SIGNAL[model],
            luminosity=10.0,
        )
    return folder


SIGNAL = {"bdt": ["top"], "ucluster": []}


def vary(run, folder, model, declared, variations="*"):
    """The stage evaluate_systematics on the jets and scores of some variations."""
    systematics(
        EvaluateSystematics(
            judged=JUDGED[model],
            systematics=declared,
            evaluate=Evaluate(bootstrap=20),
            signal=SIGNAL[model],
            luminosity=10.0,
        ),
        EvaluateSystematics.Files(
            jets=sorted(run.glob(f"select/{variations}/*.parquet")),
            scores=sorted(run.glob(f"scores/{model}/{variations}.parquet")),
            nominal=run / f"evaluation/{model}.json",
            figures=folder / "systematics.json",
        ),
    )


@pytest.mark.parametrize("model", ["bdt", "ucluster"])
def test_systematics_of_a_run(run, tmp_path, model):
    vary(run, tmp_path, model, SYSTEMATICS.validate_python(DECLARED))
    plot_systematics(
        PlotSystematics(scores=JUDGED[model].scores, label=LABEL),
        PlotSystematics.Files(figures=tmp_path / "systematics.json", plots=tmp_path),
    )
    result = json.loads((tmp_path / "systematics.json").read_text())
    known = json.loads((run / f"evaluation/{model}.json").read_text())
    assert {path.stem for path in tmp_path.glob("*.png")} == set(
        systematic_plots(families()[model].block())
    )
    assert set(result["parameters"]) == {"jes", "isr", "fsr"}  # a rate moves no AUC
    macro = result["auc"]["macro"]
    assert macro["value"] == known["macro_auc"]["value"]
    both = [macro["groups"][group]["up"] for group in ("exp", "model")]
    assert macro["systematic"]["up"] == pytest.approx(np.hypot(*both))
    for name in known["auc"]:
        shift = result["parameters"]["fsr"]["auc"][name]
        assert shift["up"] == pytest.approx(-shift["down"])  # one-sided
        assert 0 < result["parameters"]["isr"]["auc"][name]["error"] < shift["error"]
    assert ("significance" in result) == (model == "bdt")
    if model == "bdt":
        relative = result["significance"]["relative"]
        assert min(relative) >= 0.02
        for figure in result["rejection"]:
            assert figure.keys() >= {"signal_efficiency_at_threshold"}
            assert ("systematic" in figure) == ("value" in figure)


def test_comparison_of_a_run(run, tmp_path):
    comparison(
        Compare(judged=JUDGED, reference="bdt", bootstrap=20, label=LABEL),
        Compare.Files(
            jets=sorted((run / "select/nominal").glob("*.parquet")),
            scores=[run / f"scores/{model}/nominal.parquet" for model in JUDGED],
            figures=tmp_path / "comparison.json",
            plot=tmp_path / "comparison.png",
        ),
    )
    [pair] = json.loads((tmp_path / "comparison.json").read_text())["pairs"]
    assert pair["models"] == ["bdt", "ucluster"]
    known = json.loads((run / "evaluation/ucluster.json").read_text())
    assert pair["jets"] == known["jets"]
    assert set(pair["auc"]) == {"w", "z", "top", "macro"}
    assert (tmp_path / "comparison.png").stat().st_size > 10_000


def test_missing_jets_of_a_variation(run, tmp_path):
    with pytest.raises(BoostflowError, match="nominal jets and their scores are missing"):
        vary(run, tmp_path, "bdt", {"jes": Shift(kind="shift", correction="jes")}, "jes_up")
    with pytest.raises(BoostflowError, match="jets without a finite weight weight_fsr_up"):
        vary(run, tmp_path, "bdt", {"fsr": Weight(kind="weight", up="weight_fsr_up")}, "nominal")

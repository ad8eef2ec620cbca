"""Up and down templates from members: combinations, mirroring, smoothing; regions of clusters."""

from __future__ import annotations

import numpy as np
import pytest

from boostflow.config.statistics import Infer, Prune, Region, Templates
from boostflow.config.systematics import Rate, Shift, Weight, by_parameter
from boostflow.effects import sides
from boostflow.errors import BoostflowError
from boostflow.infer.workspace import build, modifiers
from boostflow.templates.build import fill
from boostflow.templates.categories import cluster_classes
from boostflow.templates.files import Template
from support.stages import templates_job

NOMINAL = np.array([100.0, 50.0, 20.0, 10.0])


def template(values, error=0.05):
    values = np.asarray(values, dtype=float)
    return Template(values, (error * values) ** 2, np.linspace(0, 200, len(values) + 1), "mass")


def weight(**form):
    return Weight(kind="weight", **form)


def test_an_envelope_takes_the_extremes_and_nominal():
    members = [NOMINAL * [1.1, 1.1, 0.9, 1.2], NOMINAL * [1.2, 1.05, 0.8, 1.1]]
    up, down = sides(weight(envelope=["a", "b"]), template(NOMINAL), members)
    np.testing.assert_allclose(up / NOMINAL, [1.2, 1.1, 1.0, 1.2])
    np.testing.assert_allclose(down / NOMINAL, [1.0, 1.0, 0.8, 1.0])


def test_replicas_are_a_standard_deviation_and_hessian_a_quadratic_sum():
    rng = np.random.default_rng(1)
    members = NOMINAL * (1 + 0.1 * rng.normal(size=(400, 1)))
    names = [f"w{i}" for i in range(400)]
    up, down = sides(weight(replicas=names), template(NOMINAL), list(members))
    np.testing.assert_allclose(up - NOMINAL, members.std(axis=0, ddof=1))
    np.testing.assert_allclose(up + down, 2 * NOMINAL)
    pair = [NOMINAL + 3, NOMINAL - 4]
    up, _ = sides(weight(hessian=["a", "b"]), template(NOMINAL), pair)
    np.testing.assert_allclose(up, NOMINAL + 5)


def test_symmetrising():
    up, down = NOMINAL + np.array([[4, 4, -2, 1], [-2, 2, 1, -3]])
    mean = sides(weight(up="a", down="b", symmetrise="mean"), template(NOMINAL), [up, down])
    np.testing.assert_allclose(mean[0] - NOMINAL, [3, 1, -1.5, 2])
    np.testing.assert_allclose(mean[1] - NOMINAL, [-3, -1, 1.5, -2])
    largest = sides(weight(up="a", down="b", symmetrise="largest"), template(NOMINAL), [up, down])
    np.testing.assert_allclose(largest[0] - NOMINAL, [4, 4, -2, 3])


@pytest.mark.parametrize("how", ["353qh", "linear", "flat"])
def test_smoothing_keeps_what_is_smooth(how):
    nominal = np.linspace(200, 100, 12)
    ratio = np.full(12, 1.07) if how == "flat" else np.linspace(0.9, 1.1, 12)
    up, _ = sides(weight(up="a", smooth=how), template(nominal), [nominal * ratio])
    np.testing.assert_allclose(up / nominal, ratio, atol=0.003)


@pytest.mark.parametrize("how", ["353qh", "linear", "flat"])
def test_smoothing_takes_noise_away(how):
    """The noise of many independent templates around a flat ratio is smaller after smoothing."""
    nominal, rng = np.full(12, 400.0), np.random.default_rng(2)
    rough, fine = [], []
    for _ in range(200):
        other = rng.poisson(nominal).astype(float)
        up, _ = sides(weight(up="a", smooth=how), template(nominal), [other])
        rough.append(np.std(other))
        fine.append(np.std(up))
        if how != "linear":
            assert up.sum() == pytest.approx(other.sum())
    assert np.mean(fine) < 0.7 * np.mean(rough)


def test_pruning_looks_at_yield_and_shape_apart():
    up = NOMINAL * 1.02 * [1.0005, 0.9995, 1.0, 0.999]
    kinds = {m["type"] for m in modifiers("x", NOMINAL, up, NOMINAL, Prune(norm=0.01, shape=0.01))}
    assert kinds == {"normsys"}
    kinds = {m["type"] for m in modifiers("x", NOMINAL, up, NOMINAL, Prune(norm=0.03, shape=0.0))}
    assert kinds == {"histosys"}


def test_entries_of_one_parameter_add_up_and_regions_restrict():
    declared = {
        "a": Rate(kind="rate", value=0.1, parameter="scale", regions=["pass"]),
        "b": Rate(kind="rate", up=0.2, down=-0.1, parameter="scale"),
        "jes": Shift(kind="shift", correction="jes", samples=["top"], regions=["fail"]),
    }
    assert by_parameter(declared) == {"scale": ["a", "b"], "jes": ["jes"]}
    both = {"top": template(NOMINAL), "qcd": template(3 * NOMINAL)}
    templates = {v: {"pass": both, "fail": both} for v in ("nominal", "jes_down")}
    moved = {"top": template(1.1 * NOMINAL), "qcd": template(4 * NOMINAL)}
    templates["jes_up"] = {"pass": moved, "fail": moved}
    spec, _ = build(templates, declared, Infer(signal=["top"], mc_stat=False))
    found = {
        (channel["name"], sample["name"], m["name"]): m["data"]
        for channel in spec["channels"]
        for sample in channel["samples"]
        for m in sample["modifiers"]
        if m["name"] != "mu"
    }
    assert found["pass", "top", "scale"] == pytest.approx({"hi": 1.3, "lo": 0.8})
    assert found["fail", "qcd", "scale"] == pytest.approx({"hi": 1.2, "lo": 0.9})
    assert [key[:2] for key in found if key[2] == "jes"] == [("fail", "top")]


def test_clusters_are_regions_by_the_class_they_stand_for():
    """Cluster 2 is top, 0 and 3 are W; matched on validation jets, filled with test jets."""
    rng = np.random.default_rng(3)
    clusters, jets, scores = {"top": [2] * 9 + [0], "w": [0] * 6 + [3] * 4}, {}, {}
    for sample, usual in clusters.items():
        split = np.repeat([1, 2], 500)
        found = rng.choice(usual, 1000)
        jets[sample] = {
            "msoftdrop": np.full(1000, 100.0),
            "split": split,
            "candidate": np.full(1000, True),
            "weight": np.ones(1000),
            "label": np.full(1000, sample),
        }
        scores[sample] = {
            "ucluster": {"cluster": np.where(split == 1, found, rng.choice(usual, 1000))}
        }
    config = Templates(
        bins=1,
        range=[0.0, 200.0],
        regions={
            "pass": Region(model="ucluster", clusters=["top"]),
            "fail": Region(model="ucluster", clusters=["w"]),
        },
    )
    result = fill(jets, scores, templates_job(config, 1.0))
    for sample in jets:
        test = scores[sample]["ucluster"]["cluster"][500:]
        for region, mine in (("pass", [2]), ("fail", [0, 3])):
            assert result[region, sample].values()[0] == np.isin(test, mine).sum()
    for table in jets.values():
        table["label"] = np.full(1000, "unmatched")
    with pytest.raises(BoostflowError, match="no labelled jet of the validation split"):
        fill(jets, scores, templates_job(config, 1.0))


def test_alternative_samples_have_test_events_alone():
    """Their labelled jets count, those of other samples only in the validation split."""
    split = np.array([0, 1, 2] * 10)
    jets = {
        "top": {"split": np.full(30, 2), "label": np.full(30, "top", dtype="U9")},
        "w": {"split": split, "label": np.full(30, "w", dtype="U9")},
    }
    clusters = {"top": np.full(30, 1), "w": np.where(split == 1, 0, 1)}
    assert cluster_classes(jets, clusters, "ucluster") == {0: "w", 1: "top"}

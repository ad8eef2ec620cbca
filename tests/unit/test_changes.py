"""Replicas and Hessian sets as nuisance parameters: migrations, covariance, errors of mu."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from boostflow.config.statistics import Infer
from boostflow.config.systematics import SYSTEMATICS
from boostflow.effects import CUT, principal, sides
from boostflow.infer import fit
from boostflow.infer.changes import changes, shapes_are_noise
from boostflow.infer.report import parameter_titles
from boostflow.infer.workspace import build
from boostflow.templates.files import Template

SIGNAL = {"pass": np.array([40.0, 80.0]), "fail": np.array([10.0, 20.0])}
BACKGROUND = {"pass": np.array([400.0, 300.0]), "fail": np.array([4000.0, 3000.0])}
MEMBERS = 6


def template(values):
    return Template(values, 1e-6 * values, np.linspace(50, 200, len(values) + 1), "msoftdrop")


def analysis(form, rng):
    """Members that move background jets from one region to the other, and tilt both.

    Nominal lies away from the mean of the members.
    """

    def contents(moved, tilt):
        tilted = np.array([-tilt, tilt])
        return {
            "pass": {
                "top": template(SIGNAL["pass"]),
                "quark": template(BACKGROUND["pass"] * (1 + tilted) + moved),
            },
            "fail": {
                "top": template(SIGNAL["fail"]),
                "quark": template(BACKGROUND["fail"] * (1 + tilted) - moved),
            },
        }

    size = rng.normal(size=(MEMBERS, 2)) * [12.0, 0.01]
    templates = {"nominal": contents(3.0, 0.0)}
    templates |= {f"seed_m{i}": contents(*pair) for i, pair in enumerate(size)}
    declared = {"kind": "weight", "group": "ml", form: [f"w{i}" for i in range(MEMBERS)]}
    return templates, SYSTEMATICS.validate_python({"seed": declared | {"title": "Seed"}})


def vector(templates, variation="nominal"):
    """Background of all bins and regions."""
    return np.concatenate([templates[variation][r]["quark"].values for r in ("pass", "fail")])


def covariance(templates, form):
    found = np.array([vector(templates, f"seed_m{i}") for i in range(MEMBERS)])
    if form == "replicas":
        return np.cov(found.T)
    change = found - vector(templates)
    return change.T @ change


@pytest.mark.parametrize("form", ["replicas", "hessian"])
def test_parameters_have_the_covariance_of_the_members(form):
    templates, declared = analysis(form, np.random.default_rng(1))
    found = changes(templates, declared, ["top", "quark"], Infer().prune, [])
    # Members change two things: as many parameters.
    assert set(found) == {f"seed_{k}" for k in range(1, len(found) + 1)}
    assert len(found) == 2
    total = np.zeros((4, 4))
    for cells in found.values():
        up, down = (
            np.concatenate([cells[r, "quark"].sides[i] for r in ("pass", "fail")]) for i in (0, 1)
        )
        np.testing.assert_allclose(down, -up)
        total += np.outer(up, up)
    expected = covariance(templates, form)
    np.testing.assert_allclose(total, expected, rtol=0.01, atol=2e-3 * expected.max())
    # What one region gains the other loses.
    assert total[:2, 2:].sum() < 0
    assert all((np.abs(cells["pass", "top"].sides) < 1e-9).all() for cells in found.values())


@pytest.mark.parametrize("form", ["replicas", "hessian"])
def test_error_of_mu_is_that_of_the_covariance(form):
    """Gaussian: 1/sigma^2 = s V^-1 s with V = diag(n) + covariance of the members."""
    logging.getLogger("pyhf").setLevel(logging.ERROR)
    templates, declared = analysis(form, np.random.default_rng(2))
    spec, _ = build(templates, declared, Infer(mc_stat=False))
    result = fit.run(spec, declared)
    signal = np.concatenate([SIGNAL["pass"], SIGNAL["fail"]])
    full = np.diag(signal + vector(templates)) + covariance(templates, form)
    expected = 1 / np.sqrt(signal @ np.linalg.solve(full, signal))
    strength = result["pois"]["mu"]
    assert strength["error"] == pytest.approx(expected, rel=0.02)
    assert strength["breakdown"]["order"] == ["ml"]
    assert {e["group"] for e in result["parameters"]} == {"ml"}
    names = [e["name"] for e in result["parameters"]]
    assert sorted(names) == ["seed_1", "seed_2"]
    titles = parameter_titles(declared)
    assert [titles[name] for name in sorted(names)] == ["Seed 1", "Seed 2"]


def test_members_of_entries_with_one_parameter_move_together():
    templates, declared = analysis("hessian", np.random.default_rng(3))
    members = declared["seed"].hessian
    for i in range(MEMBERS):
        templates[f"top_m{i}"] = {
            region: contents | {"top": template(contents["top"].values * (1 + 0.01 * (i + 1)))}
            for region, contents in templates["nominal"].items()
        }
    both = SYSTEMATICS.validate_python(
        {
            "seed": {"kind": "weight", "hessian": members, "samples": ["quark"]},
            "top": {
                "kind": "weight",
                "hessian": members,
                "samples": ["top"],
                "parameter": "seed",
            },
        }
    )
    found = changes(templates, both, ["top", "quark"], Infer().prune, [])
    assert all(name.startswith("seed_") for name in found)
    mixed = sum(
        cells["pass", "quark"].sides[0][0] * cells["pass", "top"].sides[0][0]
        for cells in found.values()
    )
    quark = [vector(templates, f"seed_m{i}")[0] - vector(templates)[0] for i in range(MEMBERS)]
    top = [SIGNAL["pass"][0] * 0.01 * (i + 1) for i in range(MEMBERS)]
    assert mixed == pytest.approx(np.dot(quark, top), rel=0.02)


def test_a_bin_shows_the_quadratic_sum_of_the_parameters():
    templates, declared = analysis("replicas", np.random.default_rng(4))
    found = changes(templates, declared, ["top", "quark"], Infer().prune, [])
    total = np.sqrt(sum(cells["pass", "quark"].sides[0] ** 2 for cells in found.values()))
    nominal = templates["nominal"]["pass"]["quark"]
    members = [templates[f"seed_m{i}"]["pass"]["quark"].values for i in range(MEMBERS)]
    up, down = sides(declared["seed"], nominal, members)
    np.testing.assert_allclose(up - nominal.values, total, rtol=2e-3)
    np.testing.assert_allclose(nominal.values - down, total, rtol=2e-3)


def test_principal_components():
    rng = np.random.default_rng(5)
    two = rng.normal(size=(2, 30)) * [[10.0], [1.0]]
    many = rng.normal(size=(100, 2)) @ two + 1e-5 * rng.normal(size=(100, 30))
    found = principal(many, np.ones(30))
    assert found.shape == (2, 30)
    assert (found.sum(axis=1) > 0).all()
    assert np.sum(found[0] ** 2) > np.sum(found[1] ** 2)
    assert np.sum(found**2) == pytest.approx(np.sum(many**2))
    # Without members' changes, or with nothing expected anywhere, there is no parameter.
    assert principal(np.zeros((4, 30)), np.ones(30)).shape == (0, 30)
    assert principal(many, np.zeros(30)).shape == (0, 30)
    # A column where nothing is expected takes no part.
    scale = np.ones(30)
    scale[7] = 0
    assert (principal(many, scale)[:, 7] == 0).all()


def test_poor_regions_keep_their_errors():
    """A rich region takes most of the variance; what a poor one loses is still below the cut."""
    rng = np.random.default_rng(6)
    rich = 1e7 * rng.normal(size=(20, 10)) * 0.003
    poor = 280 * rng.normal(size=(20, 3)) * 0.017
    scale = np.sqrt(np.array([1e7] * 10 + [280.0] * 3))
    members = np.hstack([rich, poor])
    found = principal(members, scale)
    left = np.sum((members / scale) ** 2, axis=0) - np.sum((found / scale) ** 2, axis=0)
    assert left.max() <= CUT**2 + 1e-9 * np.sum((members / scale) ** 2, axis=0).max()
    np.testing.assert_allclose(
        found[:, 10:].T @ found[:, 10:], poor.T @ poor, atol=(CUT * scale[-1]) ** 2
    )


def test_pruning_is_of_all_components_together():
    """Many small members that add up to more than the threshold stay."""
    nominal = {"pass": {"top": template(SIGNAL["pass"]), "quark": template(1e4 * SIGNAL["pass"])}}
    rng = np.random.default_rng(7)
    templates = {"nominal": nominal}
    for i in range(50):
        change = 1 + 2e-4 * rng.normal(size=2)
        templates[f"pdf_m{i}"] = {
            "pass": {name: template(t.values * change) for name, t in nominal["pass"].items()}
        }
    declared = SYSTEMATICS.validate_python(
        {"pdf": {"kind": "weight", "hessian": [f"w{i}" for i in range(50)]}}
    )
    spec, _ = build(templates, declared, Infer(mc_stat=False))
    sample = next(s for s in spec["channels"][0]["samples"] if s["name"] == "quark")
    sizes = [m["data"]["hi"] - 1 for m in sample["modifiers"] if m["type"] == "normsys"]
    members = [
        templates[f"pdf_m{i}"]["pass"]["quark"].values.sum() / nominal["pass"]["quark"].values.sum()
        - 1
        for i in range(50)
    ]
    assert max(map(abs, members)) < Infer().prune.norm < np.sqrt(np.sum(np.square(members)))
    assert np.sqrt(np.sum(np.square(sizes))) == pytest.approx(
        np.sqrt(np.sum(np.square(members))), rel=0.02
    )


def test_noise_of_many_samples_is_noise():
    """Whatever their number, shapes of the same truth are kept in 5 % of all cases."""
    rng = np.random.default_rng(8)
    truth = np.array([80.0, 120.0, 60.0, 40.0, 30.0])

    def drawn():
        values = rng.poisson(truth).astype(float)
        return Template(values, values, np.linspace(0, 1, 6), "mass")

    for number in (2, 21):
        kept = [not shapes_are_noise([drawn() for _ in range(number)]) for _ in range(400)]
        assert np.mean(kept) == pytest.approx(0.05, abs=0.035)
    tilted = Template(truth * [2, 1.2, 1, 0.6, 0.2], truth, np.linspace(0, 1, 6), "mass")
    assert not shapes_are_noise([drawn(), tilted])

"""Health check of systematic effects: each flag, statistical errors, files, messages."""

from __future__ import annotations

import json

import numpy as np
import pytest
import uproot

from boostflow.config.statistics import Infer
from boostflow.config.systematics import SYSTEMATICS
from boostflow.effects import minor
from boostflow.errors import BoostflowError
from boostflow.infer.health import check, demand, judge, plot, run, table, turns, variance
from boostflow.infer.merge import steady
from boostflow.jobs import statistics as jobs
from boostflow.plots.health import effects
from boostflow.plots.style import Label, style
from boostflow.templates.files import Template
from support.fits import write_templates

EDGES = np.linspace(50, 290, 7)
NOMINAL = np.array([400.0, 300.0, 200.0, 100.0, 80.0, 60.0])
DECLARED = SYSTEMATICS.validate_python(
    {
        "jes": {"kind": "shift", "correction": "jes"},
        "isr": {"kind": "weight", "up": "weight_isr_up", "down": "weight_isr_down"},
        "tune": {"kind": "sample", "up": ["a = 1"], "down": ["b = 1"]},
        "single": {"kind": "weight", "up": "weight_isr_up"},
        "scale": {"kind": "weight", "envelope": ["weight_mur2", "weight_mur05"]},
    }
)
RISE = np.linspace(0.95, 1.1, 6)


def template(values, weight=1.0):
    """Jets of equal weight."""
    values = np.asarray(values, dtype=float)
    return Template(values, np.abs(values) * weight, EDGES, "msoftdrop")


def flags(name, *members, nominal=None):
    """Of one entry with these templates."""
    members = [m if isinstance(m, Template) else template(m) for m in members]
    return judge(DECLARED[name], nominal or template(NOMINAL), members)[1]


def test_what_is_minor_is_not_judged():
    """Signal is 1 % of one region, and a third of the other; estimated samples count there, too."""
    contents = {
        "fail": {"top": template([1.0] * 6), "qcd": template([99.0] * 6)},
        "pass": {"top": template([10.0] * 6), "qcd": template([20.0] * 6)},
    }
    varied = {r: {s: template(t.values * RISE) for s, t in c.items()} for r, c in contents.items()}
    templates = {"nominal": contents, "jes_up": varied, "jes_down": contents}
    declared = {"jes": DECLARED["jes"]}
    assert minor(contents, 0.01) == set()
    assert minor(contents, 0.011) == {("fail", "top")}
    assert minor(contents, 0.4) == {("fail", "top"), ("pass", "top")}
    found = check(templates, declared, minor(contents, 0.011))
    assert [(e["region"], e["sample"]) for e in found] == [
        *(("fail", "qcd"), ("pass", "top"), ("pass", "qcd"))
    ]


def test_single_jets_make_no_shape():
    """Two bins of a few jets: they rise by 20 % as those of many do, and none is empty."""
    nominal = np.array([400.0, 300.0, 200.0, 100.0, 4.0, 3.0])
    varied = np.array([500.0, 350.0, 250.0, 100.0, 0.0, 9.0])
    templates = {"nominal": {"r": {"s": template(nominal)}}, "up": {"r": {"s": template(varied)}}}
    assert "empty" in flags("jes", varied, nominal * 0.9, nominal=template(nominal))
    done = steady(templates, 5)
    assert done["nominal"]["r"]["s"].values.tolist() == nominal.tolist()
    up = done["up"]["r"]["s"]
    np.testing.assert_allclose(up.values, [*varied[:4], 4.8, 3.6])
    np.testing.assert_allclose(up.variances, [*varied[:4], 4 * 1.44, 3 * 1.44])
    assert flags("jes", up, nominal * 0.9, nominal=template(nominal)) == []
    assert steady(templates, 0)["up"]["r"]["s"].values.tolist() == varied.tolist()
    # Where there are few in all bins they change together.
    poor = {v: {"r": {"s": template(x)}} for v, x in (("nominal", [1.0] * 6), ("up", [0, 2.0] * 3))}
    assert steady(poor, 5)["up"]["r"]["s"].values.tolist() == [1.0] * 6


def test_a_healthy_effect_has_no_flag():
    assert flags("jes", NOMINAL * RISE, NOMINAL * (2 - RISE)) == []
    assert flags("tune", NOMINAL * 1.3, NOMINAL * 0.7) == []


def test_each_flag():
    up, down = NOMINAL * RISE, NOMINAL * (2 - RISE)
    bad = up.copy()
    bad[2] = np.nan
    assert flags("jes", bad, down) == ["nan"]
    assert "empty" in flags("jes", np.where(EDGES[:-1] > 200, 0, up), down)
    assert "empty" in flags("isr", np.where(EDGES[:-1] > 200, -1, up), down)
    assert flags("jes", NOMINAL, NOMINAL) == ["zero"]
    assert "zero" not in flags("jes", NOMINAL, down)
    assert "large" in flags("jes", NOMINAL * 2.5, down)
    peak = NOMINAL.copy()
    peak[3] *= 2.2
    assert "large" in flags("jes", peak, down)
    assert "one_sided" in flags("jes", NOMINAL * 1.1, NOMINAL * 1.05)
    assert "one_sided" in flags("isr", NOMINAL * 0.9, NOMINAL * 0.95)


def test_mirrored_and_combined_sides_are_not_one_sided():
    assert flags("single", NOMINAL * 1.1) == []
    assert flags("scale", NOMINAL * 1.1, NOMINAL * 1.05) == []


def test_sides_within_their_errors_are_not_one_sided():
    # 1,140 independent events: 1 % is 0.2 standard deviations, 30 % are six.
    assert flags("tune", NOMINAL * 1.01, NOMINAL * 1.01) == ["insignificant"]
    assert flags("tune", NOMINAL * 1.3, NOMINAL * 1.3) == ["one_sided"]


def test_signs_that_alternate_more_often_than_a_peak_moves():
    moved = np.array([1.0, 0.5, 0.5, 1.5, 1.5, 1.0])
    assert "flipped" not in flags("jes", NOMINAL * moved, NOMINAL * (2 - moved))
    wiggle = np.array([1.5, 0.5, 1.5, 0.5, 1.5, 0.5])
    assert "flipped" in flags("jes", NOMINAL * wiggle, NOMINAL * (2 - wiggle))
    noise = 1 + 0.01 * (wiggle - 1)
    assert "flipped" not in flags("tune", NOMINAL * noise, NOMINAL * noise)
    assert turns(np.array([3.0, 0.1, -3.0, 3.0]), np.ones(4)) == 2


def test_regions_whose_sign_alternates():
    def regions(*factors):
        return {f"r{i}": {"top": template(NOMINAL * f)} for i, f in enumerate(factors)}

    templates = {"nominal": regions(1, 1, 1)}
    templates |= {"jes_up": regions(1.3, 0.7, 1.3), "jes_down": regions(0.7, 1.3, 0.7)}
    found = check(templates, {"jes": DECLARED["jes"]})
    assert [e["flags"] for e in found] == [["flipped"]] * 3
    # Once is a migration over a border.
    templates |= {"jes_up": regions(1.3, 0.7, 0.7), "jes_down": regions(0.7, 1.3, 1.3)}
    assert [e["flags"] for e in check(templates, {"jes": DECLARED["jes"]})] == [[]] * 3


def test_variance_of_a_weight_is_that_of_its_jets():
    rng = np.random.default_rng(1)
    ratio, weight = rng.normal(1.1, 0.2, 500), 3.0
    nominal = Template(np.array([500 * weight]), np.array([500 * weight**2]), EDGES[:2], "m")
    varied = Template(
        np.array([np.sum(weight * ratio)]),
        np.array([np.sum((weight * ratio) ** 2)]),
        EDGES[:2],
        "m",
    )
    exact = np.sum(weight**2 * (ratio - 1) ** 2)
    assert variance(DECLARED["isr"], nominal, varied)[0] == pytest.approx(exact)
    assert variance(DECLARED["tune"], nominal, varied)[0] == pytest.approx(
        nominal.variances[0] + varied.variances[0]
    )


def test_insignificance_of_a_weight_by_toys():
    """A weight without a mean effect is flagged as often as its yield and shape are noise."""
    rng = np.random.default_rng(2)
    flagged = []
    for mean in (1.0, 1.05):
        found = 0
        for _ in range(200):
            contents = [rng.normal(mean, 0.2, int(n)) for n in NOMINAL]
            values = np.array([r.sum() for r in contents])
            squares = np.array([(r**2).sum() for r in contents])
            member = Template(values, squares, EDGES, "msoftdrop")
            found += "insignificant" in flags("single", member)
        flagged.append(found)
    # Of normal bins with these errors 45.3 % have |sum| < 1 sigma and chi2/6 < 1 (10^6 toys).
    assert flagged[0] / 200 == pytest.approx(0.453, abs=0.11)
    assert flagged[1] == 0


def test_migration_of_less_than_a_jet_is_insignificant():
    moved = NOMINAL + np.array([0.5, 0, 0, 0, 0, -0.2])
    assert flags("jes", moved, moved) == ["insignificant"]
    moved = NOMINAL + np.array([20.0, 0, 0, 0, 0, -20.0])
    assert flags("jes", moved, 2 * NOMINAL - moved) == []


def analysis(folder, factor):
    """Template files of nominal and two variations of a shift in two regions."""

    def regions(change):
        samples = {"top": template(50 * NOMINAL * change), "quark": template(50 * NOMINAL)}
        return {"pass": samples, "fail": samples}

    templates = {"nominal": regions(1.0), "jes_up": regions(factor), "jes_down": regions(2 - RISE)}
    return write_templates(folder, templates)


def checked(folder, templates, *data):
    """The health check of the shift, written into a folder."""
    figures, table = folder / "h.json", folder / "h.txt"
    files = jobs.Health.Files(templates=templates, figures=figures, table=table)
    systematics = {"jes": DECLARED["jes"]}
    run(jobs.Health(signal=Infer().signal, systematics=systematics, data=list(data)), files)
    return figures


def test_collision_data_beside_the_templates_are_not_judged(tmp_path):
    """They are in nominal.root alone, where they may be seen."""
    paths = analysis(tmp_path, RISE)
    alone = checked(tmp_path, paths).read_text()
    with uproot.update(paths[0]) as file:
        file["fail/data"] = file["fail/top"].to_hist()
    assert checked(tmp_path, paths, "data").read_text() == alone


def test_files_and_strictness(tmp_path):
    bad = RISE.copy()
    bad[1] = np.nan
    health = checked(tmp_path, analysis(tmp_path, bad))
    found = json.loads(health.read_text())
    assert found["counts"]["nan"] == 2
    assert found["counts"]["zero"] == 2  # of quark, which nothing varies
    assert {(e["region"], e["sample"]) for e in found["effects"] if e["flags"] == ["nan"]} == {
        ("pass", "top"),
        ("fail", "top"),
    }
    assert "pass/top" in (tmp_path / "h.txt").read_text()
    files = jobs.DemandHealth.Files(health=[health])
    with pytest.raises(BoostflowError, match="nan: jes in pass/top, fail/top"):
        demand(jobs.DemandHealth(forbidden=Infer(strict=True).forbidden()), files)
    demand(jobs.DemandHealth(forbidden=Infer(strict=["large"]).forbidden()), files)
    assert Infer().forbidden() == []


def test_flags_of_a_background_from_data_end_a_strict_run(tmp_path):
    """Alone, where no systematic has templates, and only those that are listed."""
    flag = {"flag": "biased", "text": "mu is biased by +0.50 ± 0.04 of its statistical error"}
    path = tmp_path / "transfer.json"
    path.write_text(json.dumps({"flags": [flag]}))
    files = jobs.DemandHealth.Files(transfer=[path])
    with pytest.raises(BoostflowError, match=r"transfer.json\)\nbiased: mu is"):
        demand(jobs.DemandHealth(forbidden=Infer(strict=True).forbidden()), files)
    demand(jobs.DemandHealth(forbidden=Infer(strict=["nan", "misfit"]).forbidden()), files)


def test_plot(tmp_path):
    found = json.loads(checked(tmp_path, analysis(tmp_path, RISE)).read_text())
    with style():
        figure = effects(found["effects"], {"jes": "Jet energy scale"}, Label())
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["Jet energy scale"]
    files = jobs.PlotHealth.Files(health=tmp_path / "h.json", plot=tmp_path / "h.png")
    plot(jobs.PlotHealth(titles={"jes": "Jet energy scale"}, label=("left", "right")), files)
    assert (tmp_path / "h.png").stat().st_size > 0


def test_a_clean_table_says_so():
    assert table([]) == "0 of 0 effects (entry, region, sample) have a flag.\n"

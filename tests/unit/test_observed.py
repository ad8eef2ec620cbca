"""What is fitted: Asimov, pseudo-data and collision data, and who may see which."""

from __future__ import annotations

import numpy as np
import pytest

from boostflow.config.statistics import Infer
from boostflow.errors import BoostflowError
from boostflow.infer import fit
from boostflow.infer.observed import observations, split
from boostflow.infer.workspace import build
from boostflow.infer.yields import tabulate
from boostflow.templates.files import Template

EDGES = np.array([0.0, 1.0, 2.0])


def template(*values: float) -> Template:
    return Template(np.array(values), np.abs(values), EDGES, "m")


NOMINAL = {
    "pass": {"top": template(30.0, 10.0), "quark": template(40.0, 50.0)},
    "fail": {"top": template(5.0, 5.0), "quark": template(400.0, 500.0)},
}
PSEUDO = {
    "pass": {"top": template(33.0, 9.0), "quark": template(38.0, 55.0)},
    "fail": {"top": template(5.0, 6.0), "quark": template(410.0, -490.0)},
}


def with_data(*regions: str, names: tuple[str, ...] = ("run_a", "run_b")):
    return {
        region: contents | {n: template(7.0, 8.0) for n in names if region in regions}
        for region, contents in NOMINAL.items()
    }


def test_data_samples_are_no_templates():
    simulated, counts = split(with_data("fail"), ["run_a", "run_b"])
    assert simulated == NOMINAL
    assert {region: n.tolist() for region, n in counts.items()} == {"fail": [14.0, 16.0]}
    with pytest.raises(BoostflowError, match="template fail/run_b: missing"):
        split(with_data("fail", names=("run_a",)), ["run_a", "run_b"])
    # A data sample that the configuration no longer knows.
    with pytest.raises(BoostflowError, match="template pass/run_a: missing"):
        split(with_data("fail"), [])


def test_asimov_is_the_default():
    assert observations(Infer(), NOMINAL, {}, None) == (None, [])


def test_pseudo_data_are_poisson_numbers_of_the_other_split():
    draws = []
    for seed in range(300):
        found, notes = observations(Infer(data="pseudo", seed=seed), NOMINAL, {}, PSEUDO)
        draws.append(found["pass"])
    again, _ = observations(Infer(data="pseudo", seed=299), NOMINAL, {}, PSEUDO)
    assert again["pass"].tolist() == draws[-1].tolist()
    draws = np.array(draws)
    np.testing.assert_allclose(draws.mean(axis=0), [71, 64], rtol=0.04)
    np.testing.assert_allclose(draws.var(axis=0), [71, 64], rtol=0.3)
    assert again["fail"][1] == 0
    assert notes == ["fail: pseudo-data of bins 2 drawn around 0, the expectation is negative"]


def test_pseudo_data_widen_the_statistical_error():
    nominal = {"nominal": NOMINAL}
    numbers = {"pass": np.array([70.0, 60.0]), "fail": np.array([400.0, 500.0])}
    for pseudo, factor in ((None, 1.0), (PSEUDO, 2.0)):
        spec, _ = build(nominal, {}, Infer(data="pseudo"), numbers, pseudo)
        quark = spec["channels"][0]["samples"][1]
        (errors,) = (m["data"] for m in quark["modifiers"] if m["type"] == "staterror")
        assert errors[0] ** 2 == pytest.approx(40 + (38 if factor == 2 else 0))
        assert spec["observations"][0]["data"] == [70.0, 60.0]


def test_events_where_none_are_expected():
    nominal = {"r": {"top": template(30.0, 0.0), "quark": template(40.0, 0.0)}}
    with pytest.raises(BoostflowError, match="region r: 3 events observed in bin 2, where no"):
        build({"nominal": nominal}, {}, Infer(), {"r": np.array([70.0, 3.0])})
    build({"nominal": nominal}, {}, Infer(), {"r": np.array([70.0, 0.0])})


def test_collision_data_need_both_keys():
    _, counts = split(with_data("pass", "fail"), ["run_a", "run_b"])
    found, _ = observations(Infer(data="observed", unblind=True), NOMINAL, counts, None)
    assert found["pass"].tolist() == [14.0, 16.0]
    with pytest.raises(BoostflowError, match=r"observed needs infer\.unblind"):
        observations(Infer(data="observed"), NOMINAL, counts, None)
    with pytest.raises(BoostflowError, match="no collision data in the templates of region pass"):
        observations(Infer(data="observed", unblind=True), NOMINAL, {"fail": counts["fail"]}, None)
    with pytest.raises(BoostflowError, match="pseudo needs the templates of the validation split"):
        observations(Infer(data="pseudo"), NOMINAL, {}, None)


def test_what_is_empty_in_simulation_is_zero_in_the_yields():
    """Two bins: one sample fills both, one the first, one (in this region) none."""

    def sample(*values):
        return Template(np.array(values), 2.0 * np.array(values), np.arange(3.0), "m")

    templates = {
        "r": {"top": sample(20.0, 30.0), "quark": sample(100.0, 0.0), "z": sample(0.0, 0.0)},
        "s": {"top": sample(20.0, 30.0), "quark": sample(100.0, 9.0), "z": sample(9.0, 9.0)},
    }
    spec, _ = build({"nominal": templates}, {}, Infer())
    empty = {
        r: {n: np.where(t.values <= 0, 2.0, np.nan) for n, t in c.items()}
        for r, c in templates.items()
    }
    edges = {"r": [0.0, 1.0, 2.0], "s": [0.0, 1.0, 2.0]}
    found = tabulate(spec, edges, {}, empty)["r"]
    for stage in ("prefit", "postfit"):
        assert found[stage]["z"] == {
            "values": [0.0, 0.0],
            "errors": [2.0, 2.0],  # one jet
            "sum": 0.0,
            "sum_error": pytest.approx(np.sqrt(8)),
        }
        assert found[stage]["quark"]["values"][1] == 0.0
        assert found[stage]["quark"]["errors"][1] == 2.0
        assert found[stage]["quark"]["sum"] == pytest.approx(100, rel=1e-4)
    assert found["prefit"]["total"]["values"] == pytest.approx([120.0, 30.0], abs=1e-9)
    # The error of the total has those of the empty bins, too.
    assert found["prefit"]["total"]["errors"][1] == pytest.approx(np.sqrt(60 + 4 + 4))


def test_yields_before_and_after_the_fit():
    """One bin, no systematics: after the fit the total is what was counted, with its own error."""
    one = {"r": {"top": Template(np.array([20.0]), np.array([1.0]), EDGES[:2], "m")}}
    one["r"]["quark"] = Template(np.array([100.0]), np.array([1.0]), EDGES[:2], "m")
    config = Infer(mc_stat=False, data="observed", unblind=True)
    spec, _ = build({"nominal": one}, {}, config, {"r": np.array([144.0])})
    found = tabulate(spec, {"r": [0.0, 1.0]}, {"r": np.array([9.0])})["r"]
    assert found["data"] == [144.0] and found["unfitted"] == [9.0]
    assert found["prefit"]["total"]["values"] == [120.0]
    assert found["prefit"]["total"]["errors"] == [0.0]
    assert found["postfit"]["total"]["values"][0] == pytest.approx(144, rel=1e-4)
    assert found["postfit"]["total"]["errors"][0] == pytest.approx(12, rel=0.01)
    assert found["postfit"]["top"]["sum"] == pytest.approx(44, rel=1e-3)
    assert found["postfit"]["quark"]["sum_error"] == 0.0
    result = fit.run(spec, {}, config)["pois"]["mu"]
    assert result["value"] == pytest.approx(2.2, rel=1e-3)
    assert result["significance"]["observed"] > result["significance"]["expected"]
    assert "observed" in result["limit"]

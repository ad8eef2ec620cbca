"""Regression of true values: calibration, figures beside formulas, unfolding, bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from boostflow.config.load import load
from boostflow.config.needs import needs
from boostflow.config.regression import Regression
from boostflow.errors import BoostflowError
from boostflow.evaluate import regression, unfolding
from boostflow.ingest.check import check
from boostflow.io import read_json, write_parquet
from boostflow.jobs.chain import CheckInputs
from boostflow.jobs.models import Judged
from boostflow.models.pedestal.block import Pedestal
from boostflow.models.pedestal.score import corrected
from boostflow.models.regression import Calibration, Curve, level_of
from boostflow.models.regressor.block import Regressor
from boostflow.models.score import score
from boostflow.scored import TEST, Table
from support import models
from support.rootfiles import write_nano

SIGMA = 10.0
"""Fluctuation of the background under a toy jet (GeV)."""


def toys(size: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Jets on a background of 100 particles of 1 GeV on average, half of whose fluctuation is that
    of their number. A tenth of the jets are fakes."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(5, 150, size)
    signal = np.maximum(rng.poisson(5 + truth / 20), 1)
    number = rng.poisson(100, size)
    below = number + rng.normal(0, SIGMA, size)
    leading = truth * rng.uniform(0.3, 0.6, size)
    fake = rng.random(size) < 0.1
    columns = {
        "event_id": rng.integers(1, 2**62, size, dtype=np.uint64),
        "jet_index": np.zeros(size, np.int16),
        "split": (np.arange(size) % 3).astype(np.int8),
        "weight": np.ones(size),
        "candidate": np.ones(size, bool),
        "pt": np.where(fake, 0, truth) + below,
        "rho": np.full(size, 200.0),
        "area": np.full(size, 0.5),
        "rho_mult": np.ones(size),
        "n_event": rng.uniform(1000, 4000, size),
        "multiplicity": np.where(fake, 0, signal) + number,
        "girth": rng.uniform(0, 0.4, size),
        "constituent_pt1": np.where(fake, 5.0, leading),
        "gen_pt": np.where(fake, np.nan, truth),
        "gen_lead_pt": truth,
    }
    return {
        name: x.astype(np.float32) if x.dtype == np.float64 and name != "weight" else x
        for name, x in columns.items()
    }


def written(path: Path, columns: dict[str, np.ndarray]) -> Path:
    """Selected jets as a file."""
    rows = ak.zip(columns, depth_limit=1)
    rows["label"] = ak.Array(["jet"] * len(columns["pt"]))
    write_parquet(path, rows)
    return path


FEATURES = ["pt", "rho", "area", "multiplicity", "rho_mult", "constituent_pt1"]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    """Estimates of each method for toys that were not trained on."""
    folder = tmp_path_factory.mktemp("models")
    inputs = [written(folder / "jets.parquet", toys(9000))]
    blocks = {
        "trees": Regressor(features=FEATURES, rounds=120),
        "bent": Regressor(features=FEATURES, rounds=120, calibrate=False),
        "area": Pedestal(),
        "multiplicity": Pedestal(method="multiplicity"),
    }
    new = toys(9000, seed=2)
    jets = ak.zip(new, depth_limit=1)
    result = {}
    for name, block in blocks.items():
        models.train(inputs, block, folder / name)
        table: Table = {**new, **score(folder / name, jets)}
        table["split"] = np.full(9000, TEST)
        table["event"] = np.arange(9000)
        table["sample"] = np.where(new["n_event"] > 2500, "one", "other")
        result[name] = table
    assert read_json(folder / "trees/metrics.json")["importance"]
    return result


def judged(table: Table, **config: Any) -> dict[str, Any]:
    """Figures of toys."""
    how = Judged(task="regress", scores=[], target="gen_pt")
    return regression.evaluate(table, how, Regression(**config), 40, 1)[0]


def test_the_mean_is_right_in_bins_of_the_true_value(scored: dict[str, Table]) -> None:
    """As it is not without calibration: at the ends of the prior it is drawn to its middle."""
    edges = [10.0, 20, 40, 60, 80, 100, 120, 150]
    calibrated = judged(scored["trees"], edges=edges)["ranges"][0]["bins"]
    bent = judged(scored["bent"], edges=edges)["ranges"][0]["bins"]
    assert all(abs(one["bias"]["value"]) < 1 for one in calibrated)
    assert bent[0]["bias"]["value"] > 1 > -1 > bent[-1]["bias"]["value"]
    wider, narrow = (np.mean([x["width"]["value"] for x in one]) for one in (calibrated, bent))
    assert wider > narrow


def test_widths_are_those_of_the_toys(scored: dict[str, Table]) -> None:
    """The area method has both fluctuations, the multiplicity method those of pT alone.

    The latter adds the fluctuation of the number of the signal's particles, which it takes for
    background, 5 + truth / 20 of 1 GeV.
    """
    area = judged(scored["area"], edges=[60.0, 80, 100])["ranges"][0]["bins"][0]
    number = judged(scored["multiplicity"], edges=[60.0, 80, 100])["ranges"][0]["bins"][0]
    trees = judged(scored["trees"], edges=[60.0, 80, 100])["ranges"][0]["bins"][0]
    assert area["width"]["value"] == pytest.approx(np.hypot(10, SIGMA), rel=0.06)
    assert area["ratio"]["value"] == 1 and area["ratio"]["error"] == 0
    slope = 1 / (1 - 1 / 20)
    assert number["width"]["value"] == pytest.approx(
        slope * np.hypot(np.sqrt(5 + 70 / 20), SIGMA), rel=0.06
    )
    assert trees["ratio"]["value"] < number["ratio"]["value"] + 0.05
    assert abs(number["bias"]["value"]) < 1.5 and abs(area["bias"]["value"]) < 1.5
    # Of a Gaussian: the error of a mean is sigma / sqrt(n), 0.27 % lie beyond three widths.
    assert area["bias"]["error"] == pytest.approx(
        area["rms"]["value"] / np.sqrt(area["jets"]), rel=0.4
    )
    assert area["tails"]["value"] < 0.01


def test_errors_of_jets_cover(scored: dict[str, Table]) -> None:
    assert judged(scored["trees"])["coverage"]["value"] == pytest.approx(0.683, abs=0.05)


def test_figures_of_a_few_jets_by_hand() -> None:
    truth = np.repeat([15.0, 30.0], 50)
    missed = np.tile(np.arange(-2.0, 3.0), 20)
    table: Table = {
        "split": np.full(101, TEST),
        "weight": np.ones(101),
        "event": np.arange(101),
        "sample": np.full(101, "jet"),
        "pt_corrected": np.append(truth + 1 + missed, 35.0),
        "pt_error": np.full(101, 1.5),
        "gen_pt": np.append(truth, np.nan),
        "gen_lead_pt": np.append(np.where(np.arange(100) % 5 == 0, 35.0, truth), 5.0),
        "n_event": np.append(np.repeat([100.0, 900.0], 50), 0.0),
    }
    found = judged(table, edges=[10, 20, 40], ranges=[0, 500, 1000])
    every, low, high = found["ranges"]
    assert [one["bias"]["value"] for one in every["bins"]] == [1, 1]
    assert every["bins"][0]["rms"]["value"] == pytest.approx(np.sqrt(2))
    assert "area" not in every["bins"][0]
    assert low["bins"][1] is None and high["bins"][0] is None
    # In every fifth event another jet leads, which no jet is matched to; 10 events of the first 50
    # have it in the second bin, as 10 of the others.
    assert every["efficiency"][0]["value"] == 1
    assert every["efficiency"][1]["value"] == pytest.approx(40 / 60)
    assert every["fakes"][1]["value"] == pytest.approx(1 / 51) and every["fakes"][0]["value"] == 0
    assert found["coverage"]["value"] == pytest.approx(3 / 5)
    assert found["response"] == [[1, 0], [0, 1]] and found["conditions"] == [1]
    assert found["lowest"] == 10
    assert [x["value"] for x in found["closure"]] == [1, 1]


def test_samples_that_were_not_learned_stand_apart(scored: dict[str, Table]) -> None:
    """And each counts by its jets, whatever its cross-section."""
    table = scored["area"] | {"weight": np.where(scored["area"]["sample"] == "one", 1.0, 50.0)}
    how = Judged(task="regress", scores=[], target="gen_pt", samples=["one"])
    bins = Regression(edges=[20, 60, 100])
    found = regression.evaluate(table, how, bins, 20, 1)[0]
    assert set(found["samples"]) == {"one", "other"}
    ours = [one["jets"] for one in found["ranges"][0]["bins"]]
    assert ours == [one["jets"] for one in found["samples"]["one"]]
    every = judged(table, edges=[20, 60, 100])
    plain = judged(scored["area"], edges=[20, 60, 100])
    for one, other in zip(every["ranges"][0]["bins"], plain["ranges"][0]["bins"], strict=True):
        assert one["bias"]["value"] == pytest.approx(other["bias"]["value"], abs=0.1)
        assert one["jets"] > ours[0]


# --- unfolding ------------------------------------------------------------------------------------


def test_many_iterations_are_the_inverse() -> None:
    """Of a response that can be inverted with a positive result, also with lost jets."""
    matrix = np.array([[0.7, 0.2], [0.1, 0.6]])
    true = np.array([100.0, 300.0])
    prior = np.array([1.0, 1.0])
    found = unfolding.unfold(matrix, matrix @ true, prior, 2000)
    assert found == pytest.approx(true, rel=1e-6)
    # One step by hand: sum_i R_ij prior_j m_i / folded_i / efficiency_j.
    measured = np.array([9.0, 7.0])
    once = unfolding.unfold(matrix, measured, prior, 1)
    assert once == pytest.approx([(0.7 * 10 + 0.1 * 10) / 0.8, (0.2 * 10 + 0.6 * 10) / 0.8])


def test_another_spectrum_than_the_prior_comes_back() -> None:
    """Response from a flat spectrum, measured is a falling one: closure within the iterations."""
    rng = np.random.default_rng(3)
    edges = np.linspace(0, 100, 11)
    flat, falling = rng.uniform(0, 100, 200_000), rng.exponential(30, 200_000)
    falling = falling[falling < 100]
    smeared = [x + rng.normal(0, 6, len(x)) for x in (flat, falling)]
    matrix = unfolding.response(flat, smeared[0], np.ones(len(flat)), edges)
    measured, true = np.histogram(smeared[1], edges)[0], np.histogram(falling, edges)[0]
    folded = np.abs(measured / true - 1)[1:-1].max()
    found = unfolding.unfold(matrix, measured, np.full(10, measured.sum() / 10), 10)
    assert np.abs(found / true - 1)[1:-1].max() < 0.05 < folded or folded < 0.05
    assert found.sum() == pytest.approx(true.sum(), rel=0.02)


def test_jets_that_the_spectrum_does_not_hold_are_not_unfolded() -> None:
    """As many jets below the bins as in them are measured in the first bin: closure is 1."""
    truth = np.repeat([5.0, 15.0, 30.0], 40)
    estimate = np.repeat([12.0, 15.0, 30.0], 40)
    table: Table = {
        "split": np.full(120, TEST),
        "weight": np.ones(120),
        "event": np.arange(120),
        "sample": np.full(120, "jet"),
        "pt_corrected": estimate,
        "pt_error": np.full(120, 1.0),
        "gen_pt": truth,
        "n_event": np.zeros(120),
    }
    found = judged(table, edges=[10, 20, 40])
    assert [one["value"] for one in found["closure"]] == [1, 1]
    assert found["response"] == [[1, 0], [0, 1]] and found["matched"] == 120


def test_edges_that_no_true_value_is_in(scored: dict[str, Table]) -> None:
    found = judged(scored["area"], edges=[1000, 2000, 4000])
    assert found["lowest"] is None and found["conditions"] == [None]
    assert found["ranges"][0]["bins"] == found["closure"] == [None, None]


def test_conditions() -> None:
    matrix = np.array([[1.0, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 0.5]])
    found = unfolding.conditions(matrix)
    assert found == [pytest.approx(np.linalg.cond(matrix)), pytest.approx((3 + np.sqrt(5)) / 2)]
    assert unfolding.conditions(np.diag([1.0, 0.0])) == [None]


# --- calibration ----------------------------------------------------------------------------------


def test_a_calibration_undoes_what_a_prior_does() -> None:
    """The mean of Gaussian estimates under a Gaussian prior is drawn to it by s2 / (s2 + e2)."""
    rng = np.random.default_rng(1)
    truth = rng.normal(80, 20, 40_000)
    estimate = 80 + (truth + rng.normal(0, 15, 40_000) - 80) * 20**2 / (20**2 + 15**2)
    nothing = np.zeros(40_000)
    found = Calibration.fitted(estimate, truth, np.ones(40_000), nothing)
    again = Calibration.from_json(json.loads(json.dumps(found.to_json())))
    assert (again(estimate, nothing) == found(estimate, nothing)).all()
    for low in (40, 60, 80, 100):
        mine = (truth >= low) & (truth < low + 20)
        missed = (found(estimate, nothing) - truth)[mine]
        assert np.mean(missed) == pytest.approx(0, abs=0.8)
    grid = np.linspace(0, 200, 300)
    assert (np.diff(found(grid, np.zeros(300))) > 0).all()


def test_a_calibration_knows_the_background() -> None:
    """Half of the jets are smeared by 5 GeV, half by 20 GeV: one function is wrong for both."""
    rng = np.random.default_rng(2)
    truth = rng.normal(80, 20, 40_000)
    central = np.arange(40_000) % 2 == 1
    noise = np.where(central, 20.0, 5.0)
    estimate = 80 + (truth + rng.normal(0, noise) - 80) * 20**2 / (20**2 + noise**2)
    rho, one = np.where(central, 350.0, 90.0), np.ones(40_000)
    found = Calibration.fitted(estimate, truth, one, rho)
    common = Calibration.fitted(estimate, truth, one, 0 * rho)
    again = Calibration.from_json(json.loads(json.dumps(found.to_json())))
    assert (again(estimate, rho) == found(estimate, rho)).all()
    for which in (central, ~central):
        mine = which & (truth >= 100) & (truth < 120)
        assert np.mean((found(estimate, rho) - truth)[mine]) == pytest.approx(0, abs=0.8)
        assert abs(np.mean((common(estimate, 0 * rho) - truth)[mine])) > 2
    # Between the levels it goes from one curve to the other, beyond them it stays.
    at = found(np.full(5, 110.0), np.array([0.0, 90.0, 220.0, 350.0, 900.0]))
    assert at[0] == at[1] and at[3] == at[4]
    assert at[2] == pytest.approx((at[1] + at[3]) / 2, abs=0.5)


def test_a_model_of_an_older_version_is_named() -> None:
    with pytest.raises(BoostflowError, match="does not know the background, as those of older"):
        Calibration.from_json([{"x": [0, 1], "y": [0, 1]}])  # type: ignore[arg-type]


def test_models_without_a_density_have_one_calibration() -> None:
    assert level_of({"pt": np.ones(3)}).tolist() == [0, 0, 0]
    assert level_of({"pt": np.ones(2), "rho": np.array([3.0, 4.0])}).tolist() == [3, 4]


def test_curves() -> None:
    curve = Curve([0.0, 1.0, 3.0], [0.0, 2.0, 3.0])
    assert curve(np.array([-1.0, 0.5, 2.0, 5.0])).tolist() == [-2, 1, 2.5, 4]
    back = curve.inverted()
    x = np.linspace(-2, 5, 50)
    assert back(curve(x)) == pytest.approx(x)
    # A response that falls is taken to rise a little.
    assert (np.diff(Curve([0.0, 1.0, 2.0], [0.0, 1.0, 0.5]).inverted()(x)) > 0).all()


def test_the_multiplicity_method_is_its_formula() -> None:
    """pT - rho_mult (N - N_signal(pT)), at the corrected pT itself (arXiv:2402.10945)."""
    columns = {
        "pt": [150.0],
        "rho": [200.0],
        "area": [0.5],
        "multiplicity": [110.0],
        "rho_mult": [1.0],
    }
    signal = Curve([0.0, 100.0], [5.0, 10.0])
    (found,) = corrected({x: np.array(y) for x, y in columns.items()}, signal)
    assert found == pytest.approx(150 - (110 - (5 + found / 20)), abs=1e-6)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gen_pt": None}, "no column gen_pt, the true value that is to be learned"),
        ({"rho": None}, "no column rho: a background density needs"),
        ({"multiplicity": None}, "no column multiplicity"),
        ({"gen_pt": np.full(300, np.nan, np.float32)}, "0 jets of the train split have a gen_pt"),
        ({"pt": np.full(300, np.inf, np.float32)}, "infinite values in pt"),
        ({"weight": np.zeros(300)}, "all jets of .*jets.parquet have the weight 0"),
        ({"weight": np.where(np.arange(300) % 3 == 0, 0.0, 1.0)}, "of the train split .* weigh 0"),
        ({"weight": np.full(300, np.nan)}, "300 jets of .*jets.parquet have no finite weight"),
    ],
    ids=[
        *("target", "density", "constituents", "fakes", "infinite"),
        *("no weight", "no weight in a split", "bad weight"),
    ],
)
def test_what_a_training_lacks_is_named(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    columns = {**toys(300), **change}
    path = written(tmp_path / "jets.parquet", {x: y for x, y in columns.items() if y is not None})
    for block in (Regressor(features=FEATURES), Pedestal(method="multiplicity")):
        with pytest.raises(BoostflowError, match=message):
            models.train([path], block, tmp_path / "model")
        assert not (tmp_path / "model").exists()


def test_events_without_other_jets_have_no_background(tmp_path: Path) -> None:
    """No density and no pT per particle: all particles of their jets are of the signal."""
    columns = toys(3000)
    plain = written(tmp_path / "plain/jets.parquet", columns)
    alone = np.arange(3000) % 10 < 3  # in each split
    number = columns["multiplicity"] - np.where(alone, 100, 0)
    for name in ("rho", "rho_mult"):
        columns[name] = np.where(alone, 0, columns[name]).astype(np.float32)
    columns["multiplicity"] = np.maximum(number, 1).astype(np.float32)
    path = written(tmp_path / "alone/jets.parquet", columns)
    curves = []
    for one in (plain, path):
        models.train([one], Pedestal(method="multiplicity"), one.parent / "model")
        curves.append(Curve(**read_json(one.parent / "model/manifest.json")["signal"]))
    grid = np.array([30.0, 70.0, 110.0])
    assert curves[1](grid) == pytest.approx(curves[0](grid), abs=2.5)
    found = score(path.parent / "model", ak.zip(columns, depth_limit=1))["pt_corrected"]
    assert np.isfinite(found).all() and (found[alone] == columns["pt"][alone]).all()


def test_no_jets_have_no_estimates(tmp_path: Path) -> None:
    columns = toys(300)
    path = written(tmp_path / "jets.parquet", columns)
    for block in (Regressor(features=FEATURES, rounds=2), Pedestal()):
        models.train([path], block, tmp_path / block.kind)
        found = score(tmp_path / block.kind, ak.zip(columns, depth_limit=1)[:0])
        assert {name: len(x) for name, x in found.items()} == {"pt_corrected": 0, "pt_error": 0}


def test_an_evaluation_without_true_values(scored: dict[str, Table]) -> None:
    table = {x: y[:50] for x, y in scored["area"].items()}
    with pytest.raises(BoostflowError, match="0 test jets have a gen_pt"):
        judged(table | {"gen_pt": np.full(50, np.nan)})
    with pytest.raises(BoostflowError, match="50 jets have a NaN estimate"):
        judged(table | {"pt_corrected": np.full(50, np.nan)})
    with pytest.raises(BoostflowError, match="all test jets of one have the weight 0"):
        judged(table | {"weight": np.zeros(50)})
    with pytest.raises(BoostflowError, match="test jets of one have no finite weight"):
        judged(table | {"weight": np.full(50, np.inf)})


def test_files_that_lack_what_is_read_are_named(tmp_path: Path) -> None:
    """Before any job: a NanoAOD without areas and generator jets."""
    file = write_nano(tmp_path / "a.root", constituents=True, rho="fixedGridRhoFastjetAll")
    config, _ = load(
        {
            "samples": {
                "jets": {"source": "root", "files": [str(file)], "label": "top", "xsec": 1.0}
            },
            "models": {"m": {"kind": "pedestal"}},
            "infer": None,
            "systematics": None,
        },
        tmp_path,
        "my.yaml",
    )
    report = check(CheckInputs(samples=config.samples, needs=needs(config, {})))
    assert report.problems == [
        f"samples.jets: {file} has no {branch}: {column} of models.m needs it, name another column"
        for column, branch in (
            ("area", "FatJet_area"),
            ("gen_pt", "FatJet_genJetAK8Idx and GenJetAK8_pt"),
        )
    ]


THERMAL = {"background": {"kind": "thermal"}}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            {"models": {"m": {"kind": "regressor"}}},
            "models.m: reads pt, rho|models.m: reads rho, area, rho_mult, which simulated jets",
        ),
        (
            {"models": {"m": {"kind": "pedestal", "target": "mass"}}, "simulation": THERMAL},
            "models.m.target: is 'mass', but the one true value that jets have is gen_pt",
        ),
        (
            {"models": {"m": {"kind": "pedestal", "samples": ["tpo"]}}, "simulation": THERMAL},
            "models.m.samples: unknown sample 'tpo'",
        ),
        (
            {"models": {"m": {"kind": "regressor", "features": ["ptt"]}}, "simulation": THERMAL},
            "models.m.features: unknown observable 'ptt'",
        ),
        (
            {"evaluate": {"regression": {"edges": [20, 10, 30]}}},
            "are no edges of bins",
        ),
        ({"evaluate": {"regression": {"edges": [20, 30]}}}, "fewer than two bins"),
        (
            {"evaluate": {"regression": {"ranges": [0, 1], "centrality": "n_evnt"}}},
            "evaluate.regression.centrality: unknown column 'n_evnt'",
        ),
    ],
)
def test_what_a_configuration_gets_wrong(
    repository: Path, raw: dict[str, Any], message: str
) -> None:
    with pytest.raises(BoostflowError, match=message):
        load(raw, repository)

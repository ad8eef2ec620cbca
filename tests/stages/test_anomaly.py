"""Clusterings of events: figures and their errors, choices without bias, bumps, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from boostflow.binomial import efficiency_error
from boostflow.config.chain import Evaluate
from boostflow.errors import BoostflowError
from boostflow.evaluate import anomaly
from boostflow.evaluate.run import anomaly as compare
from boostflow.io import write_json
from boostflow.jobs.models import CompareEvents
from boostflow.jobs.summary import Summary
from boostflow.models.family import families
from boostflow.plots import anomaly as draw
from boostflow.plots.names import model_plots
from boostflow.plots.style import Label, style
from boostflow.scored import TEST, TRAIN, VALIDATION
from boostflow.summary.figures import collect
from boostflow.summary.table import table
from support import factory
from support.judging import LABEL, evaluate, judged

CLUSTERS = 6
KEYS = {"unit": "event", "samples": ["dijet", "resonance"], "mass": [10.0, 1000.0]}
OF_EVENTS = judged("ucluster", clusters=2, **KEYS)


def sample(events: int, seed: int) -> dict[str, np.ndarray]:
    """Dijets as `anomaly.dijets` gives them, 2 % of them signal at (500, 100, 3500) GeV."""
    rng = np.random.default_rng(seed)
    signal = np.arange(events) < events // 50
    masses = np.exp(rng.normal((5.2, 4.4), 0.5, (events, 2)))
    masses[signal] = rng.normal((490, 105), (25, 10), (signal.sum(), 2))
    masses.sort(axis=1)
    mjj = np.where(signal, rng.normal(3450, 80, events), 2500 + rng.exponential(500, events))
    return {
        "split": rng.choice(3, events, p=[0.4, 0.2, 0.4]),
        "cluster": rng.integers(0, CLUSTERS, events),
        "mjj": mjj,
        "signal": signal,
        "heavier": masses[:, 1],
        "lighter": masses[:, 0],
    }


def in_box(events: dict[str, np.ndarray]) -> np.ndarray:
    """A cluster 3 around the signal, beside five without a meaning."""
    box = (np.abs(events["heavier"] - 490) < 60) & (np.abs(events["lighter"] - 105) < 30)
    return np.where(box, 3, np.where(events["cluster"] == 3, 0, events["cluster"]))


# --- figures -------------------------------------------------------------------------------------


def test_figures_by_hand():
    found = anomaly.figures(30, 100, 60, 6000)
    assert found["share"] == pytest.approx(130 / 6060)
    assert found["s/b"]["value"] == pytest.approx(0.3)
    assert found["s/sqrt(b)"]["value"] == pytest.approx(3.0)
    assert found["enrichment"]["value"] == pytest.approx(30)
    assert found["gain"]["value"] == pytest.approx(0.5 * np.sqrt(60))
    # What is gained is the ratio to all events.
    everything = anomaly.figures(60, 6000, 60, 6000)
    for after, before in (("enrichment", "s/b"), ("gain", "s/sqrt(b)")):
        ratio = found[before]["value"] / everything[before]["value"]
        assert found[after]["value"] == pytest.approx(ratio)


def test_errors_are_the_spread_of_repetitions():
    rng = np.random.default_rng(1)
    s, b = rng.binomial(200, 0.4, 4000), rng.binomial(6000, 0.02, 4000)
    found = anomaly.figures(80, 120, 200, 6000)
    ratio = (s / 200) / (b / 6000)
    assert found["enrichment"]["error"] == pytest.approx(ratio.std(), rel=0.06)
    gain = (s / 200) / np.sqrt(b / 6000)
    assert found["gain"]["error"] == pytest.approx(gain.std(), rel=0.06)
    s, b = rng.poisson(80, 4000), rng.poisson(120, 4000)
    assert found["s/b"]["error"] == pytest.approx((s / b).std(), rel=0.06)
    assert found["s/sqrt(b)"]["error"] == pytest.approx((s / np.sqrt(b)).std(), rel=0.06)


@pytest.mark.parametrize(("k", "n"), [(0, 20), (7, 20), (20, 20), (3, 5000)])
def test_the_error_of_an_efficiency_is_that_of_its_posterior(k, n):
    assert efficiency_error(k, n) == pytest.approx(stats.beta(k + 1, n - k + 1).std())


def test_nothing_of_the_signal_still_has_an_error():
    found = anomaly.figures(0, 50, 60, 6000)
    for name in ("s/b", "s/sqrt(b)", "enrichment", "gain"):
        assert found[name]["value"] == 0 and found[name]["error"] > 0


def test_without_background_there_are_lower_limits():
    found = anomaly.figures(30, 0, 60, 6000)
    upper = 0.5 / found["enrichment"]["limit"]
    # By definition of the limit, no event passes in 5 % of the cases.
    assert stats.binom.pmf(0, 6000, upper) == pytest.approx(0.05)
    assert found["s/b"]["limit"] == pytest.approx(30 / (6000 * upper))
    assert anomaly.figures(0, 0, 60, 6000)["enrichment"]["limit"] == 0


# --- choices -------------------------------------------------------------------------------------


def test_the_choice_by_labels_is_not_biased():
    """Clusters without a meaning: 1 on average; the best on the same events is far above."""
    ours, best = [], []
    for seed in range(150):
        events = sample(2500, seed)
        mine = events["split"] == TEST
        s, b = anomaly.counts(events["cluster"][mine], events["signal"][mine], CLUSTERS)
        enrichment = (s / s.sum()) / (b / b.sum())
        ours.append(enrichment[anomaly.best_by_labels(events, events["cluster"], CLUSTERS)])
        best.append(enrichment.max())
    assert np.mean(ours) == pytest.approx(1, abs=4 * np.std(ours) / np.sqrt(len(ours)))
    assert np.mean(best) > 1.5


def test_both_choices_find_a_cluster_with_the_signal():
    events = sample(12_000, 1)
    cluster = in_box(events)
    found = anomaly.figures_of(events, cluster, CLUSTERS)
    test = events["split"] == TEST
    s = (test & events["signal"] & (cluster == 3)).sum()
    b = (test & ~events["signal"] & (cluster == 3)).sum()
    for choice in ("labels", "bump"):
        one = found["chosen"][choice]
        assert (one["cluster"], one["s"], one["b"]) == (3, s, b)
    low, high = found["chosen"]["bump"]["window"]
    assert low < 3450 < high and found["chosen"]["bump"]["p_value"] < 1e-6


def test_the_bump_sees_neither_labels_nor_test_events():
    events = sample(12_000, 2)
    cluster = in_box(events)
    expected = anomaly.bump(events, cluster, CLUSTERS)
    test = events["split"] == TEST
    blind = {name: events[name] for name in ("split", "mjj")}
    blind["mjj"] = np.where(test, 3450, blind["mjj"])
    again = anomaly.bump(blind, np.where(test, 1, cluster), CLUSTERS)
    assert again == expected


@pytest.mark.parametrize("events", [3, 30])
def test_a_bump_in_few_events_is_a_number(events):
    few = {name: column[:events] for name, column in sample(4000, 6).items()}
    few["split"] = np.zeros(events, dtype=int)
    assert 0 < anomaly.bump(few, few["cluster"], CLUSTERS)["p_value"] <= 1
    nothing = np.full(events, -1)
    assert anomaly.bump(few, nothing, CLUSTERS)["p_value"] == 1


def test_a_cluster_of_high_masses_is_no_bump():
    """Background alone, with clusters whose share rises and falls with the dijet mass."""
    rng = np.random.default_rng(3)
    p_values = []
    for _ in range(40):
        mjj = 2500 + rng.exponential(500, 8000)
        rising = 0.1 + 0.2 * (mjj - 2500) / 2000
        cluster = (rng.random(len(mjj)) < rising).astype(int)
        events = {"split": np.zeros(len(mjj), dtype=int), "mjj": mjj}
        p_values.append(anomaly.bump(events, cluster, 2)["p_value"])
    # The best of 2 x 19 overlapping windows: never tiny, often of a few per cent.
    assert min(p_values) > 1e-5
    assert 1e-3 < np.median(p_values) < 0.1


def test_the_mass_window_finds_the_signal_and_counts_by_its_edges():
    events = sample(12_000, 4)
    window = anomaly.mass_window(events)
    assert window["heavier"][0] < 490 < window["heavier"][1]
    assert window["lighter"][0] < 105 < window["lighter"][1]
    inside = events["split"] == TEST
    for name in ("heavier", "lighter"):
        inside &= (events[name] >= window[name][0]) & (events[name] < window[name][1])
    assert window["s"] == (inside & events["signal"]).sum()
    assert window["b"] == (inside & ~events["signal"]).sum()
    # No other window of these edges is better on the training events.
    train = events["split"] == TRAIN
    quality = {}
    quantiles = {
        name: np.quantile(events[name][train & events["signal"]], anomaly.QUANTILES)
        for name in ("heavier", "lighter")
    }
    for i, j in ((0, 10), (1, 9), (0, 9), (1, 10), (2, 8)):
        edges = {name: (q[i], q[j] + 1e-9) for name, q in quantiles.items()}
        quality[i, j] = significance(events, train, edges)
    best = {name: tuple(window[name]) for name in edges}
    assert significance(events, train, best) >= max(quality.values())


def significance(events, mine, edges):
    inside = mine.copy()
    for name, (low, high) in edges.items():
        inside &= (events[name] >= low) & (events[name] < high)
    return (inside & events["signal"]).sum() / np.sqrt(inside.sum())


# --- from tables of jets -------------------------------------------------------------------------


def jets() -> dict[str, np.ndarray]:
    """Four events of 3, 2, 1 and 2 jets; the last one's second jet is out of a window to 400."""
    return {
        "sample": np.array(["qcd"] * 5 + ["x"] * 3),
        "event": np.array([0, 0, 0, 1, 1, 2, 3, 3]),
        "pt": np.array([900.0, 1300, 1200, 1300, 1250, 1400, 1300, 1200]),
        "mass": np.array([50.0, 100, 200, 80, 70, 90, 120, 500]),
        "mjj": np.array([2600.0] * 3 + [2700] * 2 + [np.nan] + [3400] * 2),
        "split": np.array([0, 0, 0, 2, 2, 1, 1, 1]),
        "cluster": np.array([-1, 4, 4, 1, 1, -1, 0, 0]),
    }


def test_an_event_is_its_two_leading_jets():
    everything = OF_EVENTS.model_copy(update={"mass": None})
    found = anomaly.dijets(jets(), everything, ["x"])
    assert {name: column.tolist() for name, column in found.items()} == {
        "split": [0, 2, 1],
        "cluster": [4, 1, 0],
        "mjj": [2600, 2700, 3400],
        "signal": [False, False, True],
        "heavier": [200, 80, 500],
        "lighter": [100, 70, 120],
    }
    window = OF_EVENTS.model_copy(update={"mass": (10, 400)})
    assert anomaly.dijets(jets(), window, ["x"])["cluster"].tolist() == [4, 1]


def test_scores_of_jets_are_refused():
    table = jets()
    table["cluster"][4] = 2
    with pytest.raises(BoostflowError, match="jets of 1 of 3 events are in different clusters"):
        anomaly.dijets(table, OF_EVENTS, ["x"])


def write_run(folder: Path, events: int = 4000, clusters: int = CLUSTERS) -> list[Path]:
    """Select, score and metrics files of an event-level clustering: k-means stands in for it."""
    from sklearn.cluster import KMeans

    found = sample(events, 5)
    points = np.log(np.stack([found["heavier"], found["lighter"]], axis=1))
    model = KMeans(clusters, n_init=2, random_state=1).fit(points)
    distance = (model.transform(points) ** 2).astype(np.float32)
    ids = np.arange(events, dtype=np.uint64)
    rng = np.random.default_rng(1)
    keys, parts = ("event_id", "jet_index"), []
    for name, mine in (("dijet", ~found["signal"]), ("resonance", found["signal"])):
        table = {
            "event_id": np.repeat(ids[mine], 2),
            "jet_index": np.tile(np.array([0, 1], dtype=np.int16), mine.sum()),
            "pt": np.sort(rng.uniform(1200, 2000, (mine.sum(), 2)))[:, ::-1].ravel(),
            "mass": np.stack([found["heavier"], found["lighter"]], axis=1)[mine].ravel(),
            "mjj": np.repeat(found["mjj"][mine], 2),
            "split": np.repeat(found["split"][mine].astype(np.int8), 2),
            "label": np.full(2 * mine.sum(), name),
        }
        factory.write_table(folder / f"select/{name}.parquet", table)
        parts.append(
            {key: table[key] for key in keys}
            | {"sample": np.full(len(table["pt"]), name)}
            | {"cluster": np.repeat(model.labels_[mine].astype(np.int16), 2)}
            | {f"dist_{k}": np.repeat(distance[mine, k], 2) for k in range(clusters)}
        )
    scores = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    factory.write_table(folder / f"scores_{clusters}.parquet", scores)
    write_json(folder / "manifest.json", {"kind": "ucluster"})
    write_json(folder / "metrics.json", {"history": {"train_loss": [2.0, 1.5, 1.4]}})
    return [folder / f"select/{name}.parquet" for name in ("dijet", "resonance")]


def call(
    folder: Path, select: list[Path], clusters: int = CLUSTERS, signal: str = "resonance"
) -> dict:
    name = f"clusters_{clusters}"
    evaluate(
        jets=select,
        scores=folder / f"scores_{clusters}.parquet",
        model=folder,
        figures=folder / f"{name}.json",
        plots=folder / f"plots/{clusters}",
        name=name,
        kind="ucluster",
        judged=judged("ucluster", clusters=clusters, **KEYS),
        evaluate=Evaluate(anomaly=[signal]),
    )
    return json.loads((folder / f"{name}.json").read_text())


def test_stages_write_figures_plots_and_summary(tmp_path):
    for clusters in (2, CLUSTERS):
        figures = call(tmp_path, write_run(tmp_path, clusters=clusters), clusters)
        written = {path.stem for path in (tmp_path / f"plots/{clusters}").glob("*.png")}
        assert written == set(model_plots(families()["ucluster"].block(**KEYS)))
    assert figures["kind"] == "events" and figures["unscored"] == 0
    total = figures["before"]
    assert sum(one["s"] for one in figures["clusters"]) == total["s"]
    assert sum(one["b"] for one in figures["clusters"]) == total["b"]
    # The stand-in is k-means on the same masses; both find the signal, the labels find more.
    supervised = figures["baselines"]["mass window (supervised)"]["s/sqrt(b)"]
    for found in (figures["chosen"], figures["baselines"]["k-means, log masses"]):
        assert found["labels"]["enrichment"]["value"] > 3
        assert found["labels"]["s/sqrt(b)"]["value"] < supervised["value"]
    paths = [tmp_path / f"clusters_{k}.json" for k in (CLUSTERS, 2)]
    compare(
        CompareEvents(label=LABEL),
        CompareEvents.Files(
            evaluations=paths, figures=tmp_path / "anomaly.json", plot=tmp_path / "anomaly.png"
        ),
    )
    together = json.loads((tmp_path / "anomaly.json").read_text())
    assert [m["clusters"] for m in together["models"]] == [2, CLUSTERS]
    assert together["models"][1]["chosen"] == figures["chosen"]
    assert (tmp_path / "anomaly.png").stat().st_size > 0
    written = {"summary": tmp_path / "summary.json", "table": tmp_path / "summary.txt"}
    written["page"] = tmp_path / "overview.html"
    text = table(collect(Summary.Files(cutflows=[], evaluations=paths, **written)))
    assert f"Model clusters_{CLUSTERS}, {CLUSTERS} clusters of events" in text
    line = next(line for line in text.splitlines() if "all test events" in line)
    assert line.split()[3:5] == [str(total["s"]), str(total["b"])]
    assert max(map(len, text.splitlines())) <= 100


def test_each_family_is_a_series_of_its_own():
    chosen = {"cluster": 0} | {
        key: {"value": 2.0, "error": 0.5} for key in ("enrichment", "s/b", "s/sqrt(b)")
    }
    both = {"labels": chosen, "bump": chosen}
    models = [
        {"model": name, "clusters": 4, "chosen": both, "k-means, log masses": both}
        for name in ("one", "two", "three")
    ]
    summary = {"models": models, "before": chosen, "mass window (supervised)": chosen}
    with style():
        figure = draw.scan(summary, {"one": "Graphs", "two": "Graphs"}, Label())
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert sum(name.startswith("Graphs, by") for name in names) == 2
    # A model without a title is called by its name.
    assert sum(name.startswith("three, by") for name in names) == 2


@pytest.mark.parametrize(
    ("split", "name"), [(TRAIN, "training"), (VALIDATION, "validation"), (TEST, "test")]
)
def test_a_split_without_signal_is_named(split, name):
    table = {
        "sample": np.where(np.arange(200) < 20, "x", "qcd"),
        "event": np.repeat(np.arange(100), 2),
        "split": np.repeat(np.arange(100) % 3, 2),
        "pt": np.full(200, 1000.0),
        "mass": np.full(200, 100.0),
        "mjj": np.full(200, 3000.0),
        "cluster": np.zeros(200, dtype=int),
    }
    table["sample"][table["split"] == split] = "qcd"
    with pytest.raises(BoostflowError, match=rf"no signal event .* in the {name} split"):
        anomaly.evaluate(table, OF_EVENTS, ["x"], 1)


def test_a_signal_that_is_not_there_is_named(tmp_path):
    select = write_run(tmp_path, events=500)
    with pytest.raises(BoostflowError, match=r"no signal event .* \(signal: higgs\)"):
        call(tmp_path, select, signal="higgs")

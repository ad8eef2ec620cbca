"""The stage evaluate: figures of merit and plots of one model, by what its score table contains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import awkward as ak
import numpy as np

from boostflow.config.models import Evaluate
from boostflow.errors import BoostflowError
from boostflow.evaluate import anomaly as of_events
from boostflow.evaluate import classifier, clusterer
from boostflow.io import read_json, read_parquet, write_json
from boostflow.plots import anomaly as draw_events
from boostflow.plots import models as draw
from boostflow.plots.style import Label, save, style
from boostflow.scored import Table, read_scored, read_scores, samples_of
from boostflow.seeds import derive

if TYPE_CHECKING:
    from boostflow.models.ucluster.explain import Explanation

COLUMNS = ["split", "weight", "candidate"]


def evaluate(
    select: Sequence[Path],
    scores: Path,
    trained: Path,
    output: Path,
    plots: Path,
    config: Evaluate,
    *,
    model: str,
    signal: list[str],
    luminosity: float,
    samples: list[str] | None,
    mass: tuple[float, float] | None,
    unit: Literal["jet", "event"] = "jet",
    seed: int,
    label: Label,
) -> None:
    """Evaluate a model, write its figures and plots.

    A table with `p_<class>` columns is a classifier, one with `cluster` and `dist_<k>` a clusterer:
    of jets, or of events by their two leading jets.

    Args:
        select: selected jets, one file per sample, named by it.
        scores: the score table.
        trained: directory of the model; its metrics.json has `history`, and `importance` of trees.
        output: JSON to write.
        plots: folder of the plots (`plots.names.MODEL_PLOTS`).
        config: efficiencies, pairs, resamplings, the samples that are an anomaly.
        model: name of the model.
        signal: signal samples of the significance scan of a classifier, empty for no scan.
        luminosity: in 1/fb.
        samples: samples that a clustering is judged by; null for all.
        mass: window of the jet mass of those (GeV); null for none.
        unit: what a clustering clusters.
        seed: of the bootstrap and of k-means.
        label: text above the plots.

    Raises:
        BoostflowError: missing or mismatched files, a class without jets, NaN scores.
    """
    files = samples_of(select)
    seed = derive(seed, "evaluate", model)
    names = set(read_scores(scores))
    metrics = read_json(trained / "metrics.json")
    kind = read_json(trained / "manifest.json")["kind"]
    if any(name.startswith("p_") for name in names):
        unknown = [name for name in signal if name not in files]
        if unknown:
            raise BoostflowError(f"unknown signal sample {', '.join(unknown)}")
        table = read_scored(files, scores, COLUMNS, [])
        figures = classifier.evaluate(table, config, signal, luminosity, seed)
        pictures = ["roc", "confusion", "scores"] + ["significance"] * bool(signal)
    elif {"cluster", "dist_0"} <= names:
        used = {name: path for name, path in files.items() if not samples or name in samples}
        if unit == "event":
            size = sum(name.startswith("dist_") for name in names)
            table = read_scored(used, scores, of_events.COLUMNS, [])
            figures, events = of_events.evaluate(table, size, config.anomaly, mass, seed)
            pictures = []
        else:
            table = read_scored(used, scores, [*COLUMNS, *clusterer.COLUMNS], clusterer.OPTIONAL)
            figures, jets = clusterer.evaluate(table, config, samples, mass, seed)
            pictures = ["roc", "confusion", "accuracy"]
    else:
        raise BoostflowError(f"{scores}: neither columns p_<class> nor cluster and dist_<k>")
    write_json(output, {"model": model} | figures)

    with style():
        for name in pictures:
            save(getattr(draw, name)(figures, label), plots / f"{name}.png")
        if figures["kind"] == "clusterer":
            save(draw.embedding(jets, figures, label), plots / "embedding.png")
            save(draw.mass(jets, figures, label), plots / "mass.png")
        if figures["kind"] == "clusterer" and kind == "ucluster":
            # With it come Numba and ONNX Runtime, which no other kind of model needs.
            from boostflow.plots.attention import attention

            classes = figures["confusion"]["classes"]
            save(
                attention(_explained(trained, files, jets, classes), label), plots / "attention.png"
            )
        if figures["kind"] == "events":
            save(draw_events.planes(events, figures, label), plots / "planes.png")
            save(draw_events.clusters(figures, label), plots / "clusters.png")
        save(draw.history(metrics, label), plots / "history.png")
        if "importance" in metrics:
            save(draw.importance(metrics, label), plots / "importance.png")


def _explained(
    trained: Path, files: Mapping[str, Path], jets: Table, classes: Sequence[str]
) -> dict[str, Explanation]:
    """What the network sees in one typical test jet of each class."""
    from boostflow.models.ucluster.explain import explain
    from boostflow.models.ucluster.features import COLUMNS as CONSTITUENTS

    found = {}
    for name, row in clusterer.typical(jets, classes).items():
        keys = ("event_id", "jet_index")
        rows = read_parquet(files[str(jets["sample"][row])], [*keys, *CONSTITUENTS])
        same = np.all([ak.to_numpy(rows[key]) == jets[key][row] for key in keys], axis=0)
        found[name] = explain(trained, rows[same])[0]
    return found


def anomaly(evaluations: Sequence[Path], output: Path, plot: Path, label: Label) -> None:
    """Compare clusterings of events, write figures and a plot.

    Args:
        evaluations: JSON of each.
        output: JSON to write.
        plot: PNG to write.
        label: text above the plot.

    Raises:
        BoostflowError: a file is missing or is not JSON.
    """
    summary = of_events.compare([read_json(path) for path in evaluations])
    write_json(output, summary)
    with style():
        save(draw_events.scan(summary, label), plot)

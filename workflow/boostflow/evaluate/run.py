"""The stage evaluate: figures of merit and plots of one model, by what its score table contains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import awkward as ak
import numpy as np

from boostflow.config.chain import Evaluate
from boostflow.config.systematics import AnySystematic, Weight
from boostflow.errors import BoostflowError
from boostflow.evaluate import anomaly as of_events
from boostflow.evaluate import classifier, clusterer, compare, systematic
from boostflow.io import read_json, read_parquet, write_json
from boostflow.plots import anomaly as draw_events
from boostflow.plots import models as draw
from boostflow.plots import uncertainty as draw_errors
from boostflow.plots.style import Label, save, style
from boostflow.scored import Table, read_scored, read_scores, samples_of
from boostflow.seeds import derive
from boostflow.variations import NOMINAL

if TYPE_CHECKING:
    from boostflow.models.ucluster.explain import Explanation

COLUMNS = ["split", "weight", "candidate"]
JUDGED = [*COLUMNS, "mass"]
"""The same, and what `Judged` needs."""


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


class Judged(NamedTuple):
    """Which jets a clustering is judged by; a classifier is judged by all."""

    samples: list[str] | None = None
    mass: tuple[float, float] | None = None
    """Window of the jet mass (GeV)."""


def _classified(table: Table, judged: Judged) -> classifier.Classified:
    """The test jets of a model with a score for each class, be it a classifier or a clustering."""
    if classifier.classes_of(table):
        return classifier.classified(table)
    return clusterer.classified(table, judged.samples, judged.mass)


def systematics(
    select: Sequence[Path],
    scores: Sequence[Path],
    figures: Path,
    output: Path,
    plots: Path,
    declared: Mapping[str, AnySystematic],
    config: Evaluate,
    *,
    signal: list[str],
    luminosity: float,
    judged: Judged,
    label: Label,
) -> None:
    """Systematic errors of a model's figures, from the jets of all variations.

    One variation is in memory at a time.

    Args:
        select: selected jets `{variation}/{sample}.parquet`, nominal and those that vary.
        scores: score tables `{variation}.parquet`, nominal and those that vary.
        figures: evaluation of the nominal jets.
        output: JSON to write.
        plots: folder of the plots (`plots.names.systematic_plots`).
        declared: the entries that vary these jets or their weights, and rates.
        config: pairs and efficiencies.
        signal: signal samples of the significance scan of a classifier, empty for no scan.
        luminosity: in 1/fb.
        judged: of a clustering.
        label: text above the plots.

    Raises:
        BoostflowError: missing or mismatched files, a weight column that a sample lacks.
    """
    files: dict[str, dict[str, Path]] = {}
    for path in select:
        files.setdefault(path.parent.name, {})[path.stem] = path
    tables = {path.stem: path for path in scores}
    if NOMINAL not in files or NOMINAL not in tables:
        raise BoostflowError("the nominal jets and their scores are missing")
    known = read_json(figures)
    scanned = known["kind"] == "classifier" and bool(signal)
    names = sorted(files[NOMINAL])
    weights = [entry for entry in declared.values() if isinstance(entry, Weight)]
    columns = sorted({column for entry in weights for column in entry.members().values()})

    def read(variation: str, optional: Sequence[str] = ()) -> Table:
        paths = files[NOMINAL] | files.get(variation, {})
        return read_scored(paths, tables.get(variation, tables[NOMINAL]), JUDGED, optional)

    def measure(table: Table) -> systematic.Measured:
        part = _classified(table, judged)
        if part.classes != list(known["auc"]):
            raise BoostflowError(
                f"classes {', '.join(part.classes)}, but {', '.join(known['auc'])} nominally: "
                "too few jets to tell which cluster stands for which class"
            )
        found = systematic.measure(part, config, known.get("rejection", []))
        if scanned:
            found.figures["yields"] = systematic.events_passing(table, signal, names, luminosity)
        return found

    nominal_table = read(NOMINAL, columns)
    nominal, varied = measure(nominal_table), {}
    for name, entry in declared.items():
        for direction, change in entry.members().items():
            variation = f"{name}_{direction}"
            if isinstance(entry, Weight):
                table = systematic.reweighted(nominal_table, change, entry.samples)
            else:
                table = read(variation)
            varied[variation] = measure(table)
    result, by_shift = systematic.evaluate(nominal, varied, declared, known, names)
    if scanned:
        result["significance"] = systematic.scan(
            nominal_table, signal, names, luminosity, nominal.figures["yields"], by_shift
        )
    write_json(output, {"model": known["model"]} | result)
    with style():
        save(draw_errors.roc(result, label), plots / "roc_systematics.png")
        save(draw_errors.auc_shifts(result, label), plots / "auc_systematics.png")
        if scanned:
            save(draw_errors.significance(result, label), plots / "significance_systematics.png")


def comparison(
    select: Sequence[Path],
    scores: Sequence[Path],
    output: Path,
    plot: Path,
    config: Evaluate,
    judged: Mapping[str, Judged],
    seed: int,
    label: Label,
) -> None:
    """Compare the AUCs of all pairs of models on the same test jets.

    Args:
        select: selected jets, one file per sample, named by it.
        scores: score tables, in a folder of the model's name.
        output: JSON to write.
        plot: PNG to write.
        config: resamplings.
        judged: of each clustering.
        seed: of the bootstrap.
        label: text above the plot.

    Raises:
        BoostflowError: missing or mismatched files, a single model.
    """
    files = samples_of(select)
    models = {}
    for path in scores:
        model = path.parent.name
        table = read_scored(files, path, JUDGED, [])
        table["row"] = np.arange(len(table["label"]))
        models[model] = _classified(table, judged.get(model, Judged()))
    result = compare.compare(models, config.bootstrap, derive(seed, "compare"))
    write_json(output, result)
    with style():
        save(draw_errors.comparison(result, label), plot)


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

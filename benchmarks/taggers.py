"""All taggers of an analysis: what they reach, over seeds, and how fast they train and score.

A run of the configuration (`make run CONFIG=config/taggers.yaml`) has to be there: its jets are
taken. With `--seeds` each classifier is trained as often and evaluated, in a folder beside the
results that keeps what is finished; models of which others are made get the same seeds.

Then, one model at a time in a process of its own: an epoch of the package's training (jets from
disk, padded batch by batch) in turns with `keras.Model.fit` of the same network on such batches in
memory; and the scores of ONNX Runtime in turns with Keras' `predict`, on these batches, too.
Medians of wall times; the order alternates from round to round.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import onresults
from boostflow import paths
from boostflow.analysis import Analysis
from boostflow.errors import BoostflowError
from boostflow.jobs.models import Train
from boostflow.models.family import family_of
from boostflow.variations import NOMINAL
from command import run

GOALS = {"training": 0.9, "scores": 1.5}
"""Rates over those of plain Keras, at least."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="default: all")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--seeds", type=int, default=0, metavar="N", help="trainings of each")


def main(args: argparse.Namespace) -> None:
    """Print the tables."""
    if args.rounds < 1 or args.seeds < 0:
        raise BoostflowError("--rounds: must be at least 1, --seeds at least 0")
    analysis = onresults.analysis(args.config)
    table = onresults.require(analysis, args.config, paths.RANKING_TABLE)
    print(table.read_text(), flush=True)
    known = analysis.classifiers()
    chosen = args.models or known
    if wrong := [name for name in chosen if name not in known]:
        raise BoostflowError(
            f"--models: {wrong[0]} is no classifier of it; known: {', '.join(known)}"
        )
    if args.seeds:
        print(seeds(analysis, args.config, args.seeds, chosen), flush=True)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; jets/s")
    print(
        f"{'':14s}{'training':>10s}{'fit':>10s}{'ratio':>8s}"
        f"{'scores':>12s}{'predict':>10s}{'ratio':>8s}{'MB':>8s}"
    )
    context = multiprocessing.get_context("spawn")
    for name in (name for name in chosen if is_network(analysis, name)):
        with ProcessPoolExecutor(1, context) as pool:
            found = pool.submit(rates, args.config, name, args.rounds).result()
        print(
            f"{name:14s}{found['training']:10,.0f}{found['fit']:10,.0f}"
            f"{found['training'] / found['fit']:8.2f}{found['scores']:12,.0f}"
            f"{found['predict']:10,.0f}{found['scores'] / found['predict']:8.2f}"
            f"{found['mb']:8.0f}",
            flush=True,
        )
    print(f"goals: training at least {GOALS['training']}, scores at least {GOALS['scores']}")


def is_network(analysis: Analysis, name: str) -> bool:
    """Whether a classifier is trained by the shared loop, so that Keras can train it, too."""
    return family_of(analysis.config.models[name]).distributed


# --- seeds ----------------------------------------------------------------------------------------


def seeds(analysis: Analysis, config: Path, number: int, names: Sequence[str]) -> str:
    """Macro AUCs of some classifiers over seeds: a table."""
    folder = Path(analysis.at("seeds"))
    blocks = {
        name: analysis.config.models[name].model_dump(mode="json", exclude_unset=True)
        for name in with_parts(analysis, names)
    }
    models = {}
    for name, block in blocks.items():
        for seed in range(1, number + 1):
            parts = {"models": [f"{part}_{seed}" for part in block.get("models", [])]}
            more = parts if parts["models"] else {}
            models[f"{name}_{seed}"] = block | {"seed": seed} | more
    own = onresults.declared(config)
    # Regions of a fit ask models that may not be among these.
    more = {"evaluate": own.get("evaluate", {}) | {"reference": None}, "templates": {}}
    path = onresults.beside(analysis, config, "seeds", models, more)
    targets = [
        str(folder / f"evaluation/{name}_{s}.json") for name in names for s in range(1, number + 1)
    ]
    onresults.snakemake(path, targets)
    lines = [f"\n{'macro AUC':14s}{'mean':>9s}{'spread':>9s}{'stat':>9s}   ({number} seeds)"]
    for name in names:
        read = [
            json.loads((folder / f"evaluation/{name}_{s}.json").read_text())
            for s in range(1, number + 1)
        ]
        values = [found["macro_auc"]["value"] for found in read]
        error = np.mean([found["macro_auc"]["error"] for found in read])
        spread = np.std(values, ddof=1) if number > 1 else np.nan
        lines.append(f"{name:14s}{np.mean(values):9.4f}{spread:9.4f}{error:9.4f}")
    return "\n".join(lines)


def with_parts(analysis: Analysis, names: Sequence[str]) -> list[str]:
    """Classifiers and those of which they are made, these first."""
    found: dict[str, None] = {}
    for name in names:
        found |= dict.fromkeys(with_parts(analysis, analysis.config.models[name].reads().models))
        found[name] = None
    return list(found)


# --- rates ----------------------------------------------------------------------------------------


def rates(config: Path, name: str, rounds: int) -> dict[str, float]:
    """Jets per second of one model, and the peak memory of its process (MB).

    Args:
        config: of the analysis.
        name: of the model.
        rounds: of which medians are taken.
    """
    from boostflow.training.environment import environment

    cores = os.cpu_count() or 1
    os.environ.update(environment(cores))
    import keras
    import tensorflow as tf

    from boostflow.models.network_score import exported
    from boostflow.models.runtime import session

    analysis = onresults.analysis(config)
    with tempfile.TemporaryDirectory() as folder:
        learner = learner_of(analysis, name, Path(folder))
        kept = [tuple(map(np.asarray, batch)) for batch in learner.batches(0)]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        network = learner.network
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        network.compile(keras.optimizers.Adam(1e-4), loss)

        def ours() -> None:
            for batch in learner.batches(1):
                learner.step(*batch)

        *inputs, of_y, of_weight = learner.training.signature
        kinds = ((tuple(inputs) if len(inputs) > 1 else inputs[0]), of_y, of_weight)

        def again() -> Iterator[Any]:
            for *given, y, weight in kept:
                yield (tuple(given) if len(given) > 1 else given[0]), y, weight

        def plain() -> None:
            network.fit(tf.data.Dataset.from_generator(again, output_signature=kinds), verbose=0)

        training, fit = in_turns(ours, plain, rounds)
        learner.write(Path(folder))
        graph = session(next(Path(folder).glob("*.onnx")), cores)
        names = [given.name for given in graph.get_inputs()]
        feeds = [dict(zip(names, map(exported, batch[:-2]), strict=True)) for batch in kept]

        def scores() -> None:
            for feed in feeds:
                graph.run(None, feed)

        def predict() -> None:
            data = tf.data.Dataset.from_generator(again, output_signature=kinds)
            network.predict(data.map(lambda given, y, weight: (given,)), verbose=0)

        scored, predicted = in_turns(scores, predict, rounds)
    jets = sum(len(batch[-1]) for batch in kept)
    return {
        "training": jets / training,
        "fit": jets / fit,
        "scores": jets / scored,
        "predict": jets / predicted,
        "mb": peak,
    }


def in_turns(one: Callable[[], None], two: Callable[[], None], rounds: int) -> tuple[float, float]:
    """Median wall times (s) of two functions, after a call of each that is not counted."""
    found: dict[Callable[[], None], list[float]] = {one: [], two: []}
    for number in range(rounds + 1):
        for function in (one, two) if number % 2 else (two, one):
            start = time.perf_counter()
            function()
            if number:
                found[function].append(time.perf_counter() - start)
    return float(np.median(found[one])), float(np.median(found[two]))


def learner_of(analysis: Analysis, name: str, folder: Path) -> Any:
    """What the family of a model trains, before its first epoch.

    Families hand it to the shared loop, in whose place a function stands here that keeps it.
    """
    from boostflow.training import loop
    from boostflow.training.ranks import Single

    block = analysis.config.models[name]
    prepared, below = block.prepared_name(), analysis.prepared_below(name, NOMINAL)
    files = Train.Files(
        jets=[] if prepared else analysis.selected(NOMINAL, analysis.config.trained_on(block)),
        prepared=prepared and analysis.at(paths.PREPARED, prepared=prepared),
        models=[analysis.trained(model, NOMINAL) for model in block.reads().models],
        prepared_below=[analysis.at(paths.PREPARED, prepared=one) for one in below],
        output=folder / "model",
    )
    kept: list[Any] = []
    before, loop.train = loop.train, lambda job, files, made, *more: kept.append(made)
    try:
        family_of(block).module("train").train(Train(name=name, model=block), files)
    finally:
        loop.train = before
    return kept[0](Single())


if __name__ == "__main__":
    run(main, arguments, __doc__)

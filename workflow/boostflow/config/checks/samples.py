"""Checks of the samples: their names, their files, and what is said of these."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from boostflow.config.chain import Detector
from boostflow.config.config import Config
from boostflow.config.files import brace_fault, expand, find
from boostflow.config.needs import named_columns
from boostflow.config.problems import Place, Problem, suggest
from boostflow.config.samples import (
    FileSample,
    RootSample,
    SimulatedSample,
    is_data,
    is_normalised,
)
from boostflow.errors import BoostflowError
from boostflow.nanoaod import LAYERS, READABLE
from boostflow.observables.catalogue import of_tracks


def check(config: Config, at: Place) -> Iterator[Problem]:
    """Names are free, labels are those of simulation, files exist and can be normalised."""
    yield from _tracks(config, at)
    yield from _calorimeter(config, at)
    normalised = config.has_fit or config.background is not None
    for name, sample in config.samples.items():
        here = at / "samples" / name
        if name == "total" or (name == "data" and not is_data(sample)):
            yield here.problem(f"tables of yields use the name {name}; rename it")
        if is_data(sample) and sample.label:
            yield (here / "label").problem(
                "is for simulation: samples with a label are trained on and shown, collision data"
                " (`data: true`) are neither; leave it out"
            )
        if isinstance(sample, RootSample):
            yield from _content(sample, here)
        if isinstance(sample, FileSample):
            for text in expand(sample)[1]:
                yield (here / "files").problem(text)
        if normalised and not (is_normalised(sample) or is_data(sample)):
            yield (here / "xsec").problem(
                "is required to normalise the templates "
                "(`models: {}` or `infer: null` ends the chain before them)"
            )


def golden_json(config: Config, root: Path, at: Place) -> Iterator[Problem]:
    """Files of certified luminosity blocks are there and can be read."""
    for name, sample in config.samples.items():
        path = getattr(sample, "golden_json", None)
        if path is None:
            continue
        from boostflow.lumimask import LumiMask

        here = at / "samples" / name / "golden_json"
        if fault := brace_fault(path):
            yield here.problem(fault)
            continue
        try:
            LumiMask(find(path, root) or path)
        except BoostflowError as error:
            yield here.problem(str(error))


def _tracks(config: Config, at: Place) -> Iterator[Problem]:
    """Tracks and vertices that columns are made of are simulated and read."""
    wanted = {x: keys for x, keys in named_columns(config).items() if of_tracks(x)}
    if not wanted:
        return
    name, keys = next(iter(wanted.items()))
    which = f"{keys[0]} needs {name}, which is made of tracks or vertices"
    if not config.ingest.tracks:
        yield (at / "ingest" / "tracks").problem(f"is false, but {which}: set it to true")
    for sample, block in config.samples.items():
        if isinstance(block, SimulatedSample) and config.simulation.detector.tracking is None:
            yield (at / "simulation" / "detector" / "tracking").problem(
                f"is null, but {which}: set it to {{}} for the defaults"
            )
            return
        if not isinstance(block, SimulatedSample | RootSample):
            yield (at / "samples" / sample / "source").problem(
                f"{block.source} has no impact parameters, but {which}"
            )


def calorimeter_problems(config: Config, detector: Detector, at: Place) -> Iterator[Problem]:
    """What generates showers is there, and columns of layers have some.

    Args:
        config: of the analysis.
        detector: nominal, or that of a variation.
        at: where it is described: what holds the key `detector`.
    """
    here = at / "detector" / "calorimeter"
    model = detector.shower_model
    if model is not None and not (Path(model) / "manifest.json").is_file():
        yield here.problem(
            f"is {model}, which is no folder of a trained model (no manifest.json): name none,"
            " cascade, or a model that generates showers, which another run has trained"
        )
    wanted = {x: keys for x, keys in named_columns(config).items() if x in LAYERS}
    if wanted and not detector.showers:
        name, keys = next(iter(wanted.items()))
        yield here.problem(f"is none, but {keys[0]} needs {name}: only showers have layers")


def _calorimeter(config: Config, at: Place) -> Iterator[Problem]:
    """As `calorimeter_problems`, where something is simulated."""
    if any(isinstance(block, SimulatedSample) for block in config.samples.values()):
        yield from calorimeter_problems(config, config.simulation.detector, at / "simulation")


def _content(sample: RootSample, at: Place) -> Iterator[Problem]:
    """Named branches are such that are read, and what is said of data and weights fits."""
    collections = {name.split("_")[0] for name in READABLE if "_" in name}
    for name in sample.branches:
        if name not in READABLE and name not in collections:
            hint = suggest(name, [*READABLE, *sorted(collections)])
            if "known" in hint:
                hint = "; docs/inputs.md lists what is read"
            yield (at / "branches" / name).problem(f"is not read{hint}")
    if sample.format == "delphes" and sample.units.momentum != "GeV":
        yield (at / "units" / "momentum").problem("is GeV in all files of Delphes: leave it out")
    if sample.data and sample.unweighted:
        yield (at / "unweighted").problem("is for simulation; collision data have no weights")
    if sample.data and sample.xsec is not None:
        yield (at / "xsec").problem("is for simulation; collision data are what they are")
    for key in ("before_skim", "normalised_to"):
        if sample.data and getattr(sample, key) is not None:
            yield (at / key).problem("is for simulation; collision data are what they are")
    for key in ("before_skim", "xsec", "unweighted"):
        if sample.normalised_to is not None and getattr(sample, key) not in (None, False):
            yield (at / key).problem("contradicts `normalised_to`, by which weights are final")
    text = None if sample.before_skim is None else sample.before_skim.file
    if text is not None and not Path(text).is_file():
        yield (at / "before_skim" / "file").problem(f"no such file: {text}")
    if sample.golden_json is not None and not sample.data:
        yield (at / "golden_json").problem("is for collision data (`data: true`)")

"""Checks of the declared systematic uncertainties."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from boostflow.config.chain import Simulation
from boostflow.config.checks import regions, tables
from boostflow.config.checks.samples import calorimeter_problems
from boostflow.config.config import Config
from boostflow.config.messages import describe
from boostflow.config.problems import Place, Problem
from boostflow.config.samples import (
    GeneratedSample,
    Made,
    RootSample,
    SimulatedSample,
    has_charges,
    is_data,
)
from boostflow.config.statistics import MU
from boostflow.config.systematics import (
    PREFIXES,
    AnySystematic,
    Compression,
    Constituent,
    ModelVariation,
    SampleVariation,
    Weight,
)
from boostflow.config.tables import TableRows
from boostflow.theory import ALPHA_S, NOMINAL_SCALE, weight_columns

SIMULATED_WEIGHTS = [
    name
    for branch, count in (("PSWeight", 4), ("LHEScaleWeight", 9), ("LHEPdfWeight", 5))
    for name in weight_columns(branch, count)
    if name not in (None, NOMINAL_SCALE)
]
"""Columns of relative weights that boostflow's own samples have."""
SHOWER_WEIGHTS = weight_columns("PSWeight", 4)
"""Those of them that a sample may be simulated without."""


def check(config: Config, systematics: Mapping[str, AnySystematic], at: Place) -> Iterator[Problem]:
    """Samples, regions, weights and models of entries exist, and parameters are told apart.

    Args:
        config: the configuration.
        systematics: by name.
        at: the file of the systematics.
    """
    for name, declared in systematics.items():
        here = at / name
        yield from _samples(config, declared, here)
        yield from _members(declared, here)
        yield from _regions(config, declared, here)
        if isinstance(declared, Weight):
            yield from _weights(config, declared, here)
        if isinstance(declared, Compression):
            yield from _compression(config, declared, here / "model")
        if isinstance(declared, SampleVariation):
            yield from _alternatives(config, declared, here)
        if isinstance(declared, ModelVariation):
            yield from _model(config, declared, here)
    yield from tables.shifts(config, systematics, at)
    yield from _parameters(systematics, set(config.infer.pois() if config.infer else ()), at)


def _samples(config: Config, declared: AnySystematic, at: Place) -> Iterator[Problem]:
    """The samples exist, each is listed once and has what is varied."""
    here = at / "samples"
    for name in declared.samples or []:
        sample = config.samples.get(name)
        if sample is None:
            yield here.unknown("sample", name, config.samples)
        elif is_data(sample):
            yield here.problem(f"{name} is collision data, which nothing varies")
        elif isinstance(declared, SampleVariation) and not isinstance(sample, Made):
            yield here.problem(f"{name} is not simulated by boostflow")
        elif isinstance(declared, Constituent) and not has_charges(sample):
            yield here.problem(f"the constituents of {name} have no charge")
    yield from _twice(declared.samples, here)


def _members(declared: AnySystematic, at: Place) -> Iterator[Problem]:
    """No two sides or members are the same."""
    members = list(declared.members().items())
    for i, (direction, change) in enumerate(members):
        same = next((first for first, other in members[:i] if other == change), None)
        if same is not None:
            yield (at / _key(declared, direction)).problem(f"is the same as {_key(declared, same)}")


def _regions(config: Config, declared: AnySystematic, at: Place) -> Iterator[Problem]:
    """The regions exist, and each is listed once."""
    here = at / "regions"
    known = config.templates.regions
    for name in declared.regions or []:
        if name not in known:
            yield here.unknown("region", name, known)
    yield from _twice(declared.regions, here)


def _twice(names: list[str] | None, at: Place) -> Iterator[Problem]:
    listed = names or []
    for name in sorted({x for x in listed if listed.count(x) > 1}):
        yield at.problem(f"{name} is listed twice")


def _weights(config: Config, declared: Weight, at: Place) -> Iterator[Problem]:
    """Samples have columns of weights, those of boostflow's own samples the named ones."""
    touched = declared.samples or list(config.samples)
    blocks = {name: config.samples[name] for name in touched if name in config.samples}
    if any(isinstance(block, SimulatedSample) for block in blocks.values()):
        for direction, column in declared.members().items():
            if column not in SIMULATED_WEIGHTS:
                here = at / _key(declared, direction)
                yield here.unknown("weight column", column, SIMULATED_WEIGHTS)
    for name, block in blocks.items():
        shower = [c for c in declared.members().values() if c in SHOWER_WEIGHTS]
        if isinstance(block, SimulatedSample) and not block.shower_weights and shower:
            yield (at / "samples").problem(
                f"{name} is simulated without {shower[0]} (`shower_weights: false`)"
            )
    for direction, column in declared.members().items() if declared.spread() else ():
        if column in ALPHA_S:
            yield (at / _key(declared, direction)).problem(
                f"{column} is alpha_s, no eigenvector: a systematic of its own"
            )
    for name, block in blocks.items():
        if isinstance(block, TableRows):
            for direction, column in declared.members().items():
                if column not in block.columns:
                    here = at / _key(declared, direction)
                    yield here.unknown(f"column of {name}", column, block.columns)
        elif not isinstance(block, SimulatedSample | RootSample) and not is_data(block):
            yield (at / "samples").problem(
                f"{name} has no weight columns: only ROOT files have them"
            )


def _alternatives(config: Config, declared: SampleVariation, at: Place) -> Iterator[Problem]:
    """Settings are lines for Pythia, or keys of a generator that has the same columns then."""
    touched = declared.samples or list(config.samples)
    blocks = [block for name, block in config.samples.items() if name in touched]
    for direction, change in declared.members().items():
        here, seen = at / _key(declared, direction), []
        for block in blocks:
            if isinstance(block, SimulatedSample) and isinstance(change, dict):
                yield from _simulated(config, change, here)
                break
            if not isinstance(block, GeneratedSample) or block.generator in seen:
                continue
            if not isinstance(change, dict):
                yield here.problem(f"is a list, but takes keys of the generator: {_keys(block)}")
                break
            seen.append(block.generator)
            try:
                made = block.generator.merged(change).makes()
            except ValidationError as error:
                yield from describe(error, type(block.generator), here)
                break
            if lost := sorted({*block.columns, *block.beside()} - set(made)):
                yield here.problem(f"with it the generator makes no {', '.join(lost)}")


def _simulated(config: Config, change: dict[str, Any], here: Place) -> Iterator[Problem]:
    """Keys of `simulation` fit, and leave jets the same and with the columns that they have."""
    try:
        varied = config.simulation.merged(change)
    except ValidationError as error:
        yield from describe(error, Simulation, here)
        return
    if varied == config.simulation:
        yield here.problem("is the nominal simulation: no key changes")
    for key in ("jet_radius", "charged", "constituents"):
        if getattr(varied, key) != getattr(config.simulation, key):
            yield (here / key).problem("makes other jets: that is another analysis, no variation")
    for key, (now, then) in {
        "background": (config.simulation.background, varied.background),
        "tracking": (config.simulation.detector.tracking, varied.detector.tracking),
    }.items():
        if (now is None) != (then is None):
            yield here.problem(f"{key} gives jets other columns: that is no variation")
    yield from calorimeter_problems(config, varied.detector, here)


def _keys(block: GeneratedSample) -> str:
    return ", ".join(name for name in type(block.generator).model_fields if name != "kind")


def _compression(config: Config, declared: Compression, at: Place) -> Iterator[Problem]:
    """The model exists and compresses."""
    able = [name for name, block in config.models.items() if block.rounded()]
    if declared.model not in config.models:
        yield at.unknown("model", declared.model, able)
    elif declared.model not in able:
        yield at.problem(f"{declared.model} compresses no columns")


def _model(config: Config, declared: ModelVariation, at: Place) -> Iterator[Problem]:
    """The model exists and what changes it fits; other regions are as many as those of the fit."""
    if declared.instead is not None:
        wanted = set(config.templates.regions)
        here = at / "instead"
        if not config.has_fit or set(declared.instead) == wanted:
            yield from regions.check(declared.instead, config, here)
        else:
            yield here.problem(f"needs the regions {', '.join(sorted(wanted))}, each once")
        return
    block = config.models.get(declared.model or "")
    if block is None:
        if config.models:
            yield (at / "model").unknown("model", declared.model or "", config.models)
        return
    for direction, changes in declared.members().items():
        here = at / _key(declared, direction)
        try:
            varied = block.varied(changes)
        except ValidationError as error:
            yield from describe(error, type(block), here)
            continue
        known = set(block.problems(here, config))
        yield from (found for found in varied.problems(here, config) if found not in known)
        if varied.reads().models != block.reads().models:
            yield here.problem(
                f"changes which models {declared.model} is made from: declare another model, and"
                " read its scores by `instead`"
            )
        if declared.replicas is not None:
            continue  # the nominal training may be one of them
        # A preset says nothing here: every key of the nominal model is given.
        if varied.model_dump(exclude={"preset"}) == block.model_dump(exclude={"preset"}):
            yield here.problem(f"is the same as models.{declared.model}: no key changes")


def _parameters(
    systematics: Mapping[str, AnySystematic], pois: set[str], at: Place
) -> Iterator[Problem]:
    """Names are free, and entries that share a parameter have one group and one form."""
    groups: dict[str, str] = {}
    spreads: dict[str, tuple[str, tuple[str, int] | None]] = {}
    for name, declared in systematics.items():
        if re.search(r"_(up|down|m\d+)$", name) or name in ("nominal", MU):
            yield (at / name).problem(
                "the name must not be nominal or mu, nor end in _up, _down, _m0..."
            )
        here = at / name / "parameter"
        parameter = declared.parameter or name
        if parameter in ("nominal", MU) or parameter.startswith(PREFIXES):
            yield here.problem(f"{parameter} is taken; choose another name")
        elif parameter in pois:
            yield here.problem(
                f"{parameter} is a parameter of interest (infer.signal); choose another name"
            )
        if groups.setdefault(parameter, declared.group) != declared.group:
            yield (at / name / "group").problem(
                f"{declared.group}, but other entries of parameter {parameter} are in group"
                f" {groups[parameter]}"
            )
        first, form = spreads.setdefault(parameter, (name, _spread(declared)))
        if _spread(declared) != form:
            yield here.problem(
                f"{parameter} is also that of {first}: entries with replicas or hessian share one"
                " if all of them have as many members of the same form"
            )
    numbered = {
        f"{parameter}_{i}": parameter
        for parameter, (_, form) in spreads.items()
        if form is not None
        for i in range(1, form[1] + 1)
    }
    for name in sorted(pois & set(numbered)):
        yield (at / spreads[numbered[name]][0] / "parameter").problem(
            f"{name}, one of its members, is a parameter of interest (infer.signal); choose another"
            " name"
        )
    for parameter, (first, _) in spreads.items():
        if parameter in numbered:
            yield (at / first / "parameter").problem(
                f"{parameter} is taken by a member of {numbered[parameter]}; choose another name"
            )


def _spread(declared: AnySystematic) -> tuple[str, int] | None:
    """Form and number of members where they are parameters of their own."""
    form = declared.spread()
    return None if form is None else (form, len(declared.members()))


def _key(declared: AnySystematic, direction: str) -> str:
    """The key that declares a direction: `up`, `envelope.2`."""
    form = declared.combination()
    return direction if form is None else f"{form}.{direction.removeprefix('m')}"

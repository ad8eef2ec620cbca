"""Checks of the background estimates from data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from boostflow.config.background import ABCD, Background, Composition, Control, Cut, Sideband
from boostflow.config.config import Config
from boostflow.config.problems import Place, Problem
from boostflow.config.samples import is_data
from boostflow.config.systematics import AnySystematic
from boostflow.models.family import clusters_jets
from boostflow.observables.catalogue import columns

NO_SHAPE = {
    "rate": "a rate changes no shape, and yields are fitted",
    "model": "the clusters of another training have other numbers",
}
"""Kinds of systematics that cannot vary the templates of the composition, and why."""


def check(config: Config, at: Place) -> Iterator[Problem]:
    """Samples, models and columns of the background estimates exist and make sense."""
    block = config.background
    if block is None:
        return
    here = at / "background"
    if block.data == "observed" and len(_simulated(config)) == len(config.samples):
        yield (here / "data").problem("observed needs a sample with `data: true`")
    yield from _signal(config, block, here)
    if block.abcd is not None:
        yield from _abcd(config, block.abcd, here / "abcd")
    if block.sideband is not None:
        yield from _sideband(config, block.sideband, here / "sideband")
    for name, region in block.control.items():
        yield from _control(config, region, here / "control" / name)
    if block.composition is not None:
        yield from _composition(config, block.composition, here / "composition")


def varied_composition(
    config: Config, systematics: Mapping[str, AnySystematic], at: Place
) -> Iterator[Problem]:
    """The systematics of the composition exist and vary where events go."""
    block = config.background.composition if config.background else None
    here = at / "background" / "composition" / "systematics"
    for name in block.systematics if block else []:
        if name not in systematics:
            yield here.unknown("systematic", name, systematics)
        elif (kind := systematics[name].kind) in NO_SHAPE:
            yield here.problem(f"{name}: {NO_SHAPE[kind]}")


def _simulated(config: Config) -> list[str]:
    return [name for name, sample in config.samples.items() if not is_data(sample)]


def _signal(config: Config, block: Background, at: Place) -> Iterator[Problem]:
    """What is estimated is no signal."""
    signal = set(config.infer.signals() if config.infer else ())
    for key, estimated in (("abcd", block.abcd), ("sideband", block.sideband)):
        for name in sorted(signal & set(estimated.samples if estimated else ())):
            yield (at / key / "samples").problem(f"{name} is the signal (infer.signal)")


def _abcd(config: Config, block: ABCD, at: Place) -> Iterator[Problem]:
    yield from _samples(config, block.samples, at / "samples")
    yield from _cut(config, block.x, at / "x")
    yield from _cut(config, block.y, at / "y")
    one, other = ((a.model, a.column, a.jet) for a in (block.x, block.y))
    if one == other:
        yield at.problem("x and y are the same variable of the same jet")


def _sideband(config: Config, block: Sideband, at: Place) -> Iterator[Problem]:
    yield from _samples(config, block.samples, at / "samples")
    yield from _variable(block.variable, at / "variable")
    if block.within is not None:
        yield from _cut(config, block.within, at / "within")


def _control(config: Config, block: Control, at: Place) -> Iterator[Problem]:
    yield from _samples(config, block.samples, at / "samples")
    yield from _cut(config, block, at)
    if block.enters != "nothing" and not config.has_fit:
        yield (at / "enters").problem("there is no fit (infer: null)")


def _composition(config: Config, block: Composition, at: Place) -> Iterator[Problem]:
    """The model clusters jets, and every sample is in one class."""
    model = config.models.get(block.model)
    if model is None:
        yield (at / "model").unknown("model", block.model, config.models)
    elif not clusters_jets(model):
        yield (at / "model").problem(f"{block.model} does not cluster jets")
    covered = [name for names in block.classes.values() for name in names]
    if missing := [name for name in _simulated(config) if name not in covered]:
        yield (at / "classes").problem(
            f"{', '.join(missing)} is in no class: its events are in the data"
        )
    yield from _samples(config, covered, at / "classes")
    yield from _variable(block.variable, at / "variable")
    if block.within is not None:
        yield from _cut(config, block.within, at / "within")


def _samples(config: Config, names: Sequence[str], at: Place) -> Iterator[Problem]:
    """Listed samples are simulated, each listed once."""
    simulated = _simulated(config)
    for name in names:
        if name not in simulated:
            yield at.unknown("simulated sample", name, simulated)
        elif names.count(name) > 1:
            yield at.problem(f"{name} is listed twice")


def _cut(config: Config, cut: Cut, at: Place) -> Iterator[Problem]:
    """The model of a cut exists, and the column is one of its scores, or of the jets."""
    among: Sequence[str] = columns()
    if cut.model is not None:
        model = config.models.get(cut.model)
        if model is None:
            yield (at / "model").unknown("model", cut.model, config.models)
            return
        among = [score.column for score in model.scores(config.labels())]
    if cut.column not in among:
        yield (at / "column").unknown("column", cut.column, among)


def _variable(name: str, at: Place) -> Iterator[Problem]:
    if name not in columns():
        yield at.unknown("observable", name, columns())

"""From what the user wrote to a checked configuration: every problem at once, each with its key."""

from __future__ import annotations

import contextlib
import re
import typing
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from boostflow.config.background import Background, Composition, Cut
from boostflow.config.base import Name, share_values
from boostflow.config.blinding import overlaps
from boostflow.config.chain import Smearing
from boostflow.config.config import Config
from boostflow.config.files import brace_fault, expand
from boostflow.config.messages import describe, suggest
from boostflow.config.samples import FileSample, RootSample, SimulatedSample, has_charges, is_data
from boostflow.config.statistics import Region
from boostflow.config.systematics import (
    SYSTEMATICS,
    AnySystematic,
    Constituent,
    ModelVariation,
    SampleVariation,
    Shift,
    Templated,
    Weight,
)
from boostflow.config.weightchecks import file_problems
from boostflow.config.weightchecks import problems as weight_problems
from boostflow.errors import BoostflowError
from boostflow.ingest.features import READABLE, weight_columns
from boostflow.models.family import ModelBlock, clusters_jets
from boostflow.observables.names import columns
from boostflow.select.corrections import OPTIONAL, Corrections

SIMULATED_WEIGHTS = [
    name
    for branch, count in (("PSWeight", 4), ("LHEScaleWeight", 9), ("LHEPdfWeight", 5))
    for name in weight_columns(branch, count)
    if name is not None
]
"""Columns of relative weights that boostflow's own samples have."""

PT_MARGIN = 0.9
"""Ingested jets reach this far below the cut on pT, so that shifts can move jets across it."""


def load(
    raw: dict[str, Any],
    root: Path,
    origin: str = "config",
    *,
    files: typing.Iterable[Path] = (),
    in_job: bool = False,
) -> tuple[Config, dict]:
    """Check a configuration and the systematics file that it names.

    Args:
        raw: what the YAML files and `--config` gave.
        root: folder of the repository; relative files of the project are looked for in the working
            directory first and here second.
        origin: name of the config file, for messages.
        files: the YAML files, to look for keys that stand there twice.
        in_job: a job of a run that has checked these and the corrections already: reading them
            takes up to a second, and each job loads the configuration again.

    Returns:
        The configuration and the systematics by name, those with `enabled: false` left out.

    Raises:
        BoostflowError: lists every problem, one a line: file, key, what is wrong, what is right.
    """
    twice = [] if in_job else repeated_keys(files)
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        found = _listed(origin, describe(error, Config))
        raise BoostflowError("\n".join([*twice, found])) from None
    if twice:
        raise BoostflowError("\n".join(twice))
    problems: list[tuple[str, str]] = []
    systematics: dict[str, Any] = {}
    complete = True
    if config.systematics is not None:
        path = find(config.systematics, root)
        if path is None:
            problems.append((origin, f"systematics: no such file: {config.systematics}"))
        else:
            systematics, found = _load_systematics(path)
            complete = not found
            problems += [(str(path), text) for text in found]
            systematics = {name: block for name, block in systematics.items() if block.enabled}
            problems += [(str(path), text) for text in _check_systematics(config, systematics)]
    problems += [(origin, text) for text in (*_check(config), *weight_problems(config))]
    if complete:
        problems += [(origin, text) for text in _check_varied_composition(config, systematics)]
    if not in_job:
        problems += _check_corrections(config, systematics, root, origin)
        problems += [(origin, text) for text in _check_golden_json(config, root)]
        found = file_problems(config, lambda path: find(path, root))
        problems += [(origin, text) for text in found]
    if problems:
        raise BoostflowError("\n".join(f"{file}: {text}" for file, text in problems))
    return config, systematics


def read_configs(paths: typing.Iterable[Path]) -> dict[str, Any]:
    """Read configuration files as snakemake does: keys of later ones win, block by block.

    Raises:
        BoostflowError: one of them is not readable, is not YAML, has no keys, or has one twice.
    """
    from snakemake.utils import update_config

    result: dict[str, Any] = {}
    for path in paths:
        raw, problems = _read_yaml(path)
        if not problems and not isinstance(raw, dict):
            problems = [f"has {'nothing in it' if raw is None else 'no keys at its top level'}"]
        if problems:
            raise BoostflowError(_listed(str(path), problems))
        try:
            update_config(result, raw)
        except RecursionError:
            raise BoostflowError(f"{path}: an anchor holds itself") from None
    return result


def repeated_keys(paths: typing.Iterable[Path]) -> list[str]:
    """Keys that configuration files have twice, one message each; nothing where they are not YAML.

    YAML readers keep the last of two keys of one name, silently.
    """
    return [
        f"{path}: {text}" for path in paths for text in _read_yaml(path)[1] if text.endswith(_TWICE)
    ]


def declared(config: Config, root: Path) -> dict[str, AnySystematic]:
    """All entries of the systematics file of a checked configuration, also those not enabled."""
    path = config.systematics and find(config.systematics, root)
    return _load_systematics(path)[0] if path else {}


def find(path: str, root: Path) -> Path | None:
    """A file of the project: relative to the working directory, else to the repository."""
    return next((p for p in (Path(path), root / path) if p.is_file()), None)


def _listed(origin: str, problems: list[str]) -> str:
    return "\n".join(f"{origin}: {problem}" for problem in problems)


def _load_systematics(path: Path) -> tuple[dict, list[str]]:
    raw, problems = _read_yaml(path)
    if problems:
        return {}, problems
    try:
        return SYSTEMATICS.validate_python(raw or {}), []
    except ValidationError as error:
        return _valid_entries(raw), describe(error, dict[Name, AnySystematic], raw)


def _valid_entries(raw: Any) -> dict[str, AnySystematic]:
    """Those entries whose types are right, so that what else is wrong with them is said, too."""
    result: dict[str, AnySystematic] = {}
    for name, block in raw.items() if isinstance(raw, dict) else ():
        with contextlib.suppress(ValidationError):
            result |= SYSTEMATICS.validate_python({name: block})
    return result


_TWICE = "is declared more than once"


def _read_yaml(path: Path) -> tuple[Any, list[str]]:
    """What a YAML file says, and why that cannot be used."""
    import yaml

    try:
        loader = yaml.SafeLoader(path.read_text("utf-8"))
        node = loader.get_single_node()
        # YAML readers keep the last of two keys of one name, silently. Looked at before `<<` is
        # resolved, whose keys may be overridden.
        twice = _repeated(node)
        raw = None if node is None or twice else loader.construct_document(node)
    except FileNotFoundError:
        return None, ["no such file"]
    except IsADirectoryError:
        return None, ["is a folder, not a file"]
    except UnicodeDecodeError as error:
        return None, [f"not readable as YAML: is not UTF-8 (byte {error.start})"]
    # Dates that are none are a ValueError.
    except (OSError, ValueError, yaml.YAMLError) as error:
        return None, [f"not readable as YAML: {' '.join(str(error).split())}"]
    return raw, [f"{name}: {_TWICE}" for name in twice]


def _repeated(node: Any, path: tuple[str, ...] = (), above: tuple[int, ...] = ()) -> list[str]:
    """Keys that a mapping of a YAML document, or one inside it, has more than once."""
    import yaml

    if id(node) in above:  # an anchor that holds itself
        return []
    above = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        return [name for child in node.value for name in _repeated(child, path, above)]
    if not isinstance(node, yaml.MappingNode):
        return []
    names = [str(key.value) for key, _ in node.value]
    found = [".".join((*path, name)) for name in sorted(set(names)) if names.count(name) > 1]
    for name, (_, child) in zip(names, node.value, strict=True):
        found += _repeated(child, (*path, name), above)
    return found


def _check(config: Config) -> list[str]:
    """What types cannot say: names that must exist elsewhere in the configuration."""
    problems = []
    labels = sorted({s.label for s in config.samples.values() if s.label})

    def known(key: str, name: str, among: typing.Iterable[str], what: str) -> None:
        among = list(among)
        if name not in among:
            problems.append(f"{key}: unknown {what} {name!r}{suggest(name, among)}")

    for name, sample in config.samples.items():
        if name == "total" or (name == "data" and not is_data(sample)):
            problems.append(f"samples.{name}: tables of yields use the name {name}; rename it")
        if is_data(sample) and sample.label:
            problems.append(
                f"samples.{name}.label: is for simulation: samples with a label are trained on and"
                " shown, collision data (`data: true`) are neither; leave it out"
            )
        if isinstance(sample, RootSample):
            problems += _check_content(f"samples.{name}", sample)
        if isinstance(sample, FileSample):
            key = f"samples.{name}.files"
            problems += [f"{key}: {text}" for text in expand(sample)[1]]
            normalised = config.has_fit or config.background is not None
            if normalised and sample.xsec is None and not is_data(sample):
                problems.append(
                    f"samples.{name}.xsec: is required to normalise the templates "
                    "(`models: {}` or `infer: null` ends the chain before them)"
                )
    events = config.event_models()
    for name in config.evaluate.anomaly:
        known("evaluate.anomaly", name, config.samples, "sample")
    for name, model in events.items():
        found = set(model.samples) & set(config.evaluate.anomaly)
        if not found or found == set(model.samples):
            problems.append(
                f"evaluate.anomaly: must name some, not all, of the samples of models.{name}, which"
                f" has `unit: event`: {', '.join(model.samples)}"
            )
    for name, model in config.models.items():
        problems += model.problems(f"models.{name}", config)
        if len(labels) < 2 and name not in events:
            problems.append(
                f"models.{name}: needs samples of at least two classes; the labels of `samples` "
                f"are {', '.join(labels) or 'none'} (`models: {{}}` switches the models off)"
            )
    if any(c in config.output for c in "{}") or Path(config.output).is_file():
        problems.append(f"output: {config.output!r} cannot be a folder")
    if config.ingest.fatjet_pt_min >= config.select.fatjet.pt[1]:
        problems.append("ingest.fatjet_pt_min: no fat jet above it can pass select.fatjet.pt")
    if config.models and config.infer is not None:
        known("templates.variable", config.templates.variable, columns(), "observable")
        problems += _check_regions("templates.regions", config.templates.regions, config)
        for name in config.infer.signal:
            known("infer.signal", name, config.samples, "sample")
        if len(set(config.infer.signal)) < len(config.infer.signal):
            problems.append("infer.signal: a sample is listed twice")
        data = {name for name, sample in config.samples.items() if is_data(sample)}
        for name in sorted(data & set(config.infer.signal)):
            problems.append(f"infer.signal: {name} is collision data")
        if not set(config.samples) - data - set(config.infer.signal):
            problems.append("infer.signal: lists every sample, so that no background is left")
        if config.infer.data == "observed" and not data:
            problems.append("infer.data: observed needs a sample with `data: true`")
        if config.infer.data == "observed" and not config.infer.unblind:
            problems.append(
                "infer.data: observed needs `unblind: true`, which shows collision data in all"
                " regions"
            )
        if all(region.control for region in config.templates.regions.values()):
            problems.append("templates.regions: every region is a control region, none has signal")
    if config.background is not None:
        problems += _check_background(config, config.background)
    problems += overlaps(config)
    if config.models and "rejection" in config.evaluate.model_fields_set:
        for signal, backgrounds in config.evaluate.rejection:
            if not backgrounds or signal in backgrounds:
                problems.append(f"evaluate.rejection: {signal} needs other classes against it")
            for label in (signal, *backgrounds):
                known("evaluate.rejection", label, labels, "class")
    return problems


def _check_content(where: str, sample: RootSample) -> list[str]:
    """Named branches are such that are read, and what is said of data and weights fits."""
    collections = {name.split("_")[0] for name in READABLE if "_" in name}
    problems = []
    for name in sample.branches:
        if name not in READABLE and name not in collections:
            hint = suggest(name, [*READABLE, *sorted(collections)])
            if "known" in hint:
                hint = "; docs/inputs.md lists what is read"
            problems.append(f"{where}.branches.{name}: is not read{hint}")
    if sample.data and sample.unweighted:
        problems.append(f"{where}.unweighted: is for simulation; collision data have no weights")
    if sample.data and sample.xsec is not None:
        problems.append(f"{where}.xsec: is for simulation; collision data are what they are")
    if sample.golden_json is not None and not sample.data:
        problems.append(f"{where}.golden_json: is for collision data (`data: true`)")
    return problems


def _check_golden_json(config: Config, root: Path) -> list[str]:
    """Files of certified luminosity blocks are there and can be read."""
    problems = []
    for name, sample in config.samples.items():
        path = getattr(sample, "golden_json", None)
        if path is None:
            continue
        from boostflow.ingest.filters import LumiMask

        if fault := brace_fault(path):
            problems.append(f"samples.{name}.golden_json: {fault}")
            continue
        try:
            LumiMask(find(path, root) or path)
        except BoostflowError as error:
            problems.append(f"samples.{name}.golden_json: {error}")
    return problems


def _check_regions(where: str, regions: dict[str, Region], config: Config) -> list[str]:
    """Models, scores and classes of regions exist, and no two regions overlap."""
    problems = []
    labels = sorted({s.label for s in config.samples.values() if s.label})
    for i, (name, region) in enumerate(regions.items()):
        key = f"{where}.{name}"
        model = config.models.get(region.model)
        if model is None:
            hint = suggest(region.model, config.models)
            problems.append(f"{key}.model: unknown model {region.model!r}{hint}")
        elif region.clusters is not None:
            if not clusters_jets(model):
                problems.append(f"{key}.clusters: {region.model} does not cluster jets")
                continue
            classes = config.classes_of(model)
            for label in region.clusters:
                if label not in classes:
                    hint = suggest(label, classes)
                    problems.append(f"{key}.clusters: no cluster stands for class {label!r}{hint}")
        elif region.score not in (scores := [s.column for s in model.scores(labels)]):
            hint = suggest(region.score, scores)
            problems.append(f"{key}.score: unknown score {region.score!r}{hint}")
        for other, second in list(regions.items())[:i]:
            if region.model != second.model:
                continue
            if region.clusters and second.clusters:
                both = set(region.clusters) & set(second.clusters)
                if both:
                    problems.append(
                        f"{key}.clusters: {', '.join(sorted(both))} is in region {other}, too"
                    )
            elif (
                region.range
                and second.range
                and region.score == second.score
                and share_values(region.range, second.range)
            ):
                ends = 1 in (region.range[1], second.range[1])
                why = " (1 belongs to a range that ends there)" if ends else ""
                problems.append(f"{key}.range: overlaps with that of region {other}{why}")
    return problems


def _check_background(config: Config, block: Background) -> list[str]:
    """Samples, models and columns of the background estimates exist and make sense."""
    problems = []
    labels = sorted({s.label for s in config.samples.values() if s.label})
    simulated = [name for name, sample in config.samples.items() if not is_data(sample)]

    def samples(key: str, names: list[str]) -> None:
        for name in names:
            if name not in simulated:
                hint = suggest(name, simulated)
                problems.append(f"background.{key}: unknown simulated sample {name!r}{hint}")
            elif names.count(name) > 1:
                problems.append(f"background.{key}: {name} is listed twice")

    def cut(key: str, cut: Cut) -> None:
        among = columns()
        if cut.model is not None:
            model = config.models.get(cut.model)
            if model is None:
                hint = suggest(cut.model, config.models)
                problems.append(f"background.{key}.model: unknown model {cut.model!r}{hint}")
                return
            among = [score.column for score in model.scores(labels)]
        if cut.column not in among:
            hint = suggest(cut.column, among)
            problems.append(f"background.{key}.column: unknown column {cut.column!r}{hint}")

    def variable(key: str, name: str) -> None:
        if name not in columns():
            problems.append(
                f"background.{key}: unknown observable {name!r}{suggest(name, columns())}"
            )

    if block.data == "observed" and len(simulated) == len(config.samples):
        problems.append("background.data: observed needs a sample with `data: true`")
    of_signal = set(config.infer.signal if config.infer else ())
    for key in ("abcd", "sideband"):
        estimated = getattr(block, key)
        for name in sorted(of_signal & set(estimated.samples if estimated else ())):
            problems.append(f"background.{key}.samples: {name} is the signal (infer.signal)")
    if block.abcd is not None:
        samples("abcd.samples", block.abcd.samples)
        cut("abcd.x", block.abcd.x)
        cut("abcd.y", block.abcd.y)
        variables = [(a.model, a.column, a.jet) for a in (block.abcd.x, block.abcd.y)]
        if variables[0] == variables[1]:
            problems.append("background.abcd: x and y are the same variable of the same jet")
    if block.sideband is not None:
        samples("sideband.samples", block.sideband.samples)
        variable("sideband.variable", block.sideband.variable)
        if block.sideband.within is not None:
            cut("sideband.within", block.sideband.within)
    for name, region in block.control.items():
        samples(f"control.{name}.samples", region.samples)
        cut(f"control.{name}", region)
        if region.enters != "nothing" and not config.has_fit:
            problems.append(f"background.control.{name}.enters: there is no fit (infer: null)")
    if block.composition is not None:
        problems += _check_composition(config, block.composition, simulated)
        samples(
            "composition.classes",
            [s for names in block.composition.classes.values() for s in names],
        )
        variable("composition.variable", block.composition.variable)
        if block.composition.within is not None:
            cut("composition.within", block.composition.within)
    return problems


def _check_composition(config: Config, block: Composition, simulated: list[str]) -> list[str]:
    """The model clusters jets, and every sample is in a class."""
    problems = []
    model = config.models.get(block.model)
    if model is None:
        hint = suggest(block.model, config.models)
        problems.append(f"background.composition.model: unknown model {block.model!r}{hint}")
    elif not clusters_jets(model):
        problems.append(f"background.composition.model: {block.model} does not cluster jets")
    covered = {s for names in block.classes.values() for s in names}
    if missing := [name for name in simulated if name not in covered]:
        problems.append(
            f"background.composition.classes: {', '.join(missing)} is in no class: its events are"
            " in the data"
        )
    return problems


def _check_varied_composition(config: Config, systematics: dict) -> list[str]:
    """The systematics of the composition exist and vary where events go."""
    block = config.background.composition if config.background else None
    problems = []
    for name in block.systematics if block else []:
        key = "background.composition.systematics"
        if name not in systematics:
            hint = suggest(name, systematics)
            problems.append(f"{key}: unknown systematic {name!r}{hint}")
        elif systematics[name].kind in ("rate", "model"):
            why = {
                "rate": "a rate changes no shape, and yields are fitted",
                "model": "the clusters of another training have other numbers",
            }[systematics[name].kind]
            problems.append(f"{key}: {name}: {why}")
    return problems


def _check_systematics(config: Config, systematics: dict) -> list[str]:
    problems = []
    simulated = [n for n, s in config.samples.items() if isinstance(s, SimulatedSample)]
    groups: dict[str, str] = {}
    spreads: dict[str, tuple[str, tuple[str, int] | None]] = {}
    for name, declared in systematics.items():
        for sample in declared.samples or []:
            if sample not in config.samples:
                hint = suggest(sample, config.samples)
                problems.append(f"{name}.samples: unknown sample {sample!r}{hint}")
            elif is_data(config.samples[sample]):
                problems.append(f"{name}.samples: {sample} is collision data, which nothing varies")
            elif isinstance(declared, SampleVariation) and sample not in simulated:
                problems.append(f"{name}.samples: {sample} is not simulated by boostflow")
            elif isinstance(declared, Constituent) and not has_charges(config.samples[sample]):
                problems.append(f"{name}.samples: the constituents of {sample} have no charge")
        for key in ("samples", "regions"):
            listed = getattr(declared, key) or []
            for other in sorted({x for x in listed if listed.count(x) > 1}):
                problems.append(f"{name}.{key}: {other} is listed twice")
        members = list(declared.members().items())
        for i, (direction, change) in enumerate(members):
            same = next((first for first, other in members[:i] if other == change), None)
            if same is not None:
                one, two = (_form(declared, d) for d in (same, direction))
                problems.append(f"{name}.{two}: is the same as {one}")
        if re.search(r"_(up|down|m\d+)$", name) or name in ("nominal", "mu"):
            problems.append(
                f"{name}: the name must not be nominal or mu, nor end in _up, _down, _m0..."
            )
        parameter = declared.parameter or name
        if parameter in ("nominal", "mu") or parameter.startswith(("staterror_", "control_")):
            problems.append(f"{name}.parameter: {parameter} is taken; choose another name")
        if groups.setdefault(parameter, declared.group) != declared.group:
            problems.append(
                f"{name}.group: {declared.group}, but other entries of parameter {parameter} are in"
                f" group {groups[parameter]}"
            )
        spreads.setdefault(parameter, (name, _spread(declared)))
        first, form = spreads[parameter]
        if _spread(declared) != form:
            problems.append(
                f"{name}.parameter: {parameter} is also that of {first}: entries with replicas or "
                "hessian share one if all of them have as many members of the same form"
            )
        for region in declared.regions or []:
            if region not in config.templates.regions:
                hint = suggest(region, config.templates.regions)
                problems.append(f"{name}.regions: unknown region {region!r}{hint}")
        touched = declared.samples or list(config.samples)
        if isinstance(declared, Weight) and set(touched) & set(simulated):
            for direction, column in declared.members().items():
                if column not in SIMULATED_WEIGHTS:
                    hint = suggest(column, SIMULATED_WEIGHTS)
                    key = _form(declared, direction)
                    problems.append(f"{name}.{key}: unknown weight column {column!r}{hint}")
        for sample in touched if isinstance(declared, Weight) else ():
            block = config.samples.get(sample)
            if block and not isinstance(block, SimulatedSample | RootSample) and not is_data(block):
                problems.append(
                    f"{name}.samples: {sample} has no weight columns: only ROOT files have them"
                )
        if isinstance(declared, ModelVariation):
            problems += _check_model_variation(name, declared, config)
    numbered = {
        f"{parameter}_{i}": parameter
        for parameter, (_, form) in spreads.items()
        if form is not None
        for i in range(1, form[1] + 1)
    }
    problems += [
        f"{first}.parameter: {parameter} is taken by a member of {numbered[parameter]}; choose "
        "another name"
        for parameter, (first, _) in spreads.items()
        if parameter in numbered
    ]
    return problems


def _spread(declared: AnySystematic) -> tuple[str, int] | None:
    """Form and number of members where they are parameters of their own."""
    form = declared.spread()
    return None if form is None else (form, len(declared.members()))


def _form(declared: Templated, direction: str) -> str:
    """The key that declares a direction: `up`, `envelope.2`."""
    form = declared.combination()
    return direction if form is None else f"{form}.{direction.removeprefix('m')}"


def _check_model_variation(name: str, declared: ModelVariation, config: Config) -> list[str]:
    if declared.instead is not None:
        wanted = set(config.templates.regions)
        if not config.has_fit or set(declared.instead) == wanted:
            return _check_regions(f"{name}.instead", declared.instead, config)
        return [f"{name}.instead: needs the regions {', '.join(sorted(wanted))}, each once"]
    block = config.models.get(declared.model)
    if block is None:
        if not config.models:
            return []
        hint = suggest(declared.model, config.models)
        return [f"{name}.model: unknown model {declared.model!r}{hint}"]
    problems = []
    for direction, changes in declared.members().items():
        key = _form(declared, direction)
        try:
            varied = varied_model(block, changes)
        except ValidationError as error:
            problems += [f"{name}.{key}.{text}" for text in describe(error, type(block))]
            continue
        known = set(block.problems(f"{name}.{key}", config))
        problems += [text for text in varied.problems(f"{name}.{key}", config) if text not in known]
        if declared.replicas is not None:
            continue  # the nominal training may be one of them
        # A preset says nothing here: every key of the nominal model is given.
        if varied.model_dump(exclude={"preset"}) == block.model_dump(exclude={"preset"}):
            problems.append(f"{name}.{key}: is the same as models.{declared.model}: no key changes")
    return problems


def varied_model(block: ModelBlock, changes: dict[str, Any]) -> ModelBlock:
    """A model's block with some keys changed, checked again."""
    return type(block).model_validate({**block.model_dump(), **changes})


# --- corrections ---------------------------------------------------------------------------------


def _check_corrections(
    config: Config, systematics: dict, root: Path, origin: str
) -> list[tuple[str, str]]:
    """What is wrong with smearing and shifts, with the files they stand in.

    The file of corrections is read once, which takes up to a second.
    """
    shifts = {name: s for name, s in systematics.items() if isinstance(s, Shift)}
    blocks = {name: getattr(config.select, name) for name in ("smearing", "mass_smearing")}
    named = {f"select.{name}": block for name, block in blocks.items() if block is not None}
    if not shifts and not named:
        return []
    try:
        corrections = _open_corrections(config, root)
    except BoostflowError as error:
        return [(origin, str(error))]
    problems = []
    for key, block in named.items():
        found = _check_smearing_names(key, block, list(config.samples), corrections, config)
        problems += [(origin, text) for text in found]
    where = str(find(config.systematics, root)) if shifts else ""
    found = _check_shifts(config, shifts, corrections)
    return [*problems, *((where, text) for text in found)]


def _check_shifts(config: Config, shifts: dict[str, Shift], corrections: Corrections) -> list[str]:
    """Shifts name corrections that can serve, and jets that they move into the cuts are there."""
    problems = []
    moves = [name for name, s in shifts.items() if s.quantity in ("energy", "resolution")]
    low = config.select.fatjet.pt[0]
    if moves and config.ingest.fatjet_pt_min > PT_MARGIN * low:
        problems.append(
            f"{moves[0]}: jets that it moves above select.fatjet.pt ({low:g} GeV) are not ingested:"
            f" set ingest.fatjet_pt_min to {PT_MARGIN * low:g} GeV or less"
        )
    for name, declared in shifts.items():
        samples = declared.samples or list(config.samples)
        named = {"correction": declared.correction}
        named |= {f"envelope.{i}": x for i, x in enumerate(declared.envelope or [])}
        for key, correction in named.items():
            if correction is not None:
                problems += _check_correction(
                    f"{name}.{key}", correction, False, samples, corrections, config
                )
        if declared.quantity in ("energy", "mass"):
            continue
        key = "smearing" if declared.quantity == "resolution" else "mass_smearing"
        nominal, own = getattr(config.select, key), declared.smearing()
        if nominal is None and own is None:
            problems.append(f"{name}: needs resolution and scale_factor, or select.{key}")
        elif nominal is not None and own is not None:
            problems.append(
                f"{name}: leave out resolution and scale_factor: select.{key} names those that up,"
                " down and nominal share"
            )
        elif own is not None:
            found = _check_smearing_names(name, own, samples, corrections, config)
            problems += found or _check_nominal(f"{name}.scale_factor", key, own, corrections)
    return problems


def _check_smearing_names(
    key: str, block: Smearing, samples: list[str], corrections: Corrections, config: Config
) -> list[str]:
    problems = []
    for part, by_value in (("resolution", False), ("scale_factor", True)):
        name = getattr(block, part)
        problems += _check_correction(f"{key}.{part}", name, by_value, samples, corrections, config)
    return problems


def _check_correction(
    key: str,
    name: str,
    by_value: bool,
    samples: list[str],
    corrections: Corrections,
    config: Config,
) -> list[str]:
    """A correction is in the file, takes known inputs, and the samples have them."""
    if name not in corrections.names():
        hint = suggest(name, corrections.names())
        return [f"{key}: unknown correction {name!r} in {corrections.path}{hint}"]
    if problem := corrections.problem(name, by_value=by_value):
        return [f"{key}: {problem}"]
    for column in corrections.columns(name):
        for sample in samples:
            block = config.samples.get(sample)
            if column in OPTIONAL and block and not isinstance(block, RootSample):
                return [
                    f"{key}: {name} takes {column}, which only ROOT files have ({OPTIONAL[column]})"
                    f", not sample {sample}"
                ]
    return []


def _check_nominal(key: str, smearing: str, block: Smearing, corrections: Corrections) -> list[str]:
    """Without nominal smearing the nominal scale factor is 1."""
    # Somewhere in the acceptance: files give values other than 1 everywhere, or nowhere.
    jet = {"pt": 500.0, "eta": 0.1, "phi": 0.1, "mass": 80.0, "rho": 20.0, "area": 2.0}
    try:
        value = float(corrections.evaluate(block.scale_factor, jet, "nom"))
    except BoostflowError as error:
        return [f"{key}: {error}"]
    if value == 1:
        return []
    return [
        f"{key}: the nominal one of {block.scale_factor} is {value:g}, not 1: name both in"
        f" select.{smearing} instead, so that nominal jets are smeared, too"
    ]


def _open_corrections(config: Config, root: Path) -> Corrections:
    path = config.select.corrections
    file = find(path, root)
    if file is None:
        raise BoostflowError(f"select.corrections: no such file: {path}")
    try:
        return Corrections(file)
    except BoostflowError as error:
        raise BoostflowError(f"select.corrections: {error}") from None

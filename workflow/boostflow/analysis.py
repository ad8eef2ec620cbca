"""An analysis: what the rules ask of a checked configuration. Nothing here knows Snakemake."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from boostflow import paths
from boostflow.config.config import Config
from boostflow.config.files import batch, beside, content, expand, find, is_remote, keys, known
from boostflow.config.samples import FileSample, Made, RootSample, is_data, is_normalised
from boostflow.config.statistics import Region
from boostflow.config.systematics import AnySystematic, ModelVariation
from boostflow.config.weights import SampleWeight
from boostflow.models.family import (
    Family,
    ModelBlock,
    Role,
    Score,
    Task,
    family_of,
    tells_classes,
)
from boostflow.models.search import CHOSEN
from boostflow.searches import Searches
from boostflow.variations import NOMINAL, Stage, Variation, Variations

EVENTS = "events"
"""How a model is evaluated that scores events."""


class Prepared(NamedTuple):
    """An input that several models of a family share."""

    block: ModelBlock
    """Block of the first of these models."""
    samples: list[str]
    """Samples whose jets the input holds."""


class Analysis:
    """A configuration with its systematics, and the files that it comes to.

    Args:
        config: the checked configuration.
        systematics: those that are enabled, by name.
        root: folder of the repository, for files that the configuration names.
    """

    def __init__(
        self, config: Config, systematics: dict[str, AnySystematic], root: Path = Path()
    ) -> None:
        self.config, self.systematics, self.root = config, systematics, root
        self.variations = Variations(config, systematics)
        self.searches = Searches(config)
        self.samples = list(config.samples)
        self._contents: dict[str, str] = {}

    def at(self, pattern: str, **wildcards: Any) -> str:
        """A path below the output folder; wildcards without a value stay as they are."""
        for name, value in wildcards.items():
            pattern = pattern.replace(f"{{{name}}}", str(value))
        return f"{self.config.output}/{pattern}"

    def each(self, pattern: str, **wildcards: Iterable[Any]) -> list[str]:
        """The paths that a pattern makes with each value of one wildcard."""
        ((name, values),) = wildcards.items()
        return [self.at(pattern, **{name: value}) for value in values]

    # --- files of samples ---

    def _file_sample(self, sample: str) -> FileSample:
        block = self.config.samples[sample]
        assert isinstance(block, FileSample)
        return block

    @cached_property
    def files(self) -> dict[str, list[str]]:
        """The files of each sample that has some, patterns and lists expanded."""
        return {
            name: expand(block)[0]
            for name, block in self.config.samples.items()
            if isinstance(block, FileSample)
        }

    @cached_property
    def file_keys(self) -> dict[str, list[str]]:
        """A name for each of these files, which changes with the file."""
        tree = self.config.ingest.tree
        return {
            name: keys(name, self._file_sample(name), files, tree)
            for name, files in self.files.items()
        }

    @cached_property
    def checked(self) -> dict[str, str]:
        """The JSON file in which an earlier check has written of a file, by the file's key."""
        return known(Path(self.at(paths.CHECKED)).parent)

    @cached_property
    def unchecked(self) -> list[str]:
        """Keys of files that no check has seen as they are."""
        return [
            key for found in self.file_keys.values() for key in found if key not in self.checked
        ]

    def next_check(self) -> str:
        """What the next check will write of those: so a new file makes no other be read again."""
        return self.at(paths.CHECKED, batch=batch(self.unchecked))

    def checked_by(self, sample: str, part: int) -> str | None:
        """What says of the file of a part; None for a simulated one."""
        if sample not in self.files:
            return None
        number = part // self._file_sample(sample).parts_per_file
        return self.checked.get(self.file_keys[sample][number], self.next_check())

    def parts(self, sample: str, variation: str) -> range:
        """Numbers of the parts of a sample; an alternative sample may have fewer."""
        block = self.config.samples[sample]
        if isinstance(block, Made):
            return range(self.alternative(variation, "parts") or block.parts)
        return range(len(self.files[sample]) * block.parts_per_file)

    def source(self, sample: str, part: int, variation: str) -> str:
        """The file or address that a part is read from: made here, or the user's."""
        block = self.config.samples[sample]
        if isinstance(block, Made):
            resolved = self.resolve("simulate", variation, sample=sample)
            return self.at(block.path, variation=resolved, sample=sample, part=part)
        return self.files[sample][part // block.parts_per_file]

    def beside(self, sample: str, file: str) -> list[str]:
        """Files that are read together with a file of a sample."""
        return beside(file, self.config.samples[sample])

    def local_files(self) -> list[str]:
        """All files of samples that are no addresses, with those beside them."""
        return [
            path
            for name, files in self.files.items()
            for file in files
            if not is_remote(file)
            for path in (file, *self.beside(name, file))
        ]

    def addresses(self) -> list[str]:
        """All files of samples that are addresses."""
        return [file for files in self.files.values() for file in files if is_remote(file)]

    def found(self, path: str) -> str:
        """A file that the configuration names: in the working directory, or of the repository."""
        return str(find(path, self.root) or path)

    def contents(self, files: Iterable[str]) -> list[str]:
        """Digests of what small files hold that the configuration names, each read once.

        A job that has them among its settings runs again when such a file is another, also an older
        one, and not when the same one stands at another place or has another time.
        """
        names = list(files)
        for name in names:
            if name not in self._contents:
                self._contents[name] = content(name)
        return [self._contents[name] for name in names]

    # --- samples ---

    def is_data(self, sample: str) -> bool:
        """Whether a sample is collision data."""
        return is_data(self.config.samples[sample])

    def weights(self, sample: str) -> dict[str, SampleWeight]:
        """The declared weights of a sample, by name."""
        block = self.config.samples[sample]
        return block.weights if isinstance(block, RootSample) else {}

    def sumw(self, sample: str) -> float | None:
        """The sum of weights before a skim that a sample says for all of its files."""
        block = self.config.samples[sample]
        before = block.before_skim if isinstance(block, RootSample) else None
        return None if before is None else before.sumw

    def sums_files(self, sample: str) -> list[str]:
        """The text file of sums of weights before a skim that a sample names, if it does."""
        block = self.config.samples[sample]
        before = block.before_skim if isinstance(block, RootSample) else None
        return [before.file] if before is not None and before.file is not None else []

    def data(self) -> list[str]:
        """Names of the samples of collision data."""
        return [name for name in self.samples if self.is_data(name)]

    def data_before(self, sample: str) -> list[str]:
        """Samples of collision data in ROOT files before one such, whose events come first."""
        block = self.config.samples[sample]
        if not (isinstance(block, RootSample) and block.data):
            return []
        names = self.data()[: self.data().index(sample)]
        return [name for name in names if isinstance(self.config.samples[name], RootSample)]

    def simulated(self) -> list[str]:
        """Names of all others."""
        return [name for name in self.samples if not self.is_data(name)]

    def labelled(self) -> list[str]:
        """Names of the samples whose jets have a class."""
        return [name for name, block in self.config.samples.items() if block.label]

    # --- variations ---

    def resolve(self, stage: Stage, variation: str, **what: str) -> str:
        """The variation whose file a stage uses, see `Variations.resolve`."""
        return self.variations.resolve(stage, variation, **what)

    def varied(self, variation: str, kind: str | None = None) -> Variation | None:
        """A variation, if its systematic is of a kind; None for nominal."""
        found = self.variations.by_name.get(variation)
        return found if found and kind in (None, found.declared.kind) else None

    def alternative(self, variation: str, key: str) -> Any:
        """What a variation says about its alternative samples, or None: `parts`, `events`."""
        found = self.varied(variation)
        return found and getattr(found.declared, key, None)

    def rates(self) -> list[str]:
        """Systematics that touch the fit alone."""
        return [name for name, block in self.systematics.items() if block.kind == "rate"]

    def fitted(self) -> list[str]:
        """Systematics with templates in the fit, in the order of their declaration."""
        names = self.variations.with_templates()[1:]
        return list(dict.fromkeys(self.variations.by_name[name].systematic for name in names))

    def entering(self, names: Iterable[str]) -> dict[str, AnySystematic]:
        """Some systematics and all rates, in the order of their declaration."""
        wanted = {*names, *self.rates()}
        return {name: block for name, block in self.systematics.items() if name in wanted}

    def declared(self) -> dict[str, dict[str, Any]]:
        """The configuration and the systematics as plain data."""
        return {
            "config": self.config.model_dump(mode="json"),
            "systematics": {n: b.model_dump(mode="json") for n, b in self.systematics.items()},
        }

    def targets_of_entries(self) -> dict[str, list[str]]:
        """Variations with templates by the names under which users ask for them.

        Each has its own name, and each systematic stands for all of its variations.
        """
        single = [*self.variations.with_templates(), *self.variations.crosschecks().values()]
        return {name: [name] for name in single} | self.variations.entries()

    def has_transfer(self) -> bool:
        """Whether a background of the fit comes from data, and is tested."""
        infer = self.config.infer
        return self.config.has_fit and infer is not None and infer.transfer is not None

    def has_health(self) -> bool:
        """Whether there are effects to check."""
        return self.config.has_fit and bool(self.fitted())

    # --- models ---

    def block(self, model: str, variation: str = NOMINAL) -> ModelBlock:
        """A model's block, with what the variation changes of this model."""
        block = self.config.models[model]
        change = self._change(model, variation)
        return block.varied(change) if change else block

    def _change(self, model: str, variation: str) -> dict[str, Any]:
        """What a variation changes of a model, by key."""
        found = self.varied(variation, "model")
        if found is None:
            return {}
        assert isinstance(found.declared, ModelVariation)
        return found.change if found.declared.model == model else {}

    def changed(self, model: str, variation: str) -> frozenset[str]:
        """The keys of a model that a variation changes."""
        return frozenset(self._change(model, variation))

    def chosen(self, model: str) -> str | None:
        """The file with what the search of a model has chosen; None for one without a search."""
        if model not in self.searches.of:
            return None
        return self.at(paths.SEARCH_STEP, model=model, step=CHOSEN)

    def possible(self, model: str, variation: str = NOMINAL) -> list[ModelBlock]:
        """The blocks that a model may be trained with: one, or those of which a search chooses."""
        block = self.block(model, variation)
        if model not in self.searches.of:
            return [block]
        return self.searches.possible(model, block, self.changed(model, variation))

    def families(self) -> list[Family]:
        """The families in use, sorted by kind."""
        found = {block.kind: family_of(block) for block in self.config.models.values()}
        return [found[kind] for kind in sorted(found)]

    def of_family(self, kind: str) -> list[str]:
        """Names of the models of a family."""
        return [name for name, block in self.config.models.items() if block.kind == kind]

    def prepared(self) -> dict[str, Prepared]:
        """The inputs that models and their variations share, by name."""
        wanted = [(model, NOMINAL) for model in self.config.models]
        for name, varied in self.variations.by_name.items():
            model = getattr(varied.declared, "model", None)
            if model is not None:
                wanted.append((model, name))
        blocks = [block for model, variation in wanted for block in self.possible(model, variation)]
        result: dict[str, Prepared] = {}
        for block in blocks:
            shared = block.prepared_name()
            if shared is not None:
                result.setdefault(shared, Prepared(block, self.config.trained_on(block)))
        return result

    def prepared_below(self, model: str, variation: str) -> list[str]:
        """Names of the inputs of all models that a model is made from under a variation.

        These are models that it names, and those that they are made from; a name stands once.
        """
        found: dict[str, list[str | None]] = {}
        waiting = list(self.block(model, variation).reads().models)
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                # Of a search it is not known yet which one its choice needs.
                found[name] = [block.prepared_name() for block in self.possible(name, variation)]
                waiting += self.block(name, variation).reads().models
        every = (name for names in found.values() for name in names)
        return list(dict.fromkeys(name for name in every if name is not None))

    def evaluated_as(self, model: str) -> str:
        """How a model is evaluated: as its kind says, or as all that score events."""
        block = self.config.models[model]
        return EVENTS if block.scored_unit() == "event" else block.kind

    def ways_of_evaluation(self, models: Iterable[str]) -> dict[str, list[str]]:
        """Models by the way they are evaluated, sorted by it; those of a way have the same plots.

        Of a family some of whose models are decorrelated, these are a way of their own, and so are
        those with other plots of the family's own.
        """
        found: dict[str, dict[tuple[bool, tuple[str, ...]], list[str]]] = {}
        for name in models:
            more = any(s.role is Role.DECORRELATED for s in self._scores(name))
            form = (more, tuple(self.config.models[name].own_plots()))
            found.setdefault(self.evaluated_as(name), {}).setdefault(form, []).append(name)
        result = {}
        for way, forms in found.items():
            for (more, own), names in forms.items():
                parts = [way]
                if more and not all(form[0] for form in forms):
                    parts.append("decorrelated")
                if own and any(form[1] != own for form in forms):
                    parts += own
                result["_".join(parts)] = names
        return dict(sorted(result.items()))

    def _scores(self, model: str) -> list[Score]:
        """Columns of a model's score table."""
        return self.config.models[model].scores(self.config.labels())

    def caption(self, model: str, plot: str) -> str | None:
        """The report's text for a plot of a model, where it is the family's own; None elsewhere."""
        family = family_of(self.config.models[model])
        return str(family.caption(plot)) if plot in family.own_plots else None

    def jet_models(self) -> list[str]:
        """Models with a score for each class of a jet: those that are compared."""
        return [name for name, block in self.config.models.items() if tells_classes(block)]

    def classifiers(self) -> list[str]:
        """Models that were trained on classes, where there are several: they are ranked."""
        models = self.config.models.items()
        found = [name for name, block in models if block.task() is Task.CLASSIFY]
        return found if len(found) > 1 else []

    def in_logic(self) -> list[str]:
        """Ranked classifiers that are logic for an FPGA."""
        return [name for name in self.classifiers() if self.config.models[name].in_logic]

    def with_systematics(self) -> list[str]:
        """Jet models that regions read, if there are variations of their scores or jets."""
        if not self.config.has_fit:
            return []
        return [name for name in self.jet_models() if self.variations.evaluated(name)]

    def uses_splits(self) -> bool:
        """Whether anything tells events that models are trained on from others."""
        return bool(self.config.models) or self.config.background is not None

    def is_trained_on(self, sample: str) -> bool:
        """Whether any model is trained on a sample."""
        return sample in self._training

    @cached_property
    def _training(self) -> set[str]:
        return {name for m in self.config.models.values() for name in self.config.trained_on(m)}

    # --- tables of jets and scores ---

    def selected(self, variation: str, samples: Iterable[str] | None = None) -> list[str]:
        """The selected jets of samples (null: of all) under a variation, in their order."""
        return [
            self.at(
                paths.SELECT,
                variation=self.resolve("select", variation, sample=name),
                sample=name,
            )
            for name in (self.samples if samples is None else samples)
        ]

    def scored(self, model: str, variation: str) -> str:
        """The score table of a model under a variation."""
        resolved = self.resolve("score", variation, model=model)
        return self.at(paths.SCORE, model=model, variation=resolved)

    def trained(self, model: str, variation: str) -> str:
        """The folder of a trained model under a variation."""
        resolved = self.resolve("train", variation, model=model)
        return self.at(paths.MODEL, model=model, variation=resolved)

    def evaluated_variations(self, model: str) -> list[str]:
        """Nominal, and the variations of a model's scores or its jets."""
        return [NOMINAL, *self.variations.evaluated(model)]

    # --- regions ---

    def regions(self, variation: str) -> dict[str, Region]:
        """The regions of a variation: another model's, where it says so."""
        found = self.varied(variation)
        instead = getattr(found and found.declared, "instead", None)
        return instead or self.config.templates.regions

    def fitted_regions(self) -> list[str]:
        """The regions of the fit: those of the templates but validation regions."""
        infer = self.config.infer
        apart = infer.transfer.validation if infer and infer.transfer else []
        return [name for name in self.config.templates.regions if name not in apart]

    def hidden(self) -> dict[str, list[list[float]]]:
        """Windows of the templates' variable without collision data, by region that shows some."""
        infer = self.config.infer
        block = infer.transfer if infer else None
        if block is None or not block.hidden or self.config.unblind or not self.data():
            return {}
        return dict.fromkeys(block.regions(), block.hidden)

    def region_models(self, variation: str) -> list[str]:
        """Names of the models whose scores those regions read, sorted."""
        return sorted({region.model for region in self.regions(variation).values()})

    def shown_regions(self) -> list[str]:
        """Regions in which collision data may be seen."""
        regions = self.config.templates.regions if self.data() else {}
        beside = self.hidden()
        return [
            name
            for name, region in regions.items()
            if region.control or self.config.unblind or name in beside
        ]

    def template_samples(self, variation: str) -> list[str]:
        """Samples of the templates; collision data in the nominal ones, where they may be seen."""
        shown = variation == NOMINAL and bool(self.shown_regions())
        return self.samples if shown else self.simulated()

    def shown_data(self) -> list[str]:
        """Samples of the nominal templates that are collision data."""
        return self.data() if self.shown_regions() else []

    # --- text above plots ---

    def label(self) -> tuple[str, str]:
        """Text left and right on top of a plot."""
        # Tables, and sets without cross-sections, correspond to no luminosity.
        if self.config.of_tables() or not all(
            is_normalised(b) or is_data(b) for b in self.config.samples.values()
        ):
            return self.energy_label()
        left, energy = self.energy_label()
        return left, f"{self.config.luminosity:g} fb$^{{-1}}$ ({energy})"

    def energy_label(self) -> tuple[str, str]:
        """Text left and right on top of a plot that corresponds to no luminosity."""
        left = "boostflow" if self.data() else "boostflow simulation"
        if self.config.of_tables():
            return left, ""
        return left, f"{self.config.simulation.ecm / 1000:g} TeV"

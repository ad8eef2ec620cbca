"""The configuration, declared once: types, defaults, limits and the text that documents each key.

config/config.yaml (all defaults) and config/schema.json are generated from here (`make config`),
and a test fails when they have drifted apart. Every block is what one stage needs, so a rule can be
given its block and nothing else.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from boostflow.config.background import Background
from boostflow.config.base import Block, FilePath, Name
from boostflow.config.chain import Evaluate, Ingest, Select, Simulation
from boostflow.config.defaults import DEFAULT_MODELS
from boostflow.config.measurement import MODELS, with_measurement
from boostflow.config.samples import Sample, default_samples, is_table
from boostflow.config.statistics import Infer, Templates
from boostflow.models.family import ModelBlock, families
from boostflow.observables.catalogue import columns, known_features

if TYPE_CHECKING:
    Model = ModelBlock
else:
    _BLOCKS = [family.block for family in families().values()]
    Model = Annotated[reduce(or_, _BLOCKS), Field(discriminator="kind")]
    """A block of any family, told apart by its kind."""


def default_models() -> dict[str, Model]:
    """A model of each of these kinds, named by it, with what the measurement needs of it."""
    return {
        kind: families()[kind].block.model_validate(MODELS.get(kind, {})) for kind in DEFAULT_MODELS
    }


class Config(Block):
    """The whole configuration of an analysis."""

    output: FilePath = Field("results", min_length=1)
    """Folder of everything that is produced, relative to where snakemake is started. In all paths
    `~` and `$HOME` are your home folder."""
    seed: int = Field(1, ge=0)
    """Seed of the simulation: with the sample, the variation and the part it fixes every event."""
    luminosity: float = Field(138.0, gt=0)
    """Integrated luminosity (1/fb)."""
    samples: dict[Name, Sample] = Field(default_factory=default_samples, min_length=1)
    """Samples by name. Giving this key replaces the whole default set, and the default measurement:
    its regions, parameters of interest and transfer factor."""
    systematics: FilePath | None = "config/systematics.yaml"
    """File that declares the systematic variations; null for none."""
    simulation: Simulation = Simulation()
    ingest: Ingest = Ingest()
    select: Select = Select()
    models: dict[Name, Model] = Field(default_factory=default_models)
    """Models by name. Giving this key replaces the whole default set."""
    evaluate: Evaluate = Evaluate()
    templates: Templates = Templates()
    infer: Infer | None = Infer()
    """null for no templates and no fit."""
    background: Background | None = None
    """Background estimates from data (docs/background.md); null for none."""

    @model_validator(mode="before")
    @classmethod
    def measures_something(cls, given: Any) -> Any:
        """The default measurement goes with the default samples, models and regions alone."""
        return with_measurement(given) if isinstance(given, dict) else given

    @property
    def unblind(self) -> bool:
        """Whether collision data may be seen everywhere."""
        return self.infer is not None and self.infer.unblind

    @property
    def has_fit(self) -> bool:
        """Whether the chain goes on to templates and the fit."""
        return bool(self.models) and self.infer is not None

    def event_models(self) -> dict[str, ModelBlock]:
        """The models that score events."""
        return {n: model for n, model in self.models.items() if model.scored_unit() == "event"}

    def of_tables(self) -> bool:
        """Whether the objects are rows of tables, not jets."""
        return any(map(is_table, self.samples.values()))

    def features(self) -> list[str]:
        """Columns that models may take, sorted."""
        return self._common() if self.of_tables() else known_features()

    def columns(self) -> list[str]:
        """Columns that templates, cuts and figures may take, sorted."""
        return self._common() if self.of_tables() else columns()

    def _common(self) -> list[str]:
        """Columns that all tables have."""
        each = [set(getattr(sample, "columns", ())) for sample in self.samples.values()]
        return sorted(set.intersection(*each))

    def labels(self) -> list[str]:
        """Classes of the jets, sorted."""
        return sorted({sample.label for sample in self.samples.values() if sample.label})

    def trained_on(self, model: ModelBlock) -> list[str]:
        """Names of the samples that a model is trained on, in its order."""
        named = model.reads().samples
        if named is not None:
            return list(named)
        return [name for name, sample in self.samples.items() if sample.label]

    def beside(self, model: ModelBlock) -> list[str]:
        """Names of the samples that a model looks at and is not trained on, in their order."""
        named = model.reads().beside
        trained = self.trained_on(model) if model.prepared() is None else []
        return [name for name in self.samples if name in named and name not in trained]

    def classes_of(self, model: ModelBlock) -> list[str]:
        """Classes of the samples that a model is trained on, in their order."""
        names = (name for name in self.trained_on(model) if name in self.samples)
        found = (self.samples[name].label for name in names)
        return [label for label in found if label]

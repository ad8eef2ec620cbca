"""A family of models: what the rest of the code may ask of it, without knowing which one it is.

A family is a folder `models/<kind>/` whose `__init__.py` holds `FAMILY = Family(...)`. It is found
by looking through the folder. This module and a family's `__init__.py` and `block.py` are read when
a run is planned: they import pydantic and the standard library alone.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import json
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self, get_args

from pydantic import Field, field_validator, model_validator

from boostflow.config.base import Block, expanded
from boostflow.config.problems import Place, Problem
from boostflow.config.rounding import Rounded
from boostflow.errors import BoostflowError
from boostflow.observables.catalogue import default_features

if TYPE_CHECKING:
    import awkward as ak
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from boostflow.config.config import Config
    from boostflow.constituents.packing import Packed
    from boostflow.jobs.models import Evaluate, Train
    from boostflow.scored import Table


class Task(StrEnum):
    """What a model is for; it decides how its scores are judged."""

    CLASSIFY = "classify"
    """A probability of each class, learned from labels."""
    CLUSTER = "cluster"
    """Clusters of jets or events, found without labels."""
    DETECT = "detect"
    """One number that is large for what the training did not show."""
    COMPRESS = "compress"
    """Columns that stand for more columns."""
    REGRESS = "regress"
    """Columns that estimate a true value."""
    GENERATE = "generate"
    """New objects, like those of the training."""


class Role(StrEnum):
    """What a column of a score table means."""

    PROBABILITY = "probability"
    """Probability of one class; those of all classes add up to 1."""
    DECORRELATED = "decorrelated"
    """Part of the background jets of the same mass and pT that have a lower score: uniform between
    0 and 1 on background, whatever the mass."""
    DISTANCE = "distance"
    """Distance to the centre of a cluster."""
    CLUSTER = "cluster"
    """Number of the cluster, -1 for none."""
    ERROR = "error"
    """Error of a reconstruction: large for what is unlike the training."""
    CAUSE = "cause"
    """Number of a feature that makes a jet unusual."""
    EMBEDDING = "embedding"
    """A coordinate in the space in which clusters are found."""
    VALUE = "value"
    """Any other number."""


class Score(NamedTuple):
    """A column of a model's score table."""

    column: str
    role: Role
    title: str
    """Title of an axis; that of a probability without its class, which is added: `output` becomes
    `Output for top quark`."""
    of: str | None = None
    """The class that it is the probability of, or made from that."""


def columns(scores: Iterable[Score], role: Role) -> list[str]:
    """Names of the columns of one role, in their order."""
    return [score.column for score in scores if score.role is role]


class Reads(NamedTuple):
    """What a model reads."""

    samples: tuple[str, ...] | None = None
    """Samples that it is trained on; null: all that have a label."""
    columns: tuple[str, ...] = ()
    """Columns of the selected jets that it cannot do without."""
    constituents: bool = False
    """Whether jets need their constituents."""
    models: tuple[str, ...] = ()
    """Other models that it is made from."""
    beside: tuple[str, ...] = ()
    """Samples that it looks at and does not learn from; a name without a sample is left out."""


Unit = Literal["jet", "event"]
"""What has a score."""

TASK_PLOTS: dict[tuple[Task, Unit], tuple[str, ...]] = {
    (Task.CLASSIFY, "jet"): ("roc", "confusion", "scores", "decorrelation", "significance"),
    (Task.CLUSTER, "jet"): ("accuracy", "confusion", "embedding", "mass", "roc"),
    (Task.CLUSTER, "event"): ("planes", "clusters"),
    (Task.COMPRESS, "jet"): ("bits",),
    (Task.DETECT, "jet"): ("detection", "improvement", "sculpting"),
    (Task.GENERATE, "jet"): ("shapes", "resolution", "mean_showers", "showers"),
    (Task.REGRESS, "jet"): ("bias", "response", "finding", "priors", "closure"),
}
"""What the stage evaluate judges, by what a model is for and what it scores: names of the plots."""


KERAS = ("tensorflow", "tensorflow-cpu", "keras", "horovod")
"""Distributions that decide a training by Keras."""


class ModelBlock(Block):
    """What the blocks of all families share."""

    resources: ClassVar[tuple[str, ...]] = ()
    """Keys that say how long a training is at most: searches may give little of one first."""
    in_logic: ClassVar[bool] = False
    """Whether a training leaves logic, and what it costs in `logic.FIRMWARE`."""

    kind: str
    """Name of the family that the block belongs to."""
    seed: int = Field(1, ge=0)
    """Seed of the training."""

    @model_validator(mode="before")
    @classmethod
    def classifies_where_it_must(cls, given: Any) -> Any:
        """Keys of classifiers in another family get a message of their own."""
        # Blocks of classifiers are made from this one.
        from boostflow.models.classifying import ClassifierBlock

        own = ClassifierBlock.model_fields.keys() - ModelBlock.model_fields.keys()
        for key in sorted(own) if isinstance(given, dict) else ():
            if key in given and key not in cls.model_fields:
                raise ValueError(
                    f"{key}: is for models that classify, which have a probability of each class;"
                    f" remove it from this {given.get('kind', 'model')}"
                )
        return given

    def task(self) -> Task:
        """What this model is for."""
        raise NotImplementedError

    def scored_unit(self) -> Unit:
        """What has a score: each jet, or each event."""
        return "jet"

    def reads(self) -> Reads:
        """What the model is made from."""
        return Reads()

    def scores(self, classes: Sequence[str]) -> list[Score]:
        """Columns of the score table, which regions and estimates can name.

        A classifier has a probability of each class that it was trained on, a clustering one
        column of the role `cluster` and a distance to each cluster, in the order of their numbers.

        Args:
            classes: labels of the samples.
        """
        raise NotImplementedError

    def rounded(self) -> Mapping[str, Rounded]:
        """Columns that it compresses, with their bounds; none for all others."""
        return {}

    def own_plots(self) -> Sequence[str]:
        """Plots of the family's own that this model has."""
        return family_of(self).own_plots

    def prepared(self) -> dict[str, Any] | None:
        """What decides an input that several models of the family share; null if there is none."""
        return None

    def ranks(self) -> int:
        """Processes that train it together."""
        return 1

    def normal_jets(self) -> tuple[str, ...]:
        """Samples or classes that a detector takes as normal; empty for any other model."""
        return ()

    def together(self) -> bool:
        """Whether all samples are scored at once, since scores depend on rows of others."""
        return False

    def window(self) -> tuple[float, float] | None:
        """Window of the jet mass in which the model is judged (GeV); null for none."""
        return None

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """What types cannot say: names that the rest of the configuration must have.

        Args:
            at: the key of the block, `models.tagger`; a problem is at this key or at one below it.
            config: the whole configuration.
        """
        return ()

    def varied(self, changes: Mapping[str, Any]) -> Self:
        """A block of the same model with some keys changed, checked again.

        Args:
            changes: values by key.

        Raises:
            ValidationError: a key or a value is wrong.
        """
        return type(self).model_validate({**self.model_dump(), **changes})

    def prepared_name(self) -> str | None:
        """The name of the prepared input: the same for all models that share it."""
        content = self.prepared()
        return None if content is None else digest(content)


def digest(content: dict[str, Any]) -> str:
    """A name that follows from JSON data, ten digits."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=5).hexdigest()


class TabularBlock(ModelBlock):
    """What the blocks of families share that take observables as columns."""

    features: list[str] = Field(default_features(), min_length=1)
    """Columns of the selected jets, in this order; `adc_{0..15}` stands for 16 of them."""

    @field_validator("features", mode="before")
    @classmethod
    def writes_ranges_out(cls, value: object) -> object:
        """Write out the columns of ranges."""
        return expanded(value)

    def standard(self) -> bool:
        """Whether the features are the family's default ones.

        A training leaves out those of them that the input lacks; features that were chosen are
        needed.
        """
        field = type(self).model_fields["features"]
        return self.features == field.get_default(call_default_factory=True)

    def reads(self) -> Reads:
        """Features that were chosen are needed; of the default ones those that the input has."""
        return Reads(columns=() if self.standard() else tuple(self.features))

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Features are observables, or columns of the tables, each listed once."""
        known = config.features()
        if self.standard() and config.of_tables():
            yield (at / "features").problem(
                "its default are observables of jets: name columns of the tables, as"
                f" {', '.join(known[:5])}"
            )
            return
        for feature in self.features:
            if feature not in known:
                yield (at / "features").unknown("observable", feature, known)
        if len(set(self.features)) < len(self.features):
            yield (at / "features").problem("an observable is listed twice")


class DistributedBlock(ModelBlock):
    """What the blocks of families share whose trainings `horovodrun` starts."""

    processes: int = Field(2, ge=1, le=1024)
    """Horovod processes (`horovodrun -np`). They share each batch, so the result hardly depends on
    their number."""

    def ranks(self) -> int:
        """Processes of Horovod."""
        return self.processes


class Trains(Protocol):
    """What the module `Family.train` holds; modules of a family are imported where they run."""

    def train(self, job: Train, files: Train.Files) -> None:
        """Train a model and write its folder."""


class Scores(Protocol):
    """What the module `Family.score` holds."""

    def score(self, model: Path, jets: ak.Array, threads: int) -> Mapping[str, NDArray]:
        """The columns of `ModelBlock.scores`, each of shape (jets,)."""


class Gives(Protocol):
    """What the module `Family.inputs` of a network that reads constituents holds.

    Training and scores take its arrays, so it needs no more than NumPy, and what is packed.
    """

    def shapes(self, block: Any) -> Mapping[str, tuple[tuple[int | None, ...], str]]:
        """Shape and type (`float32` or `int32`) of each input of the network, by name.

        The first axis, that of the jets, is left out; None stands for any number. Observables of
        the jet are none of them.

        Args:
            block: of the family.
        """

    def arrays(self, block: Any, jets: Packed) -> Mapping[str, NDArray]:
        """Inputs of N jets by their names.

        Args:
            block: of the family.
            jets: packed as its `packing` says.
        """


class Figures(Protocol):
    """What the module `Family.figures` of a clustering holds."""

    def baselines(
        self, train: Table, test: Table, clusters: int, seed: int
    ) -> Mapping[str, NDArray]:
        """Clusters of the test jets by what the family is to be compared with, without labels.

        Args:
            train: training jets with all observables that they have.
            test: test jets with the same columns.
            clusters: number of clusters.
            seed: of whatever is random.

        Returns:
            The number of each test jet's cluster, shape (jets,), by the name of the method.
        """


class Plots(Protocol):
    """What the module `Family.plots` holds."""

    def draw(
        self, job: Evaluate, files: Evaluate.Files, figures: Mapping[str, Any], jets: Table
    ) -> Mapping[str, Figure]:
        """The plots that the model has of its own, in the style of all others.

        Args:
            job: the evaluation, with what is judged and the text above the plots.
            files: selected jets, scores and the folder of the model.
            figures: figures of merit of the model's task.
            jets: the test jets behind them, one row each, with the columns of the scores.

        Returns:
            A figure for each of `job.own_plots`; the evaluation writes and closes them.
        """


@dataclass(frozen=True)
class Family:
    """One kind of model.

    The names of modules are relative to the family's package, `.packed` is `models.packed`; they
    are imported where they are used.
    """

    block: type[ModelBlock]
    """Type of the configuration of a model of the family."""
    title: str
    """How legends call it."""
    train: str = "train"
    """Module with `train(job, files)`, see `Trains`."""
    score: str = "score"
    """Module with `score(model, jets, threads)`, see `Scores`."""
    prepare: str | None = None
    """Module with `prepare(job, files)`, where several models share an input."""
    inputs: str = ".packed"
    """Module with `shapes(block)` and `arrays(block, jets)` of a network that reads constituents,
    see `Gives`; by default features and a mask, padded."""
    figures: str | None = None
    """Module with `baselines`, where a clustering has some of its own, see `Figures`."""
    codec: str | None = None
    """Module with `trained(model)` and `open_codec(content, where)` of a compression, see
    `boostflow.coding.codec.Coders`."""
    generator: str | None = None
    """Module with `load(model)` of what generates, see `boostflow.models.generating.Generators`."""
    plots: str | None = None
    """Module with `draw(job, files, figures, jets)`, where there are own plots, see `Plots`."""
    history_axis: str = "Epoch"
    """What the lists of `history` in a model's metrics.json count: title of the plot's axis."""
    own_plots: tuple[str, ...] = ()
    """Names of those, each with a caption `captions/<name>.rst`."""
    packages: tuple[str, ...] = field(default=())
    """Distributions whose versions decide a training."""

    @property
    def kind(self) -> str:
        """Name of the family: the discriminator of its block."""
        return str(get_args(self.block.model_fields["kind"].annotation)[0])

    @property
    def distributed(self) -> bool:
        """Whether `horovodrun` trains it."""
        return issubclass(self.block, DistributedBlock)

    @property
    def package(self) -> str:
        """The package that holds it."""
        return self.block.__module__.rpartition(".")[0]

    def module(self, part: str) -> Any:
        """One of its modules, imported now.

        Args:
            part: the field that names it: `train`, `score`, `codec` ...
        """
        return importlib.import_module(self.path(part))

    def path(self, part: str) -> str:
        """The full name of one of its modules; see `module`."""
        return importlib.util.resolve_name(f".{getattr(self, part)}", self.package)

    def caption(self, plot: str) -> Path:
        """The report's text for a plot of its own."""
        folder = Path(str(importlib.import_module(self.package).__file__)).parent
        return folder / "captions" / f"{plot}.rst"


def found_in(package: str) -> dict[str, Family]:
    """The families of a package, sorted by kind.

    Raises:
        BoostflowError: a family cannot be imported, has no caption or no module for its plots, or
            another has its kind.
    """
    folders = importlib.import_module(package)
    result: dict[str, Family] = {}
    for info in sorted(pkgutil.iter_modules(folders.__path__), key=lambda info: info.name):
        if not info.ispkg:
            continue
        name = f"{package}.{info.name}"
        try:
            family = importlib.import_module(name).FAMILY
        except Exception as error:
            why = " ".join(str(error).split())
            raise BoostflowError(f"{name}: is no family of models: {why}") from error
        if not isinstance(family, Family):
            what = type(family).__name__
            raise BoostflowError(f"{name}: is no family of models: FAMILY is a {what}, no Family")
        if family.kind in result:
            raise BoostflowError(
                f"{name}: the kind {family.kind!r} is that of {result[family.kind].package}, too"
            )
        missing = [plot for plot in family.own_plots if not family.caption(plot).is_file()]
        if missing:
            raise BoostflowError(f"{name}: no captions/{missing[0]}.rst for the plot {missing[0]}")
        if family.own_plots and family.plots is None:
            plots = ", ".join(family.own_plots)
            raise BoostflowError(f"{name}: no module draws its plots {plots}: name it as `plots`")
        result[family.kind] = family
    return dict(sorted(result.items()))


@functools.cache
def families() -> dict[str, Family]:
    """All families by kind.

    Raises:
        BoostflowError: as `found_in`.
    """
    return found_in("boostflow.models")


def clusters_jets(block: ModelBlock) -> bool:
    """Whether a model sorts jets into clusters."""
    return block.task() is Task.CLUSTER and block.scored_unit() == "jet"


def tells_classes(block: ModelBlock) -> bool:
    """Whether a model has, or its clusters stand for, a score for each class of a jet."""
    return block.task() in (Task.CLASSIFY, Task.CLUSTER) and block.scored_unit() == "jet"


def family_of(block: ModelBlock) -> Family:
    """The family of a model."""
    return families()[block.kind]

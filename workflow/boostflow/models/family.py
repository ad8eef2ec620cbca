"""A family of models: what the rest of the code may ask of it, without knowing which one it is.

A family is a folder `models/<kind>/` whose `__init__.py` holds `FAMILY = Family(...)`. It is found
by looking through the folder. This module and a family's `__init__.py` and `block.py` are read when
a run is planned: they import pydantic and the standard library alone.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, Self, get_args

from pydantic import Field

from boostflow.config.base import Block
from boostflow.config.problems import Place, Problem
from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    import awkward as ak
    from numpy.typing import NDArray

    from boostflow.config.config import Config


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
    """New objects."""


class Role(StrEnum):
    """What a column of a score table means."""

    PROBABILITY = "probability"
    """Of one class; those of all classes add up to 1."""
    DISTANCE = "distance"
    """To the centre of a cluster."""
    CLUSTER = "cluster"
    """Number of the cluster, -1 for none."""
    ERROR = "error"
    """Of a reconstruction: large for what is unlike the training."""
    VALUE = "value"
    """Any other number."""


class Score(NamedTuple):
    """A column of a model's score table."""

    column: str
    role: Role
    title: str
    """Of an axis."""


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


Unit = Literal["jet", "event"]
"""What has a score."""


class ModelBlock(Block):
    """What the blocks of all families share."""

    kind: str
    """The family."""
    seed: int
    """Of the training."""

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
        """Columns of the score table that the configuration can name, in its order.

        Args:
            classes: labels of the samples.
        """
        raise NotImplementedError

    def prepared(self) -> dict[str, Any] | None:
        """What decides an input that several models of the family share; null if there is none."""
        return None

    def ranks(self) -> int:
        """Processes that train it together."""
        return 1

    def window(self) -> tuple[float, float] | None:
        """Window of the jet mass in which the model is judged (GeV); null for none."""
        return None

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """What types cannot say: names that the rest of the configuration must have.

        Args:
            at: the key of the block, `models.bdt`; a problem is at this key or at one below it.
            config: the whole configuration.
        """
        return ()

    def varied(self, changes: Mapping[str, Any]) -> Self:
        """The same model with some keys changed, checked again.

        Args:
            changes: values by key.

        Raises:
            ValidationError: a key or a value is wrong.
        """
        return type(self).model_validate({**self.model_dump(), **changes})

    def prepared_name(self) -> str | None:
        """The name of the prepared input: the same for all models that share it."""
        content = self.prepared()
        if content is None:
            return None
        text = json.dumps(content, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=5).hexdigest()


class DistributedBlock(ModelBlock):
    """What the blocks of families share whose trainings `horovodrun` starts."""

    processes: int = Field(2, ge=1, le=1024)
    """Horovod processes (`horovodrun -np`). They share each batch, so the result hardly depends on
    their number."""

    def ranks(self) -> int:
        """Processes of Horovod."""
        return self.processes


class Trained(Protocol):
    """What the module behind `Family.runs` has at run time; it is imported only there."""

    def train(self, job: Any) -> None:
        """Train a model and write its folder."""

    def score(self, model: Path, jets: ak.Array, threads: int) -> Mapping[str, NDArray]:
        """The columns of `ModelBlock.scores`, and any others, each of shape (jets,)."""


@dataclass(frozen=True)
class Family:
    """One kind of model.

    The names of modules are relative to the family's package and imported where they are used.
    """

    block: type[ModelBlock]
    """Its configuration."""
    train: str = "train"
    """Module with `train(job)`."""
    score: str = "score"
    """Module with `score(model, jets, threads)`."""
    prepare: str | None = None
    """Module with `prepare(job)`, where several models share an input."""
    plots: str | None = None
    """Module with `draw(job, figures, jets, folder)`, where the family has plots of its own."""
    own_plots: tuple[str, ...] = ()
    """Names of those, each with a caption `captions/<name>.rst`."""
    packages: tuple[str, ...] = field(default=())
    """Distributions whose versions decide a training."""

    @property
    def kind(self) -> str:
        """Its name: the discriminator of the block."""
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
            part: `train`, `score`, `prepare` or `plots`.
        """
        return importlib.import_module(f"{self.package}.{getattr(self, part)}")

    def caption(self, plot: str) -> Path:
        """The report's text for a plot of its own."""
        folder = Path(str(importlib.import_module(self.package).__file__)).parent
        return folder / "captions" / f"{plot}.rst"


def found_in(package: str) -> dict[str, Family]:
    """The families of a package, sorted by kind.

    Raises:
        BoostflowError: a family cannot be imported, has no caption for a plot, or another has its
            kind.
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
            raise BoostflowError(f"{name}: is no family of models: {error}") from error
        if family.kind in result:
            raise BoostflowError(
                f"{name}: the kind {family.kind!r} is that of {result[family.kind].package}, too"
            )
        missing = [plot for plot in family.own_plots if not family.caption(plot).is_file()]
        if missing:
            raise BoostflowError(f"{name}: no captions/{missing[0]}.rst for the plot {missing[0]}")
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


def family_of(block: ModelBlock) -> Family:
    """The family of a model."""
    return families()[block.kind]

"""The searches of a configuration: which points there are, and in which jobs they are trained."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from boostflow.models.family import ModelBlock, digest
from boostflow.models.search import (
    CHOSEN,
    SEEDS,
    Search,
    Step,
    chunks,
    name_of,
    point,
    search_of,
    with_settings,
)

if TYPE_CHECKING:
    from boostflow.config.config import Config


class First(NamedTuple):
    """A point of the first step of a search."""

    settings: dict[str, Any]
    """Values of the keys that are searched."""
    block: ModelBlock
    """What is trained."""


class Batch(NamedTuple):
    """Points that one job trains, one after another."""

    model: str
    """The first of the models whose search has them."""
    points: list[ModelBlock]
    """Their blocks."""


class Searches:
    """All searches of a configuration."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.of: dict[str, Search] = {
            name: found
            for name, block in config.models.items()
            if (found := search_of(block)) is not None
        }
        """The search of each model that has one, by name of the model."""

    @cached_property
    def steps(self) -> dict[str, list[Step]]:
        """The steps of each model's search, the last one `chosen`."""
        return {name: found.steps(self.config.models[name]) for name, found in self.of.items()}

    def step(self, model: str, name: str) -> Step:
        """A step by its name; `seeds` are the trainings of the chosen settings."""
        if name == SEEDS:
            return Step(SEEDS, self.of[model].seeds, {})
        return next(step for step in self.steps[model] if step.name == name)

    def before(self, model: str, name: str) -> str:
        """The step whose best settings a later step trains."""
        names = [step.name for step in self.steps[model]]
        return CHOSEN if name == SEEDS else names[names.index(name) - 1]

    def later(self, model: str) -> list[str]:
        """Names of the steps whose points are known when those before have been judged."""
        return [*(step.name for step in self.steps[model][1:]), SEEDS]

    @cached_property
    def points(self) -> dict[str, dict[str, First]]:
        """The points of the first step of each model's search, by model and name of the point."""
        found: dict[str, dict[str, First]] = {}
        for model, search in self.of.items():
            given = self.steps[model][0].given
            for settings in search.drawn():
                block = point(self.config.models[model], {**settings, **given})
                found.setdefault(model, {}).setdefault(name_of(block), First(settings, block))
        return found

    def chooses(self, model: str, changed: frozenset[str]) -> list[str]:
        """The keys of a model that its search chooses, sorted.

        Args:
            model: its name.
            changed: keys that a variation changes, which the search then does not.
        """
        return sorted(key for key in self.of[model].keys if key.partition(".")[0] not in changed)

    def possible(self, model: str, block: ModelBlock, changed: frozenset[str]) -> list[ModelBlock]:
        """The blocks that a model may be trained with, of which the search chooses one.

        Args:
            model: its name.
            block: its block, with what a variation changes.
            changed: keys that the variation changes.
        """
        keys = self.chooses(model, changed)
        return [
            with_settings(block, {key: found.settings[key] for key in keys})
            for found in self.points[model].values()
        ]

    @cached_property
    def batches(self) -> dict[str, Batch]:
        """All jobs of first steps by name; points that several searches share are in one of them.

        Points of a job are of one family and read the same.
        """
        alike: dict[Any, dict[str, ModelBlock]] = {}
        owner: dict[str, str] = {}
        for model, search in self.of.items():
            for name, (_, block) in self.points[model].items():
                reads = block.reads()
                if name in owner:
                    continue
                owner[name] = model
                inputs = (reads.samples, reads.models, block.prepared_name())
                key = (block.kind, search.points_per_job, *inputs)
                alike.setdefault(key, {})[name] = block
        result = {}
        for (_, size, *_), blocks in alike.items():
            for names in chunks(list(blocks), size):
                # A job of one point is called like it.
                name = names[0] if len(names) == 1 else digest({"points": names})
                result[name] = Batch(owner[names[0]], [blocks[point] for point in names])
        return result

    def batches_of(self, model: str) -> list[str]:
        """Names of the jobs that train the points of a search's first step."""
        wanted = set(self.points[model])
        return [
            name
            for name, batch in self.batches.items()
            if wanted & {name_of(block) for block in batch.points}
        ]

    def of_family(self, kind: str) -> list[str]:
        """Names of the models of a family that have a search."""
        return [name for name in self.of if self.config.models[name].kind == kind]

    def batches_of_family(self, kind: str) -> list[str]:
        """Names of the jobs that train points of a family."""
        return [name for name, batch in self.batches.items() if batch.points[0].kind == kind]

    def slots(self, model: str, step: str) -> list[list[int]]:
        """Places among the best of the step before, by the job that trains them."""
        number = self.step(model, step).points
        return chunks(range(number), self.of[model].points_per_job)

"""A search over keys of a model's block: what is tried, as which blocks, in which steps.

Read when a run is planned: pydantic and the standard library alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import Discriminator, Field, JsonValue, Tag, ValidationError, model_validator

from boostflow.config.base import Block, Name
from boostflow.config.messages import describe
from boostflow.config.problems import Place, Problem
from boostflow.models.family import DistributedBlock, ModelBlock, digest
from boostflow.seeds import derive

if TYPE_CHECKING:
    from boostflow.config.config import Config

Settings = Mapping[str, Any]
"""Values by key of a model's block; `planing.mass` is the key `mass` of its block `planing`."""

APART: dict[str, Any] = {"search": None, "decorrelate": None}
"""Keys that points of a search do not have: neither enters the training of probabilities."""
FIXED = {
    "kind": "tells families apart; search in a model of each",
    "seed": "is no setting: `seeds` says how often the chosen settings are trained",
    "search": "is the search itself",
    "decorrelate": "changes no probability, by which points are judged",
    "processes": "does not enter the result",
    "bootstrap": "draws other training events, of which the luckiest would be chosen",
}
"""Why some keys cannot be searched."""
CHOSEN, SEEDS = "chosen", "seeds"
"""The last step of a search, and what follows: trainings of the chosen settings."""
MOST = 10_000
"""Most points of a search."""
TRIES = 100
"""How often a point is drawn that has been drawn before, until there are no others."""


class Step(NamedTuple):
    """One step of a search: trainings that are compared with each other."""

    name: str
    """Its name in paths: `rung_0`, `rung_1` ..., and the last one `chosen`."""
    points: int
    """Number of trainings."""
    given: dict[str, int]
    """What each of them has of the resource, by its key; empty for all that the block says."""


class Between(Block):
    """Numbers of a range, of which a search at random draws."""

    low: int | float
    """Smallest value."""
    high: int | float
    """Largest value."""
    scale: Literal["linear", "log"] = "linear"
    """log: as many in each factor of 10."""
    whole: bool = False
    """Only whole numbers."""

    @model_validator(mode="after")
    def ascends(self) -> Between:
        """The range is not empty, and a logarithm exists."""
        if not self.low < self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"low {self.low} has no logarithm; scale: linear")
        return self

    def at(self, part: float) -> int | float:
        """The value at a part of the range.

        Args:
            part: between 0 and 1.
        """
        if self.scale == "log":
            value = self.low * (self.high / self.low) ** part
        else:
            value = self.low + (self.high - self.low) * part
        # Four digits are more than a search can tell, and can be read.
        return round(value) if self.whole else float(f"{value:.4g}")


def _form(given: object) -> str:
    return "drawn" if isinstance(given, dict | Between) else "listed"


Values = Annotated[
    Annotated[list[JsonValue], Field(min_length=1), Tag("listed")]
    | Annotated[Between, Tag("drawn")],
    Discriminator(_form),
]


class Search(Block):
    """A search over keys of a model's block, each point of it a training (docs/search.md)."""

    method: Literal["grid", "random", "halving"] = "grid"
    """grid: every combination of values. random: `points` of them. halving: many trainings with
    little of `resource`, the best of them with more; of every combination, or of `points`."""
    keys: dict[str, Values] = Field(min_length=1)
    """Values by key of the model's block: a list, or for `points` a range {low: 0.01, high: 0.3,
    scale: log}. A key of a block in it is written with a dot, `planing.mass`."""
    points: int | None = Field(None, ge=2, le=MOST)
    """Number of points that are drawn; null: every combination."""
    draw: int = Field(1, ge=0)
    """Seed of what is drawn; more points of the same seed keep those that there are."""
    figure: Literal["auc", "loss"] = "auc"
    """Chosen by the validation split: the highest mean AUC of the classes, or the lowest
    cross-entropy."""
    seeds: int = Field(3, ge=1, le=100)
    """Trainings of the chosen settings, each with a seed of its own, whose spread is quoted; the
    first is the model."""
    points_per_job: int = Field(1, ge=1, le=1000)
    """Points that are trained one after another in one process: the smaller they are, the more."""
    resource: Name | None = None
    """The key of which halving gives little first: the most epochs or boosting rounds."""
    reduction: int = Field(4, ge=2, le=10)
    """halving: one of so many points goes on, with so many times the resource; 3 or 4 is usual
    (arXiv:1603.06560)."""
    lowest: int = Field(1, ge=1)
    """halving: least resource of the first step."""

    @model_validator(mode="after")
    def fits_its_method(self) -> Search:
        """Points are drawn where they have to be, and halving has something to halve."""
        drawn = [key for key, values in self.keys.items() if isinstance(values, Between)]
        if self.points is None and (self.method == "random" or drawn):
            why = f"keys.{drawn[0]} is a range" if drawn else "method is random"
            raise ValueError(f"{why}: say how many `points` are drawn")
        size = 1 if drawn else math.prod(map(len, self.keys.values()))  # type: ignore[arg-type]
        if self.points is None and size > MOST:
            raise ValueError(
                f"keys: make {size} combinations, at most {MOST} are possible; method: random"
            )
        if self.points is not None and self.method == "grid":
            raise ValueError("points: method is grid, which has every combination; method: random")
        if (self.resource is None) == (self.method == "halving"):
            if self.resource is None:
                raise ValueError("method is halving: name the `resource`, epochs or rounds")
            raise ValueError(f"resource: method is {self.method}; only halving has one")
        if self.resource in self.keys:
            raise ValueError(f"resource: {self.resource} is searched itself (keys)")
        return self

    def drawn(self) -> list[dict[str, Any]]:
        """The settings of all points, in order, each once."""
        if self.points is None:
            every = itertools.product(*(self.keys[key] for key in self.keys))
            return [dict(zip(self.keys, chosen, strict=True)) for chosen in every]
        found: list[dict[str, Any]] = []
        for number in range(self.points * TRIES):
            settings = {key: self._value(key, number) for key in self.keys}
            if settings not in found:
                found.append(settings)
            if len(found) == self.points:
                break
        return found

    def _value(self, key: str, number: int) -> Any:
        """The value of a key in a draw: it follows from seed, key and number alone."""
        part = (derive(self.draw, key, number) - 1) / 900_000_000
        values = self.keys[key]
        return values.at(part) if isinstance(values, Between) else values[int(part * len(values))]

    def steps(self, block: ModelBlock) -> list[Step]:
        """The steps of the search of a model; the last one is `chosen`, with all of the resource.

        Halving: K. Jamieson, A. Talwalkar, arXiv:1502.07943.

        Args:
            block: of the model.
        """
        numbers = [len(self.drawn())]
        if self.resource is None:
            return [Step(CHOSEN, numbers[0], {})]
        whole = getattr(block, self.resource)
        while numbers[-1] > self.reduction:
            if whole / self.reduction ** len(numbers) < self.lowest:
                break
            # At least two in the last step, which alone has whole trainings to choose from.
            numbers.append(max(2, numbers[-1] // self.reduction))
        last = len(numbers) - 1
        return [
            Step(
                CHOSEN if step == last else f"rung_{step}",
                number,
                {self.resource: round(whole / self.reduction ** (last - step))},
            )
            for step, number in enumerate(numbers)
        ]

    def problems(self, block: ModelBlock, at: Place, config: Config) -> Iterable[Problem]:
        """What types cannot say: the block has these keys, and takes these values.

        Args:
            block: of the model.
            at: the key of the search.
            config: the whole configuration.
        """
        wrong = [*self._of_keys(block, at / "keys", config), *self._of_resource(block, at)]
        yield from wrong or self._of_points(block, at, config)

    def _of_keys(self, block: ModelBlock, at: Place, config: Config) -> Iterable[Problem]:
        """Each value by itself is one that the block takes, and listed once."""
        known = set(point(block, {}).problems(at, config))
        for key, values in self.keys.items():
            if (why := FIXED.get(key.partition(".")[0])) is not None:
                yield (at / key).problem(f"cannot be searched: it {why}")
                continue
            listed = isinstance(values, list)
            seen: set[str] = set()
            for value in values if isinstance(values, list) else [values.at(0), values.at(1)]:
                try:
                    made = point(block, {key: value})
                except ValidationError as error:
                    yield from describe(error, type(block), at)
                    break
                except LookupError as error:
                    yield (at / key).problem(error.args[0])
                    break
                if len(self.keys) == 1:  # several are judged together
                    yield from (found for found in made.problems(at, config) if found not in known)
                if _known_before(made) != _known_before(block):
                    yield (at / key).problem(
                        "changes what the model is made from or which plots it has: declare a model"
                        " of each"
                    )
                    break
                if listed and name_of(made) in seen:
                    yield (at / key).problem(f"{value!r} is listed twice")
                    break
                seen.add(name_of(made))

    def _of_resource(self, block: ModelBlock, at: Place) -> Iterable[Problem]:
        """The resource is a whole number of the block."""
        if self.resource is None:
            return
        whole = {name: getattr(block, name) for name in block.resources}
        if self.resource not in whole:
            yield (at / "resource").unknown("length of a training", self.resource, sorted(whole))
        elif whole[self.resource] < self.lowest:
            yield (at / "lowest").problem(
                f"is {self.lowest}, more than all of {self.resource}, {whole[self.resource]}"
            )

    def _of_points(self, block: ModelBlock, at: Place, config: Config) -> Iterable[Problem]:
        """Values go together, and there are several points to choose from."""
        names = set()
        known = set(point(block, {}).problems(at / "keys", config))
        for settings in self.drawn():
            together = f"{said(settings)} do not go together"
            try:
                made = point(block, settings)
            except ValidationError as error:
                why = describe(error, type(block))[0]
                yield (at / "keys").problem(f"{together}: {why}")
                return
            except LookupError as error:
                yield (at / "keys").problem(f"{together}: {error.args[0]}")
                return
            for found in made.problems(at / "keys", config):
                if found not in known:
                    yield (at / "keys").problem(f"{together}: {found.text}")
                    return
            names.add(name_of(made))
        if len(names) < 2:
            yield (at / "keys").problem("make one point, nothing to choose: give a second value")
        elif len(names) < (self.points or 0):
            yield (at / "points").problem(
                f"is {self.points}, but there are only {len(names)} of these keys"
            )
        elif self.resource is not None and len(self.steps(block)) < 2:
            yield (at / "reduction").problem(
                f"{len(names)} points with {getattr(block, self.resource)} {self.resource} cannot"
                f" be reduced by {self.reduction}, at least two being left: more points, or"
                " method: grid"
            )


def _known_before(block: ModelBlock) -> tuple[Any, ...]:
    """What a plan needs to know of a model, and a search would say too late."""
    reads = block.reads()
    return reads.samples, reads.models, tuple(block.own_plots())


def said(settings: Settings) -> str:
    """Settings in words: `max_depth 4, learning_rate 0.1`."""
    return ", ".join(f"{key} {value}" for key, value in settings.items())


def search_of(block: ModelBlock) -> Search | None:
    """The search of a model; None of one that has none, or that does not classify."""
    return getattr(block, "search", None)


def with_settings(block: ModelBlock, settings: Settings) -> ModelBlock:
    """A block with some keys at other values, checked again.

    Raises:
        ValidationError: the block does not take a value.
        LookupError: a key lies in a block that is null.
    """
    content = block.model_dump(mode="json")
    for key, value in settings.items():
        *above, last = key.split(".")
        inner = content
        for depth, name in enumerate(above):
            found = inner.get(name)
            if not isinstance(found, dict):
                where = ".".join(above[: depth + 1])
                what = "is null" if name in inner and found is None else "is no block of keys"
                raise LookupError(f"{where} {what} in the model")
            inner = found
        inner[last] = value
    return type(block).model_validate(content)


def point(block: ModelBlock, settings: Settings) -> ModelBlock:
    """The block of a point: trained by one process, with neither a search nor what is made later.

    Args:
        block: of the model.
        settings: values of some of its keys.

    Raises:
        ValidationError, LookupError: as `with_settings`.
    """
    apart = {key: value for key, value in APART.items() if key in type(block).model_fields}
    alone = {"processes": 1} if isinstance(block, DistributedBlock) else {}
    return with_settings(block, {**settings, **apart, **alone})


def name_of(block: ModelBlock) -> str:
    """The name of a point: it follows from all keys of its block."""
    return digest(block.model_dump(mode="json"))


def seeded(block: ModelBlock, number: int) -> ModelBlock:
    """The block of a point with the seed of another training, of which number 0 is itself."""
    return block.model_copy(update={"seed": block.seed + number})


def chunks(things: Sequence[Any], size: int) -> list[list[Any]]:
    """Parts of a list that have `size` members, the last one what is left."""
    return [list(things[i : i + size]) for i in range(0, len(things), size)]

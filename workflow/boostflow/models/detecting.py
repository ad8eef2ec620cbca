"""What the blocks of all families share that find jets which their training did not show.

Read when a run is planned: pydantic and the standard library alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from boostflow.config.base import Name
from boostflow.config.problems import Place, Problem
from boostflow.models.classifying import BACKGROUND, background_problems
from boostflow.models.family import Reads, Role, Score, TabularBlock, Task
from boostflow.models.following import Follow, named_causes

if TYPE_CHECKING:
    from boostflow.config.config import Config

ERROR = "error"
"""Column of the score."""


class DetectorBlock(TabularBlock):
    """A detector learns normal jets, without labels; what is unlike them has a large score."""

    normal: list[Name] = Field(BACKGROUND, min_length=1)
    """Samples or classes of normal jets, to train on; of the default ones those that there are."""
    contamination: dict[Name, Annotated[float, Field(gt=0, le=0.5)]] = {}
    """Parts of the training jets that are of other samples or classes, as data would have them."""

    causes: int = Field(0, ge=0, le=20)
    """Features that are named as what makes a jet unusual, the worst one first: columns `cause_1`,
    `cause_2`, ... hold their numbers in `features`, from 0."""
    follow: Follow | None = None
    """Features are taken as distances from moving averages; null: as they are."""

    def task(self) -> Task:
        """Jets are found that are unlike the normal ones."""
        return Task.DETECT

    def scores(self, classes: Sequence[str]) -> list[Score]:
        """How badly a jet fits what was learned, and which features do not."""
        return [Score(ERROR, Role.ERROR, "Anomaly score"), *named_causes(self.causes)]

    def reads(self) -> Reads:
        """Features, and what says the order of the rows."""
        found = super().reads()
        more = () if self.follow is None else (self.follow.time,)
        return found._replace(columns=tuple(dict.fromkeys([*found.columns, *more])))

    def together(self) -> bool:
        """Averages move with the rows of all samples."""
        return self.follow is not None

    def normal_jets(self) -> tuple[str, ...]:
        """Samples or classes that are normal."""
        return tuple(self.normal)

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Samples and classes exist, and something is left that is not normal."""
        yield from super().problems(at, config)
        if self.causes > len(self.features):
            yield (at / "causes").problem(
                f"is {self.causes}, there are {len(self.features)} features"
            )
        if self.follow is not None:
            yield from self.follow.problems(at / "follow", config)
        yield from background_problems(self.normal, config, at / "normal")
        known = [*dict.fromkeys([*config.samples, *config.labels()])]
        for name in self.contamination:
            if name not in known:
                yield (at / "contamination").unknown("sample or class", name, known)
            elif name in self.normal:
                yield (at / "contamination" / name).problem("is normal: name what is not")
        if sum(self.contamination.values()) > 0.5:
            yield (at / "contamination").problem("is more than half of the jets: at most 0.5")
        if set(config.labels()) <= set(self.normal):
            yield (at / "normal").problem(
                "holds all classes: a detector is judged by those that are not normal"
            )


class ColumnwiseBlock(DetectorBlock):
    """A detector whose score is made from what it leaves of each column."""

    combine: Literal["mean", "largest", "contrast"] = "mean"
    """The score is the mean square of the columns; or the largest one in units of its usual size,
    which finds faults of single columns among many; or this over the mean of all others, which does
    not count what many columns have in common, as a legitimate change."""

"""What the blocks of all families share that find jets which their training did not show.

Read when a run is planned: pydantic and the standard library alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from boostflow.config.base import Name
from boostflow.config.problems import Place, Problem
from boostflow.models.classifying import BACKGROUND, background_problems
from boostflow.models.family import Role, Score, TabularBlock, Task

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

    def task(self) -> Task:
        """Jets are found that are unlike the normal ones."""
        return Task.DETECT

    def scores(self, classes: Sequence[str]) -> list[Score]:
        """How badly a jet fits what was learned."""
        return [Score(ERROR, Role.ERROR, "Anomaly score")]

    def normal_jets(self) -> tuple[str, ...]:
        """Samples or classes that are normal."""
        return tuple(self.normal)

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Samples and classes exist, and something is left that is not normal."""
        yield from super().problems(at, config)
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

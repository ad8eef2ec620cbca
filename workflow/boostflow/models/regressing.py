"""What the blocks of all families share that estimate a true value of each jet.

Read when a run is planned: pydantic and the standard library alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from boostflow.config.base import Name, Range
from boostflow.config.problems import Place, Problem
from boostflow.config.samples import SimulatedSample
from boostflow.models.family import ModelBlock, Reads, Role, Score, TabularBlock, Task
from boostflow.nanoaod import EMBEDDING

if TYPE_CHECKING:
    from boostflow.config.config import Config

CORRECTED, ERROR = "pt_corrected", "pt_error"
"""Columns of the estimate and of its error."""
FEATURES = [
    *("pt", "rho", "area", "multiplicity", "rho_mult", "girth"),
    *(f"constituent_pt{k}" for k in range(1, 9)),
]
"""Columns that regressions take where nothing else is said (arXiv:1810.06324)."""
TARGET = "gen_pt"
"""The target that there is: pT of the matched generator jet (GeV)."""
DENSITY = ("rho", "area", *EMBEDDING)
"""Columns that jets have where events are embedded."""


class RegressorBlock(ModelBlock):
    """A regression of jets learns the true value of those that have one; the others are fakes."""

    target: str = TARGET
    """Column of the true value (GeV), which is not a number for jets without one."""
    samples: list[Name] = Field([])
    """Samples to train on; none: all that have a label. Judged are all samples with a target, so
    one that is left out here shows what another prior does."""
    range: Range = Field([5.0, 160.0])
    """Range of true values that the training sees, where all count alike (GeV)."""

    def task(self) -> Task:
        """A true value is estimated."""
        return Task.REGRESS

    def scores(self, classes: Sequence[str]) -> list[Score]:
        """The estimate and its error."""
        return [
            Score(CORRECTED, Role.VALUE, "Corrected jet $p_T$"),
            Score(ERROR, Role.VALUE, "Error of the corrected jet $p_T$"),
        ]

    def inputs(self) -> tuple[str, ...]:
        """Columns of the jets that it reads, without the target."""
        raise NotImplementedError

    def reads(self) -> Reads:
        """Inputs and the target."""
        columns = tuple(dict.fromkeys([*self.inputs(), self.target]))
        return Reads(samples=tuple(self.samples) or None, columns=columns)

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """The samples exist, the target is one, and simulated jets have what is read."""
        yield from super().problems(at, config)
        for name in self.samples:
            if name not in config.samples:
                yield (at / "samples").unknown("sample", name, list(config.samples))
        if self.target != TARGET:
            yield (at / "target").problem(
                f"is {self.target!r}, but the one true value that jets have is {TARGET}"
            )
        simulated = [x for x, s in config.samples.items() if isinstance(s, SimulatedSample)]
        lacking = [name for name in self.inputs() if name in DENSITY]
        if simulated and lacking and config.simulation.background is None:
            yield at.problem(
                f"reads {', '.join(lacking)}, which simulated jets have on a background alone: set"
                " simulation.background, as {kind: thermal}"
            )


class FeaturesBlock(RegressorBlock, TabularBlock):
    """What regressions share that learn from columns of the jets."""

    features: list[str] = Field(FEATURES, min_length=1)
    """Columns of the selected jets, in this order; with `pt`, `rho` and `area` the model sees
    pT - rho A, too."""
    calibrate: bool = True
    """The mean is right in bins of the true pT; false: it is right in bins of the estimate, which
    is narrower and biased towards the middle of the range."""

    def inputs(self) -> tuple[str, ...]:
        """The features that are columns of jets."""
        return tuple(self.features)

    def reads(self) -> Reads:
        """Features, and the target."""
        return RegressorBlock.reads(self)

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Features are columns, and the target is none of them."""
        yield from super().problems(at, config)
        if self.target in self.features:
            yield (at / "features").problem(f"has the target {self.target}")

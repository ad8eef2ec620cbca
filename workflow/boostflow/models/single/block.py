"""The configuration of a cut."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from boostflow.config.base import Name
from boostflow.config.problems import Place, Problem
from boostflow.models.classifying import ClassifierBlock
from boostflow.models.family import Reads

if TYPE_CHECKING:
    from boostflow.config.config import Config


class Single(ClassifierBlock):
    """One observable, whose order is that of the probability of one class."""

    output: ClassVar[str] = "share of jets below"

    kind: Literal["single"] = "single"
    observable: str = "tau21"
    """The observable that is cut on."""
    signal: Name = "w"
    """The class whose jets are kept."""
    keep: Literal["above", "below"] = "below"
    """Whether jets with large or with small values are kept."""

    def reads(self) -> Reads:
        """The observable, beside what classifiers need."""
        found = super().reads()
        return found._replace(columns=tuple(dict.fromkeys([self.observable, *found.columns])))

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """The observable and the class exist."""
        yield from super().problems(at, config)
        known = config.features()
        if self.observable not in known:
            yield (at / "observable").unknown("observable", self.observable, known)
        if self.signal not in config.labels():
            yield (at / "signal").unknown("class", self.signal, config.labels())

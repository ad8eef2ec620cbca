"""Blocks of families that know classes by deviations from what is expected of each.

Read when a run is planned: pydantic and the standard library alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from boostflow.config.base import Name
from boostflow.config.problems import Place, Problem
from boostflow.models.classifying import ClassifierBlock
from boostflow.models.family import Reads

if TYPE_CHECKING:
    from boostflow.config.config import Config


class DeviationsBlock(ClassifierBlock):
    """What families share that nothing is trained of: deviations of each class."""

    deviations: dict[Name, list[str]] = Field(min_length=2)
    """Columns by class, in the same order of the detectors: what is measured minus what is expected
    of the class, in units of the resolution (n-sigma values). A value that is missing (NaN) says
    nothing."""

    @model_validator(mode="after")
    def has_a_column_of_each_detector(self) -> DeviationsBlock:
        """All classes have as many columns."""
        sizes = {len(columns) for columns in self.deviations.values()}
        if len(sizes) != 1 or 0 in sizes:
            raise ValueError("deviations: each class needs a column of each detector")
        return self

    def columns(self) -> list[str]:
        """All columns of deviations, each once."""
        found = (name for columns in self.deviations.values() for name in columns)
        return list(dict.fromkeys(found))

    def reads(self) -> Reads:
        """The deviations, beside what classifiers need."""
        found = super().reads()
        return found._replace(columns=tuple(dict.fromkeys([*self.columns(), *found.columns])))

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """The columns exist, and each class has some."""
        yield from super().problems(at, config)
        known, labels = config.features(), config.labels()
        for name, columns in self.deviations.items():
            here = at / "deviations" / name
            if name not in labels:
                yield here.unknown("class", name, labels)
            for column in columns:
                if column not in known:
                    yield here.unknown("observable", column, known)
        if lost := [name for name in labels if name not in self.deviations]:
            yield (at / "deviations").problem(f"there are none of class {', '.join(lost)}")

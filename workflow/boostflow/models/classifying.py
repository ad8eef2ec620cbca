"""What the blocks of all families share that tell labelled classes apart.

Read when a run is planned: pydantic and the standard library alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from boostflow.config.base import Block, Name, Range
from boostflow.config.defaults import QCD
from boostflow.config.problems import Place, Problem
from boostflow.config.samples import is_data
from boostflow.models.family import ModelBlock, Reads, Role, Score, Task
from boostflow.models.search import Search
from boostflow.observables.catalogue import known_features, masses

if TYPE_CHECKING:
    from boostflow.config.config import Config

BACKGROUND: list[str] = list(QCD)
"""What is background where nothing else is said, as far as there is such a sample or class."""
PLANES: dict[str, list[float]] = {"mass": [20.0, 300.0], "rho": [-8.0, -1.5]}
"""Ways to measure the mass, and the range of each where nothing else is said."""


class Decorrelate(Block):
    """What is decorrelated from the mass, and how.

    A decorrelated score is the part of the background jets of the same mass and pT that have a
    lower score. At a cut this is the DDT of arXiv:1603.00027, by a map as in arXiv:1705.10532.
    """

    scores: dict[Name, list[str]] | None = Field(None, min_length=1)
    """Sums of scores by name: `v: [p_w, p_z]` is the column `ddt_v`; null: the probability of each
    class, `ddt_<class>`."""
    background: list[Name] = Field(BACKGROUND, min_length=1)
    """Samples or classes of the background jets; of the default ones those that there are. Samples
    that the model is not trained on help most."""
    mass: str = "msoftdrop"
    """The mass that the scores shall not know."""
    plane: Literal["mass", "rho"] = "mass"
    """Quantiles are a function of the mass and pT, or of rho = ln(mass^2 / pT^2) and pT."""
    range: Range | None = None
    """Range of the mass (GeV) or of rho; jets outside count as at its end. null: 20 to 300 GeV, or
    -8 to -1.5."""
    knots: int = Field(8, ge=3, le=30)
    """Knots of the splines in the logarithm of the mass: more follow sharper structures and need
    more jets."""

    def axis(self) -> list[float]:
        """The range of the mass or of rho."""
        return self.range or PLANES[self.plane]

    def sums(self, classes: Sequence[str]) -> dict[str, list[str]]:
        """The scores that are added up, by name.

        Args:
            classes: of the model.
        """
        return self.scores or {name: [f"p_{name}"] for name in classes}

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Samples, classes, scores and the mass exist.

        Args:
            at: the key of the block.
            config: the whole configuration.
        """
        labels = config.labels()
        yield from background_problems(self.background, config, at / "background")
        known = [f"p_{name}" for name in labels]
        for name, added in (self.scores or {}).items():
            for column in added:
                if column not in known:
                    yield (at / "scores" / name).unknown("score", column, known)
            if len(set(added)) < len(added) or not added:
                yield (at / "scores" / name).problem("needs scores, each once")
        yield from _of_mass(self.mass, at / "mass")
        low = self.axis()[0]
        if self.plane == "mass" and low <= 0:
            yield (at / "range").problem(f"begins at {low:g}, must begin above 0 GeV")
        if self.plane == "rho" and self.axis()[1] > 0:
            yield (at / "range").problem(
                f"is {self.axis()}, but rho = ln(mass^2 / pT^2) is negative: [-8, -1.5]"
            )


class Planing(Block):
    """How weights of the training make spectra flat (arXiv:1709.10106, 1908.08959)."""

    classes: list[Name] | None = Field(None, min_length=1)
    """Classes whose spectra are made flat; null for all."""
    mass: str = "msoftdrop"
    """The mass, or `pt`."""
    range: Range = [20.0, 300.0]
    """Range in which spectra are made flat (GeV); jets outside count like those at its end."""

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Classes and the mass exist.

        Args:
            at: the key of the block.
            config: the whole configuration.
        """
        labels = config.labels()
        for label in self.classes or ():
            if label not in labels:
                yield (at / "classes").unknown("class", label, labels)
        if self.mass != "pt":
            yield from _of_mass(self.mass, at / "mass")


def background_problems(named: Sequence[str], config: Config, at: Place) -> Iterable[Problem]:
    """What is wrong with what is named as background.

    Args:
        named: samples or classes.
        config: the whole configuration.
        at: the key.
    """
    known = list(dict.fromkeys([*config.samples, *config.labels()]))
    if list(named) == BACKGROUND and not set(named) & set(known):
        yield at.problem(
            f"there is no sample or class {', '.join(named[:-1])} or {named[-1]}: name those of the"
            f" background jets; known: {', '.join(known)}"
        )
    for name in named:
        if name in known:
            if name in config.samples and is_data(config.samples[name]):
                yield at.problem(f"{name} is collision data: name simulated background")
        elif list(named) != BACKGROUND:
            yield at.unknown("sample or class", name, known)


def _of_mass(column: str, at: Place) -> Iterable[Problem]:
    known = [mass.name for mass in masses() if mass.name in known_features()]
    if column not in known:
        yield at.unknown("mass", column, known)


class ClassifierBlock(ModelBlock):
    """What the blocks of families share that give a probability of each class."""

    output: ClassVar[str] = "output"
    """How titles of axes call a probability."""

    decorrelate: Decorrelate | None = None
    """Further scores that do not know the mass, for regions; `{}` for the defaults, null for
    none."""
    planing: Planing | None = None
    """Weights of the training that make spectra of a mass or of pT flat; `{}` for the defaults,
    null for none."""
    bootstrap: int | None = Field(None, ge=0)
    """Seed of a bootstrap of the training events; null: each counts once."""
    search: Search | None = None
    """Search over keys of this block; the model is trained with the best settings; null: as
    declared."""

    def task(self) -> Task:
        """Labelled classes are told apart."""
        return Task.CLASSIFY

    def scores(self, classes: Sequence[str]) -> list[Score]:
        """A probability of each class, and what is decorrelated."""
        found = [Score(f"p_{name}", Role.PROBABILITY, self.output, name) for name in classes]
        return [*found, *self._decorrelated(classes)]

    def _decorrelated(self, classes: Sequence[str]) -> Iterable[Score]:
        if self.decorrelate is None:
            return
        title = f"decorrelated {self.output}"
        for name, added in self.decorrelate.sums(classes).items():
            if self.decorrelate.scores is None:
                yield Score(f"ddt_{name}", Role.DECORRELATED, title, name)
            else:
                yield Score(f"ddt_{name}", Role.DECORRELATED, f"{title} ({' + '.join(added)})")

    def reads(self) -> Reads:
        """What else the block needs: masses, and pT of a decorrelation."""
        found = super().reads()
        more = [part.mass for part in (self.decorrelate, self.planing) if part is not None]
        if self.decorrelate is not None:
            more.append("pt")
            found = found._replace(beside=(*found.beside, *self.decorrelate.background))
        return found._replace(columns=tuple(dict.fromkeys([*found.columns, *more])))

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Classes, scores and masses exist."""
        yield from super().problems(at, config)
        parts: Mapping[str, Decorrelate | Planing | None] = {
            "decorrelate": self.decorrelate,
            "planing": self.planing,
        }
        for key, part in parts.items():
            if part is not None:
                yield from part.problems(at / key, config)
        if self.search is not None:
            yield from self.search.problems(self, at / "search", config)

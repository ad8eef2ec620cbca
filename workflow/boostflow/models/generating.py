"""What blocks of all models that generate showers share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import Field

from boostflow.calorimeter.columns import CELL_COLUMNS, ENERGY, TITLES
from boostflow.config.problems import Place, Problem
from boostflow.models.family import ModelBlock, Reads, Role, Score, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from boostflow.config.config import Config

PREFIX = "generated_"
"""Before the name of a shape, the column of that shape of the generated shower."""


class GenerativeBlock(ModelBlock):
    """A model that makes showers of one kind of particle, given its energy."""

    samples: list[str] | None = Field(None, min_length=1)
    """Samples of showers that it is trained on; null for all that have a label."""

    def task(self) -> Task:
        """Generation of new showers."""
        return Task.GENERATE

    def reads(self) -> Reads:
        """The energy of the particle, and all cells."""
        samples = None if self.samples is None else tuple(self.samples)
        return Reads(samples=samples, columns=(ENERGY, *CELL_COLUMNS))

    def scores(self, classes: Sequence[str]) -> list[Score]:
        """Shapes of a generated shower of the same energy."""
        return [
            Score(f"{PREFIX}{name}", Role.VALUE, f"Generated: {title}")
            for name, title in TITLES.items()
        ]

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """The samples of its training exist and are of showers."""
        for name in self.samples or ():
            if name not in config.samples:
                yield (at / "samples").unknown("sample", name, config.samples)
        if config.of_tables() and (
            lost := [name for name in self.reads().columns if name not in config.columns()]
        ):
            yield at.problem(
                f"needs the energy and all cells of showers, but tables lack {lost[0]}"
                f" ({len(lost)} columns): leave `columns` of samples of showers out"
            )


class Generates(Protocol):
    """What makes showers."""

    def generate(self, energy: NDArray, rng: np.random.Generator) -> NDArray:
        """Cells (MeV) of showers, shape (N, 504).

        Args:
            energy: of the particles (GeV), shape (N,), within the range of the training.
            rng: whatever is random is drawn from it.
        """


class Generators(Protocol):
    """What the module `Family.generator` of a family that generates showers holds."""

    def load(self, model: Path) -> Generates:
        """The generator of a trained model, without the library of the training."""


class Judges(Protocol):
    """What the module `Family.score` of a family that generates showers holds besides `score`."""

    def read(self, inputs: Sequence[Path]) -> Any:
        """Showers of select tables, `boostflow.models.generated.Examples`."""

    def generate(self, model: Path, energy: NDArray, seed: int) -> NDArray:
        """Cells (MeV) of showers of a trained model, shape (N, 504), for energies (GeV) (N,)."""

"""The configuration of a compression."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from boostflow.config.problems import Place, Problem
from boostflow.config.rounding import Columns, Rounded, default_columns
from boostflow.models.family import Reads, Role, Score, Task
from boostflow.models.networks import LearnedBlock, Widths

if TYPE_CHECKING:
    from boostflow.config.config import Config

LATENTS_MAX = 64
"""Most numbers that a bottleneck makes of a jet."""


class Autoencoder(LearnedBlock):
    """A compression of columns of jets, each within a bound of its error."""

    kind: Literal["autoencoder"] = "autoencoder"
    columns: Columns = Field(default_columns())
    """What is compressed, in this order: each column is coded by what those before it say of it."""
    samples: list[str] | None = Field(None, min_length=1)
    """Samples that it is trained on; null for all that have a label."""
    hidden: int = Field(32, ge=1, le=256)
    """Width of the two hidden layers that each column has; they are a part of each compressed
    file."""
    components: int = Field(5, ge=1, le=32)
    """Logistic distributions whose mixture is the probability of a column."""
    latents: int | None = Field(None, ge=1, le=LATENTS_MAX)
    """A bottleneck: so many whole numbers are made of the columns by another network, with steps
    that it learns, and coded before the columns. Fewer than columns; null: none."""
    encoder: Widths = Field([64, 64], min_length=1, max_length=10)
    """Widths of the hidden layers between columns and latents."""
    activation: Literal["leaky_relu", "tanh"] = "leaky_relu"
    """Of these layers."""
    residual: bool = True
    """Whether such a layer adds to what it reads, where that is as wide."""
    skip: bool = True
    """Whether columns are coded by those before them besides the latents; without it by the latents
    alone."""
    epochs: int = Field(100, ge=1)
    """Most epochs of the training."""
    learning_rate: float = Field(5e-3, gt=0)
    """Highest learning rate of Adam."""
    warmup: float = Field(0.02, ge=0, lt=1)
    """Share of the training in which the learning rate rises; then it falls as a cosine."""

    def rounded(self) -> dict[str, Rounded]:
        """Columns that it compresses, with their bounds."""
        return self.columns

    def task(self) -> Task:
        """Compression of columns."""
        return Task.COMPRESS

    def reads(self) -> Reads:
        """The model needs its columns alone."""
        samples = None if self.samples is None else tuple(self.samples)
        return Reads(samples=samples, columns=tuple(self.columns))

    def scores(self, classes: Sequence[str]) -> list[Score]:
        """Bits of a jet, and its largest error."""
        return [
            Score("bits", Role.VALUE, "Bits of the jet"),
            Score("error", Role.ERROR, "Largest error / bound"),
        ]

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """The samples of its training exist, latents are fewer than columns."""
        if self.latents is not None and self.latents >= len(self.columns):
            yield (at / "latents").problem(
                f"is {self.latents}, must be below the number of columns, {len(self.columns)}"
            )
        if self.latents is None and not self.skip:
            yield (at / "skip").problem("is for a bottleneck: name its number of `latents`")
        for name in self.samples or ():
            if name not in config.samples:
                yield (at / "samples").unknown("sample", name, config.samples)

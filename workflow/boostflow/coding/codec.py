"""What a family of compressions gives: columns to bytes, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from boostflow.config.rounding import Rounded


class Codec(Protocol):
    """A trained compression: columns of jets to bytes, and back within the bound of each."""

    def rounded(self) -> Mapping[str, Rounded]:
        """What its columns are, by name, in their order."""

    def content(self) -> bytes:
        """All that `Coders.open_codec` needs, without pickles."""

    def bits(self, table: Mapping[str, NDArray]) -> NDArray:
        """Bits that each column of each jet takes, shape (jets, columns).

        More at the end, (jets, columns + latents), are those of numbers that columns share.
        """

    def encode(self, table: Mapping[str, NDArray]) -> bytes:
        """Columns of some jets, shape (jets,) each, as bytes."""

    def decode(self, content: bytes) -> dict[str, NDArray]:
        """What `encode` was given, rounded; BoostflowError if it is something else."""


class Coders(Protocol):
    """What the module `Family.codec` of a compression holds."""

    def trained(self, model: Path) -> Codec:
        """The codec of a trained model, by its folder."""

    def open_codec(self, content: bytes, where: str) -> Codec:
        """The codec that another one's `content` described; `where` it is, for messages."""

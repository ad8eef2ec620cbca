"""The configuration of networks that read constituents as a sequence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from boostflow.config.problems import Place, Problem
from boostflow.models.networks import TaggerBlock, Widths

if TYPE_CHECKING:
    from boostflow.config.config import Config

Layers = Literal["gru", "lstm", "convolution", "attention"]


class Sequences(TaggerBlock):
    """Constituents in an order: recurrent layers, convolutions or self-attention."""

    packed_by: ClassVar[tuple[str, ...]] = (*TaggerBlock.packed_by, "order")

    kind: Literal["sequence"] = "sequence"
    order: Literal["pt", "tree"] = "pt"
    """Order of the constituents: by falling `pt`, or as the leaves of the Cambridge/Aachen `tree`,
    depth first, of two branches the one with the higher pT first."""
    layers: Layers = "gru"
    """What follows the sequence: `gru` or `lstm` (recurrent), `convolution` (along the sequence) or
    `attention` (of all constituents to each other, which know their places)."""
    depth: int = Field(2, ge=1, le=10)
    """Layers of this kind, one after the other."""
    width: int = Field(64, ge=4, le=1024)
    """Outputs of each of them, for each constituent."""
    heads: int = Field(4, ge=1, le=64)
    """Heads of a layer of attention; they divide its width."""
    kernel: int = Field(5, ge=1, le=101)
    """Constituents that a convolution sees at once."""
    head: Widths = Field([64], max_length=10)
    """Widths of the layers between the whole sequence and the classes."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Part of the outputs of each layer of the head that is left out in each step."""
    epochs: int = Field(15, ge=1)
    """Most epochs of the training."""
    batch: int = Field(128, ge=2)
    """Jets in a step, of all processes together."""

    def packing(self) -> dict[str, Any]:
        """What decides the packed jets; the order is a part of it where it is not that of pT."""
        found = super().packing()
        if self.order != "pt":
            found["layout"]["order"] = self.order
        return found

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Layers have a width that heads can share."""
        yield from super().problems(at, config)
        if self.layers == "attention" and self.width % self.heads:
            yield (at / "heads").problem(
                f"{self.heads} heads cannot share a width of {self.width}: it must be a multiple"
            )

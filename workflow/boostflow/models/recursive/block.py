"""The configuration of recursive networks."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from boostflow.models.networks import TaggerBlock, Widths

SUBJETS, ROOT = "subjets", "root"
"""Inputs of the network beside features, mask and levels: what is read of each subjet, and where
the states of whole jets are."""

DEPTHS = {"kt": 16, "cambridge": 28}
"""Levels that trees of 64 constituents may have, where that is less than they can: of 3,000 jets of
the default none has more than 13 (kT) or 24 (Cambridge/Aachen)."""


def level(number: int) -> str:
    """The input with the mergings of a level, from 1."""
    return f"level_{number:02d}"


class RecursiveNetwork(TaggerBlock):
    """A recursive network that follows the clustering tree of the constituents."""

    packed_by: ClassVar[tuple[str, ...]] = (*TaggerBlock.packed_by, "tree")

    kind: Literal["recursive"] = "recursive"
    tree: Literal["antikt", "cambridge", "kt"] = "kt"
    """Algorithm that clusters the constituents again: anti-kT, Cambridge/Aachen or kT."""
    levels: int | None = Field(None, ge=1, le=200)
    """Most levels of a tree. Subjets of a deeper one that are so far below the jet count as one
    particle each. null: 16 for kT, 28 for Cambridge/Aachen, and all for anti-kT, whose trees are
    nearly chains."""
    width: int = Field(48, ge=1, le=1000)
    """Width of the state of a subjet."""
    gated: bool = True
    """Gates choose what a state takes from its subjets and from their merging; false: a plain
    layer."""
    head: Widths = Field([100, 100], max_length=10)
    """Widths of the layers between the jet and the classes."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Part of the outputs of each layer of the head that is left out in each step."""
    epochs: int = Field(25, ge=1)
    """Most epochs of the training."""
    batch: int = Field(128, ge=2)
    """Jets in a step, of all processes together."""
    learning_rate: float = Field(3e-3, gt=0)
    """Highest learning rate of Adam."""

    def depth(self) -> int:
        """Levels that the network has."""
        if self.levels is not None:
            return self.levels
        return max(1, min(DEPTHS.get(self.tree, self.constituents), self.constituents - 1))

    def packing(self) -> dict[str, Any]:
        """The tree, too, and the momenta from which those of subjets are made."""
        found = super().packing()
        return found | {"layout": found["layout"] | {"tree": self.tree, "momenta": True}}

"""The configuration of graph networks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from boostflow.config.problems import Place, Problem
from boostflow.models.networks import TaggerBlock, Widths, WidthsOfParts

if TYPE_CHECKING:
    from boostflow.config.config import Config

ROWS, MOMENTA = "rows", "momenta"
"""Inputs of the network beside features and mask: neighbours as rows of the particles of all jets
of the batch, padded, one jet after the other; and light-cone momenta."""


class GraphNetwork(TaggerBlock):
    """A graph network of constituents: attention between neighbours, and learned masses."""

    packed_by: ClassVar[tuple[str, ...]] = (
        *TaggerBlock.packed_by,
        "neighbours",
        "mass_channels",
    )

    kind: Literal["graph"] = "graph"
    neighbours: int = Field(6, ge=2, le=64)
    """Neighbours of a particle in the graph, itself included."""
    regraph: bool = True
    """Look for the neighbours of each attention block but the first in the space of its features;
    false keeps those in (eta, phi), which is quicker."""
    attention: Widths = Field([16, 16], min_length=1, max_length=6)
    """Widths of the attention blocks."""
    hidden: WidthsOfParts = Field([[32], [32]], min_length=1, max_length=6)
    """Widths of the layers behind each attention block."""
    mass_channels: int = Field(8, ge=0, le=64)
    """Masses of the jet with weights that the network learns for each particle (learned grooming);
    0: none."""
    head: Widths = Field([100, 100], max_length=10)
    """Widths of the layers between the jet and the classes."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Part of the outputs of each layer of the head that is left out in each step."""
    epochs: int = Field(20, ge=1)
    """Most epochs of the training."""
    batch: int = Field(128, ge=2)
    """Jets in a step, of all processes together."""
    learning_rate: float = Field(3e-3, gt=0)
    """Highest learning rate of Adam."""

    def packing(self) -> dict[str, Any]:
        """Neighbours in (eta, phi) too, and momenta where masses are made of them."""
        found = super().packing()
        more = {"neighbours": self.neighbours, "momenta": self.mass_channels > 0}
        return found | {"layout": found["layout"] | more}

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Layers have a width, and each attention block its layers."""
        yield from super().problems(at, config)
        if not all(self.hidden) or len(self.hidden) != len(self.attention):
            yield (at / "hidden").problem(
                f"{self.hidden}: one list of widths, not empty, for each of the"
                f" {len(self.attention)} attention blocks"
            )

"""The configuration of deep sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from boostflow.config.problems import Place, Problem
from boostflow.constituents.catalogue import DIRECTION
from boostflow.models.networks import PARTICLES, TaggerBlock, Widths

if TYPE_CHECKING:
    from boostflow.config.config import Config

SHARE = "pt_share"
"""The weight of a particle in an energy flow network, whose filters read its direction."""
FILTER_FILE, FILTERS, DIRECTIONS = "filters.onnx", "filters", "directions"
"""Graph of the filters of an energy flow network, its output (also the name of their layers) and
its input."""


class DeepSets(TaggerBlock):
    """Deep sets of constituents: particle flow or energy flow networks (arXiv:1810.05165)."""

    packed_by: ClassVar[tuple[str, ...]] = (*TaggerBlock.packed_by, "energy_weighted")

    kind: Literal["set"] = "set"
    energy_weighted: bool = False
    """Energy flow network: functions of a constituent's direction alone, added up with weights that
    are its share of the pT, so infrared and collinear safe; false: functions of all `particles`."""
    phi: Widths = Field([100, 100, 64], min_length=1, max_length=10)
    """Widths of the layers that each constituent passes; the last are added up."""
    head: Widths = Field([100, 100], max_length=10)
    """Widths of the layers between the sum and the classes."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Part of the outputs of each layer of the head that is left out in each step."""
    epochs: int = Field(40, ge=1)
    """Most epochs of the training."""
    batch: int = Field(128, ge=2)
    """Jets in a step, of all processes together."""
    learning_rate: float = Field(3e-3, gt=0)
    """Highest learning rate of Adam."""

    def packed_features(self) -> list[str]:
        """Features of the packed constituents; of an energy flow network the weight last."""
        return [*DIRECTION, SHARE] if self.energy_weighted else self.particles

    def own_plots(self) -> Sequence[str]:
        """Filters can be drawn that are functions of a direction alone."""
        return super().own_plots() if self.energy_weighted else ()

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Layers have a width, and energy flow networks read what they must."""
        yield from super().problems(at, config)
        if self.energy_weighted and self.particles != PARTICLES:
            yield (at / "particles").problem(
                "energy_weighted: true reads eta_rel, phi_rel and the share of the pT alone; leave"
                " particles out"
            )

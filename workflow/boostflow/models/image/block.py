"""The configuration of jet images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from boostflow.config.problems import Place, Problem
from boostflow.constituents.catalogue import DIRECTION
from boostflow.models.networks import PARTICLES, TaggerBlock, Widths

if TYPE_CHECKING:
    from boostflow.config.config import Config

Channel = Literal["pt", "charged", "multiplicity"]
MOMENTUM = [*DIRECTION, "pt"]
"""Features of a constituent that every image is made from, in this order."""
CHARGE = "charge"
"""The one after them where a channel takes charged constituents alone."""


class JetImages(TaggerBlock):
    """Jet images: constituents are turned, then filled into pixels; a convolutional network."""

    packed_by: ClassVar[tuple[str, ...]] = (*TaggerBlock.packed_by, "channels")

    kind: Literal["image"] = "image"
    constituents: int = Field(100, ge=1, le=1000)
    """Constituents of a jet that are read, by falling pT."""
    pixels: int = Field(25, ge=4, le=200)
    """Pixels along each side of the image."""
    half_width: float = Field(0.8, gt=0, le=4)
    """Half of the side of the image in (eta, phi); what lies beyond is left out."""
    channels: list[Channel] = Field(["pt", "multiplicity"], min_length=1)
    """What each pixel holds: `pt` (sum of pT), `charged` (that of charged constituents, where the
    input knows charges), `multiplicity` (number of constituents)."""
    centre: bool = True
    """Whether the centre of the image is that of the pT, instead of the jet axis."""
    rotate: bool = True
    """Whether constituents are turned until the principal axis of the pT is vertical."""
    flip: bool = True
    """Whether images are mirrored so that more pT lies on the right, and more in the upper half."""
    normalise: Literal["none", "sum", "square"] = "none"
    """What the pT in all pixels is divided by: 100 GeV (`none`), the `sum` of the pT of the
    constituents, or the root of the sum of the `square` of the pixels."""
    root: bool = True
    """Whether the network sees the square root of each pixel, so that soft ones are not lost."""
    filters: Widths = Field([16, 32, 64], min_length=1, max_length=6)
    """Filters of each convolution (3 x 3), which halve the image one after the other."""
    moments: int = Field(2, ge=0, le=6)
    """Highest power of the distances from the axes of the image in its moments, whose logarithms
    enter the head beside what the convolutions find (the mass is one of them); 0: none."""
    head: Widths = Field([64], max_length=10)
    """Widths of the layers between the convolutions and the classes."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Part of the outputs of the convolutions, and of each layer of the head, that is left out in
    each step."""
    epochs: int = Field(14, ge=1)
    """Most epochs of the training."""
    batch: int = Field(128, ge=2)
    """Jets in a step, of all processes together."""

    def packed_features(self) -> list[str]:
        """Features of the packed constituents: direction, pT, and charge where it is asked for."""
        return [*MOMENTUM, *([CHARGE] if "charged" in self.channels else [])]

    def turns(self) -> bool:
        """Nothing is gained where every jet is turned upright."""
        return super().turns() and not (self.turned is None and self.rotate)

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Layers have a width, and images have pixels and channels enough."""
        yield from super().problems(at, config)
        if self.pixels < 2 ** len(self.filters):
            yield (at / "pixels").problem(
                f"{len(self.filters)} convolutions halve an image of {self.pixels} pixels to"
                f" nothing; it needs at least {2 ** len(self.filters)}"
            )
        if len(set(self.channels)) < len(self.channels):
            yield (at / "channels").problem("a channel is listed twice")
        if self.particles != PARTICLES:
            yield (at / "particles").problem(
                "images are made from directions, pT and charges alone; leave particles out, and"
                " say `channels`"
            )

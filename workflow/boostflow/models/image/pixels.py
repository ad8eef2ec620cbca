"""From the constituents of jets to images: what training, scores and plots share.

Constituents are turned, not pixels: interpolating a finished image would smear it, and splines
make pixels negative.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.constituents.packing import Packed
from boostflow.models.image.block import MOMENTUM, JetImages
from boostflow.models.packed import Shapes

IMAGE = "image"
"""Name of the network's input."""
TINY = 1e-9
"""The pT of a jet is never taken to be smaller (GeV)."""
UNIT = 100.0
"""Unit of pT in pixels that are not normalised (GeV): numbers of the size of one."""

Floats = NDArray[np.float64]


class Plane(NamedTuple):
    """P constituents of N jets in the plane of the image; all (P,)."""

    jet: NDArray[np.int64]
    """Number of each one's jet."""
    across: Floats
    """The horizontal axis: eta unless the jet is turned."""
    along: Floats
    """The vertical axis: phi unless the jet is turned."""
    pt: Floats
    """pT (GeV)."""


def shapes(block: JetImages) -> Shapes:
    """Shape of an image; see `models.family.Gives`."""
    return {IMAGE: ((block.pixels, block.pixels, len(block.channels)), "float32")}


def arrays(block: JetImages, jets: Packed) -> dict[str, NDArray[np.float32]]:
    """Images of N jets; see `models.family.Gives`."""
    return {IMAGE: images(block, jets)}


def images(block: JetImages, jets: Packed) -> NDArray[np.float32]:
    """Images of N jets, (N, pixels, pixels, channels): rows are vertical, from below.

    Args:
        block: what is done to them.
        jets: packed as the block says.
    """
    plane = preprocessed(block, jets)
    size, count = block.pixels, len(jets)
    column, row = (
        np.floor((x + block.half_width) * (size / (2 * block.half_width))).astype(np.int64)
        for x in (plane.across, plane.along)
    )
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    pixel = ((plane.jet * size + row) * size + column)[inside]
    if block.normalise == "sum":
        scale = np.bincount(plane.jet, plane.pt, count)
    elif block.normalise == "square":
        whole = np.bincount(pixel, plane.pt[inside], count * size**2)
        scale = np.sqrt((whole.reshape(count, size**2) ** 2).sum(axis=1))
    else:
        scale = np.full(count, UNIT)
    # Most pixels are empty: what is filled is scaled, not the image.
    values = np.empty((len(pixel), len(block.channels)))
    pt = (plane.pt / np.maximum(scale, TINY)[plane.jet])[inside]
    for number, channel in enumerate(block.channels):
        if channel == "charged":
            values[:, number] = pt * (jets.features[inside, len(MOMENTUM)] != 0)
        else:
            values[:, number] = 1 if channel == "multiplicity" else pt
    shape = count, size, size, len(block.channels)
    place = pixel[:, None] * shape[-1] + np.arange(shape[-1])
    sums = np.bincount(place.ravel(), values.ravel(), int(np.prod(shape)))
    return sums.astype(np.float32).reshape(shape)


def preprocessed(block: JetImages, jets: Packed) -> Plane:
    """Constituents where their pixels are: centred, turned and mirrored as the block says.

    All sums over a jet have the pT as weights. The principal axis is that along which constituents
    have the largest second moment around the centre.
    """
    x, y, pt = jets.features[:, : len(MOMENTUM)].T.astype(np.float64)
    jet = np.repeat(np.arange(len(jets)), jets.counts)

    def total(values: Floats) -> Floats:
        return np.bincount(jet, pt * values, len(jets)).astype(np.float64)[jet]

    if block.centre:
        all_pt = np.maximum(total(np.ones_like(pt)), TINY)
        x, y = x - total(x) / all_pt, y - total(y) / all_pt
    if block.rotate:
        angle = 0.5 * np.arctan2(2 * total(x * y), total(x**2) - total(y**2))
        # From the x axis to the y axis.
        turn = np.pi / 2 - angle
        x, y = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    if block.flip:
        x, y = (
            np.where(total((v > 0).astype(np.float64)) < total((v < 0).astype(np.float64)), -v, v)
            for v in (x, y)
        )
    return Plane(jet, x, y, pt)

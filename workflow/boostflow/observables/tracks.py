"""Tracks and secondary vertices of a block of jets, as observables of lifetimes ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import awkward as ak

Floats = NDArray[np.float64]

D0_MAX = 0.2
"""Largest |d0| of a track (cm), as in arXiv:1211.4462: beyond are decays of strange particles,
which would have the largest significances of all."""


def signed(d0: Floats, phi: Floats, axis: Floats) -> Floats:
    """Transverse impact parameters with the sign of a lifetime, shape (n,).

    Positive where the track passes the primary vertex on the side to which the jet flies: the point
    of closest approach is d0 (-sin(phi), cos(phi)), whose product with the jet's direction is
    d0 sin(phi_jet - phi).

    Args:
        d0: geometrical, as in NanoAOD.
        phi: azimuths of the tracks.
        axis: those of their jets.
    """
    return np.abs(d0) * np.where(d0 * np.sin(axis - phi) >= 0, 1.0, -1.0)


@dataclass(frozen=True)
class Tracks:
    """The tracks of some jets, in each jet by falling signed significance of d0."""

    offsets: NDArray[np.int64]
    """Where each jet's tracks begin, shape (jets + 1,)."""
    pt: Floats
    """Transverse momenta (GeV), shape (n,)."""
    significance: Floats
    """Signed d0 over its error, shape (n,)."""

    @classmethod
    def of(
        cls,
        offsets: NDArray[np.int64],
        pt: Floats,
        phi: Floats,
        charge: Floats,
        impact: Mapping[str, Floats],
        axis: Floats,
    ) -> Self:
        """The tracks among constituents: with a charge, a positive error of d0, |d0| < `D0_MAX`.

        Args:
            offsets: where each jet's constituents begin, shape (jets + 1,).
            pt, phi, charge, impact: of the constituents, shape (n,).
            axis: azimuths of the jets, shape (jets,).
        """
        jet = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        track = (charge != 0) & (impact["d0Err"] > 0) & (np.abs(impact["d0"]) < D0_MAX)
        here = np.flatnonzero(track)
        jet, error = jet[here], impact["d0Err"][here]
        significance = signed(impact["d0"][here], phi[here], axis[jet]) / error
        order = np.lexsort((-significance, jet))
        counts = np.bincount(jet, minlength=len(offsets) - 1)
        return cls(np.concatenate([[0], np.cumsum(counts)]), pt[here][order], significance[order])

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of tracks, shape (jets,)."""
        return np.diff(self.offsets)

    def significant(self, number: int, least: float) -> Floats:
        """The significance of the number-th track, counted from 1, shape (jets,).

        Args:
            number: of the track.
            least: what it is at least, and where there are fewer tracks.
        """
        result = np.full(len(self.counts), least)
        there = self.counts >= number
        result[there] = self.significance[self.offsets[:-1][there] + number - 1]
        return np.maximum(result, least)

    def added(self, values: NDArray) -> Floats:
        """Sums over the tracks of each jet, shape (jets,)."""
        jet = np.repeat(np.arange(len(self.counts)), self.counts)
        return np.bincount(jet, values, len(self.counts))


@dataclass(frozen=True)
class Vertices:
    """The secondary vertices of some jets, in each jet by falling significance of the distance."""

    offsets: NDArray[np.int64]
    """Where each jet's vertices begin, shape (jets + 1,)."""
    columns: dict[str, Floats]
    """By the names of NanoAOD's `SV`, shape (n,)."""

    @classmethod
    def of(cls, vertices: Mapping[str, ak.Array]) -> Self:
        """The vertices of some jets, from jagged columns with a list a jet each."""
        import awkward as ak

        counts = ak.to_numpy(ak.num(next(iter(vertices.values()))))
        flat = {
            name: ak.to_numpy(ak.flatten(values)).astype(np.float64)
            for name, values in vertices.items()
        }
        return cls(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), flat)

    def __getitem__(self, jets: slice) -> Vertices:
        offsets = self.offsets[jets.start : jets.stop + 1]
        inside = slice(offsets[0], offsets[-1])
        return Vertices(
            offsets - offsets[0], {name: values[inside] for name, values in self.columns.items()}
        )

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of vertices, shape (jets,)."""
        return np.diff(self.offsets)

    def first(self, name: str) -> Floats:
        """A column of the most significant vertex, 0 without any, shape (jets,)."""
        result = np.zeros(len(self.counts))
        there = self.counts > 0
        result[there] = self.columns[name][self.offsets[:-1][there]]
        return result

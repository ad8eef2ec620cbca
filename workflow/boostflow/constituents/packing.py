"""Packing: records of all particles of some jets, one jet after the other, without any padding."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.constituents.catalogue import FEATURES, needed
from boostflow.constituents.clustering import merges
from boostflow.constituents.particles import Particles
from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    import awkward as ak


@dataclass(frozen=True)
class Layout:
    """What is kept of each particle."""

    features: tuple[str, ...]
    """Names of the features, in order."""
    constituents: int
    """Particles of a jet that are kept, those with the highest pT."""
    neighbours: int = 0
    """Nearest particles in (eta, phi) that are kept, itself included; 0 for none."""
    momenta: bool = False
    """Whether light-cone momenta are kept."""
    tree: str = ""
    """Algorithm of the clustering tree that is kept (`clustering.POWERS`); empty for none."""

    @cached_property
    def dtype(self) -> np.dtype:
        """Type of a record: `features`, `momenta`, `neighbours`, `merges` as far as they are kept.

        Features are not standardised, momenta are those of `Particles.light_cone`, neighbours
        positions inside the jet, merges those of `clustering.merges`.
        """
        fields: list[tuple] = [("features", "<f4", (len(self.features),))]
        if self.momenta:
            fields.append(("momenta", "<f4", (4,)))
        if self.neighbours:
            fields.append(("neighbours", "<i2", (self.neighbours,)))
        if self.tree:
            fields.append(("merges", "<i2", (2,)))
        return np.dtype(fields)

    def pack(self, jets: ak.Array, where: str) -> Packed:
        """The records of some jets.

        Args:
            jets: with the columns of the features (`catalogue.needed`); pT in GeV.
            where: name of the input, for messages.

        Raises:
            BoostflowError: a column is missing, a jet has no constituent, or a value is not finite.
        """
        columns = [name for name in needed(self.features) if name.startswith("pf_")]
        found = Particles.of(jets, self.constituents, where, columns)
        records = np.empty(len(found), self.dtype)
        values = [FEATURES[name].formula(found) for name in self.features]
        records["features"] = np.stack(values, axis=1).astype(np.float32)
        good = np.isfinite(records["features"]).all(axis=1)
        for name in ("pt", "eta", "phi", "mass"):
            good &= np.isfinite(found.column(name)) & np.isfinite(found.of_jet(name))
        if self.momenta:
            records["momenta"] = found.light_cone()
            good &= np.isfinite(records["momenta"]).all(axis=1)
        if not good.all():
            raise BoostflowError(
                f"{where}: {len(np.unique(found.jet[~good]))} jets have constituents with a NaN or"
                " infinite momentum; drop these jets in the input"
            )
        if self.neighbours:
            records["neighbours"] = found.nearest(self.neighbours)
        if self.tree:
            records["merges"] = merges(found, self.tree)
        return Packed(records, found.counts)


@dataclass(frozen=True)
class Packed:
    """Jets without padding; P is the sum of `counts`.

    particles: (P,) records as of `Layout.dtype`.
    counts: (N,) int32, particles of each jet, at least 1.
    """

    particles: NDArray[np.void]
    counts: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def features(self) -> NDArray[np.float32]:
        """Features of the particles, shape (P, features)."""
        return self.particles["features"]

    @property
    def momenta(self) -> NDArray[np.float32]:
        """Light-cone momenta along the jet axis (p+, p-, px, py) in 100 GeV, shape (P, 4)."""
        return self.particles["momenta"]

    @property
    def neighbours(self) -> NDArray[np.int16]:
        """Nearest particles as positions inside the jet, itself first, shape (P, k)."""
        return self.particles["neighbours"]

    def take(self, rows: NDArray[np.int64], jets: int = 1) -> Packed:
        """Some units, of which each is `jets` jets that follow each other.

        Args:
            rows: numbers of the units.
            jets: in a unit.
        """
        counts = self.counts.reshape(-1, jets)
        sizes = counts.sum(1, dtype=np.int64)
        there = spans((np.cumsum(sizes) - sizes)[rows], sizes[rows])
        return Packed(self.particles[there], counts[rows].ravel())

    def padded(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features (N, n, features), 0 where there is no particle, and 1 where there is one (N, n).

        n is the number of particles of the longest of the jets.
        """
        return self.spread(self.features), self.there.astype(np.float32)

    @property
    def merges(self) -> NDArray[np.int16]:
        """The mergings of each jet's clustering tree, see `clustering.merges`, shape (P, 2)."""
        return self.particles["merges"]

    @property
    def there(self) -> NDArray[np.bool_]:
        """Places of a padded array that hold a particle, (N, n)."""
        return np.arange(int(self.counts.max(initial=1))) < self.counts[:, None]

    def spread(self, values: NDArray) -> NDArray:
        """Values of each particle (P, ...), padded with 0: (N, n, ...)."""
        there = self.there
        result = np.zeros((*there.shape, *values.shape[1:]), values.dtype)
        result[there] = values
        return result


def spans(starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """start, start + 1, ... of each span, `size` numbers, one span after the other."""
    ends = np.cumsum(sizes)
    return np.arange(sizes.sum()) + np.repeat(starts - (ends - sizes), sizes)

"""Packing: records of all particles of some jets, one jet after the other, without any padding."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from boostflow.constituents.collections import COLLECTIONS, CollectionName, needed
from boostflow.constituents.particles import Particles
from boostflow.constituents.trees import leaves, merges
from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    import awkward as ak


@dataclass(frozen=True)
class Layout:
    """What is kept of each particle."""

    features: tuple[str, ...]
    """Names of the features, in order."""
    constituents: int
    """Particles of a jet that are kept, the first ones by the order of the collection."""
    neighbours: int = 0
    """Nearest particles in (eta, phi) that are kept, itself included; 0 for none."""
    momenta: bool = False
    """Whether light-cone momenta are kept."""
    tree: str = ""
    """Algorithm of the clustering tree that is kept (`trees.POWERS`); empty for none."""
    collection: CollectionName = "constituents"
    """What of the jet is kept; particles stand for any of it."""
    order: Literal["pt", "tree"] = "pt"
    """Order of the particles of a jet: that of the collection (pT), or as the leaves of its tree
    (`trees.leaves`)."""

    @cached_property
    def dtype(self) -> np.dtype:
        """Type of a record: `features`, `momenta`, `neighbours`, `merges` as far as they are kept.

        Features are not standardised, momenta are those of `Particles.light_cone`, neighbours
        positions inside the jet, merges those of `trees.merges`.
        """
        fields: list[tuple] = [("features", "<f4", (len(self.features),))]
        if self.momenta:
            fields.append(("momenta", "<f4", (4,)))
        if self.neighbours:
            fields.append(("neighbours", "<i2", (self.neighbours,)))
        if self.tree:
            fields.append(("merges", "<i2", (2,)))
        return np.dtype(fields)

    def needed(self) -> list[str]:
        """Columns of the selected jets that are read."""
        return needed(self.collection, self.features)

    def pack(self, jets: ak.Array, where: str) -> Packed:
        """The records of some jets.

        Args:
            jets: with the columns of `needed`; pT in GeV.
            where: name of the input, for messages.

        Raises:
            BoostflowError: a column is missing, a jet has no constituent, or a value is not finite.
        """
        features = COLLECTIONS[self.collection].features
        more = [column for name in self.features for column in features[name].needs]
        found = Particles.of(jets, self.constituents, where, more, self.collection)
        good = np.ones(len(found), bool)
        for name in ("pt", "eta", "phi", "mass"):
            good &= np.isfinite(found.column(name)) & np.isfinite(found.of_jet(name))
        _require(good, found, where)
        if self.order == "tree":
            found = found.taken(leaves(found))
        records = np.empty(len(found), self.dtype)
        values = [features[name].formula(found) for name in self.features]
        records["features"] = np.stack(values, axis=1).astype(np.float32)
        good = np.isfinite(records["features"]).all(axis=1)
        if self.momenta:
            records["momenta"] = found.light_cone()
            good &= np.isfinite(records["momenta"]).all(axis=1)
        _require(good, found, where)
        if self.neighbours:
            records["neighbours"] = found.nearest(self.neighbours)
        if self.tree:
            records["merges"] = merges(found, self.tree)
        return Packed(records, found.counts)


def _require(good: NDArray[np.bool_], found: Particles, where: str) -> None:
    """Refuse jets some of whose particles are not good.

    Raises:
        BoostflowError: says how many there are.
    """
    if not good.all():
        raise BoostflowError(
            f"{where}: {len(np.unique(found.jet[~good]))} jets have constituents with a NaN or"
            " infinite momentum; drop these jets in the input"
        )


@dataclass(frozen=True)
class Packed:
    """Jets without padding; P is the sum of `counts`.

    particles: (P,) records as of `Layout.dtype`.
    counts: (N,) int32, particles of each jet; 0 only where the collection may lack them.
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
        """The mergings of each jet's clustering tree, see `trees.merges`, shape (P, 2)."""
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

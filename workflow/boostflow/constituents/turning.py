"""Jets turned about their axis and mirrored, at random: what a training makes of few jets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boostflow.constituents.catalogue import DIRECTION
from boostflow.constituents.packing import Packed
from boostflow.seeds import derive


@dataclass(frozen=True)
class Turns:
    """How each of N jets is turned."""

    angle: NDArray[np.float32]
    """About the jet axis, in the plane of eta and phi, (N,)."""
    side: NDArray[np.float32]
    """1, or -1 for jets that are mirrored besides, (N,)."""

    @classmethod
    def drawn(cls, jets: int, seed: int, epoch: int) -> Turns:
        """Turns of all jets in an epoch; they follow from seed, epoch and number of a jet alone.

        Args:
            jets: N.
            seed: of the model.
            epoch: from 0.
        """
        rng = np.random.default_rng(derive(seed, "turn", epoch))
        angle = rng.uniform(0, 2 * np.pi, jets).astype(np.float32)
        return cls(angle, np.where(rng.uniform(size=jets) < 0.5, -1, 1).astype(np.float32))

    def __getitem__(self, rows: NDArray[np.int64]) -> Turns:
        """Turns of the named jets."""
        return Turns(self.angle[rows], self.side[rows])

    def applied(self, jets: Packed, features: Sequence[str]) -> Packed:
        """The jets with turned constituents; what else is packed does not change by it.

        Args:
            jets: N packed jets.
            features: names of what is packed of each constituent, in order.
        """
        along, across = (features.index(name) for name in DIRECTION)
        particles = jets.particles.copy()
        values = particles["features"]
        eta, phi = values[:, along].copy(), values[:, across].copy()
        cos, sin, side = (
            np.repeat(v, jets.counts) for v in (np.cos(self.angle), np.sin(self.angle), self.side)
        )
        values[:, along] = cos * eta - sin * phi
        values[:, across] = side * (sin * eta + cos * phi)
        return Packed(particles, jets.counts)

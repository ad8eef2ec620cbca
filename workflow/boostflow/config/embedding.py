"""What simulated events are embedded in: the background under their jets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from boostflow.config.base import Block, Name, Range


class Centrality(Block):
    """A class of heavy-ion collisions: how many particles of the background its events have."""

    number: float = Field(gt=0, le=1e5)
    """Mean number of background particles in the detector's acceptance."""
    spread: float = Field(0.0, ge=0)
    """Standard deviation of that number between events, which follows a Gaussian."""


class Embedding(Block):
    """What all backgrounds share."""

    rho_radius: float = Field(0.2, gt=0.05, le=1.0)
    """Radius of the kT jets whose median pT over area is the event's rho (arXiv:0707.1378)."""
    rho_excluded: int = Field(2, ge=0, le=10)
    """The hardest kT jets are left out of the median."""


class Thermal(Embedding):
    """A heavy-ion background: independent charged particles, uniform in eta and phi.

    pT follows a gamma distribution: its mean is shape x scale, its variance shape x scale^2. There
    is no flow and no correlation.
    """

    kind: Literal["thermal"] = "thermal"
    classes: dict[Name, Centrality] = Field(
        {"central": Centrality(number=4000, spread=500)}, min_length=1
    )
    """Classes of centrality by name, of which each event draws one: {central: {number: 4000,
    spread: 500}}."""
    shape: float = Field(2.0, gt=0, le=100)
    """Shape of the gamma distribution of pT."""
    scale: float = Field(0.5, gt=0, le=10)
    """Scale of the gamma distribution of pT (GeV)."""


class Pileup(Embedding):
    """Pile-up: inelastic proton collisions of Pythia, a Poisson number an event.

    They are drawn from a pool of `pool` collisions, each turned around the beam, and mirrored in
    every second case; all have the vertex of the hard process.
    """

    kind: Literal["pileup"] = "pileup"
    mu: Range = [40.0, 200.0]
    """Range of the mean number of collisions, of which each event draws one value."""
    pool: int = Field(500, ge=10, le=100_000)
    """Collisions that a part of a sample draws from."""


Background = Annotated[Thermal | Pileup, Field(discriminator="kind")]
"""What events are embedded in."""

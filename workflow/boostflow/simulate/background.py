"""What events are embedded in: particles of a thermal background, or of pile-up.

Each event draws from a stream of its own in the order of the events, so that the result does not
depend on how they are cut into batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from boostflow import seeds
from boostflow.config.embedding import Pileup, Thermal
from boostflow.simulate.detector import MASS_PION, PION, Particles, joined

if TYPE_CHECKING:
    from boostflow.config.chain import Simulation

Source = Callable[[int], Particles]
"""The background of the next n events, whose particles are ordered by event."""


def source(config: Simulation, seed: int) -> Source | None:
    """The source of the background of events; None if these have none.

    Args:
        config: with the background, and the detector's acceptance.
        seed: of the job's background.

    Raises:
        BoostflowError: Pythia cannot make collisions.
    """
    background = config.background
    if background is None:
        return None
    if isinstance(background, Thermal):
        events = thermal(background, config.detector.abs_eta_max, seed)
    else:
        events = _pileup(background, config, seed)
    return lambda n: _together([next(events) for _ in range(n)])


def thermal(config: Thermal, abs_eta_max: float, seed: int) -> Iterator[Particles]:
    """Yield the background of one event after the other: independent charged pions.

    Args:
        config: numbers of particles, and the distribution of their pT.
        abs_eta_max: they are uniform in |eta| below.
        seed: of the random numbers.
    """
    random = np.random.default_rng(seed)
    classes = list(config.classes.values())
    while True:
        chosen = classes[int(random.integers(len(classes)))]
        n = max(round(random.normal(chosen.number, chosen.spread)), 0)
        charge = np.where(random.random(n) < 0.5, -1, 1).astype(np.int8)
        yield Particles(
            np.zeros(n, np.int64),
            # Nothing of no momentum at all, which has no direction.
            np.maximum(random.gamma(config.shape, config.scale, n), 1e-6),
            random.uniform(-abs_eta_max, abs_eta_max, n),
            random.uniform(-np.pi, np.pi, n),
            np.full(n, MASS_PION),
            charge,
            charge.astype(np.int32) * PION,
        )


def _pileup(config: Pileup, simulation: Simulation, seed: int) -> Iterator[Particles]:
    """Yield the pile-up of one event after the other; see `config.embedding.Pileup`."""
    pool = _collisions(config.pool, simulation, seeds.derive(seed, "pool"))
    random = np.random.default_rng(seed)
    while True:
        n = int(random.poisson(random.uniform(*config.mu)))
        turned = []
        for k, angle, mirrored in zip(
            random.integers(len(pool), size=n),
            random.uniform(0, 2 * np.pi, n),
            random.random(n) < 0.5,
            strict=True,
        ):
            one = pool[k]
            phi = np.mod(one.phi + angle + np.pi, 2 * np.pi) - np.pi
            eta = -one.eta if mirrored else one.eta
            turned.append(Particles(**vars(one) | {"eta": eta, "phi": phi}))
        yield _joined(turned)


def _collisions(events: int, simulation: Simulation, seed: int) -> list[Particles]:
    """Visible particles of inelastic, non-diffractive collisions in the detector's acceptance."""
    from boostflow.simulate.generator import Generator
    from boostflow.simulate.record import Record

    pythia = Generator(
        [
            "Print:quiet = on",
            f"Beams:eCM = {simulation.ecm!r}",
            "SoftQCD:nonDiffractive = on",
            "Random:setSeed = on",
            f"Random:seed = {seed}",
        ]
    )
    found = []
    for batch in pythia.batches(events, min(events, 250)):
        record = Record.read(batch)
        particles = record.particles(record.stable(), pythia.charges)
        particles = particles[np.abs(particles.eta) < simulation.detector.abs_eta_max]
        edges = np.searchsorted(particles.event, np.arange(len(batch) + 1))
        for start, stop in pairwise(edges.tolist()):
            one = particles[np.arange(start, stop)]
            found.append(Particles(**vars(one) | {"event": np.zeros(stop - start, np.int64)}))
    return found


def _joined(parts: list[Particles]) -> Particles:
    """All particles of some parts, one after the other."""
    if not parts:
        none = np.zeros(0)
        whole = none.astype(np.int64)
        kinds = whole.astype(np.int8), whole.astype(np.int32)
        return Particles(whole, none, none, none, none, *kinds)
    return joined(parts)


def _together(events: list[Particles]) -> Particles:
    """Events one after the other, numbered from 0."""
    numbers = np.repeat(np.arange(len(events)), [len(one.pt) for one in events])
    return Particles(**vars(_joined(events)) | {"event": numbers})


def embedded(signal: Particles, background: Particles) -> Particles:
    """Events with their background, ordered by event."""
    both = _joined([signal, background])
    return both[np.argsort(both.event, kind="stable")]

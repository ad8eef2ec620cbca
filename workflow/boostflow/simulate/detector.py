"""The toy detector: from generator particles to particle-flow candidates.

A charged particle with a track is measured by its track; the energy of neutral particles (and of
charged ones whose track was not found) is added up in cells of eta and phi, electromagnetic and
hadronic apart, and smeared as sigma(E)/E = stochastic / sqrt(E/GeV) (+) constant, like
calorimeters in fast simulations (Delphes, arXiv:1307.6346). There is no magnetic field, no pile-up,
no misidentification. With `tracking` tracks have impact parameters (`tracks`); with `calorimeter`
electromagnetic cells make showers in the place of the smearing (`calorimeter`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

import numpy as np

from boostflow.config.chain import Detector
from boostflow.simulate.calorimeter import LAYERS, SHOWERS_ETA, Calorimeter, Source, by_cascade
from boostflow.simulate.tracks import NO_TRACK, smeared

ECAL_CONSTANT = 0.005
HCAL_CONSTANT = 0.03
TRACK_REFERENCE = 10.0
TRACK_KNEE = 100.0

NEUTRINOS = (12, 14, 16)
ELECTRON, MUON, PHOTON, PION, NEUTRAL_HADRON = 11, 13, 22, 211, 130
MASS_ELECTRON, MASS_MUON, MASS_PION = 0.000511, 0.10566, 0.13957


@dataclass(frozen=True)
class Particles:
    """Particles of a batch of events, flat and event by event; one entry a particle, GeV."""

    event: np.ndarray
    """Position of the event in the batch, ascending."""
    pt: np.ndarray
    eta: np.ndarray
    phi: np.ndarray
    mass: np.ndarray
    charge: np.ndarray
    pdg_id: np.ndarray
    layers: np.ndarray | None = field(default=None, kw_only=True)
    """Energies in the layers of the calorimeter (GeV), shape (n, 3), where showers are made."""

    def __getitem__(self, chosen: np.ndarray) -> Self:
        return type(self)(
            **{k: None if column is None else column[chosen] for k, column in vars(self).items()}
        )


Kind = TypeVar("Kind", bound=Particles)


@dataclass(frozen=True)
class Made(Particles):
    """Particles of the generator with their production vertices."""

    origin: np.ndarray
    """x, y, z (mm), shape (n, 3)."""


@dataclass(frozen=True)
class Measured(Particles):
    """Candidates with impact parameters."""

    impact: np.ndarray
    """The columns of `tracks.IMPACT` (cm), shape (n, 4)."""


class Response:
    """The detector's response; holds the random streams of one job.

    Each effect draws from a stream of its own in the order of the particles, so that the result
    does not depend on how the events are cut into batches.
    """

    def __init__(self, config: Detector, seed: int, source: Source | None = None) -> None:
        """Of a detector.

        Args:
            config: the detector.
            seed: of all that is random.
            source: what makes showers, where the detector has a calorimeter; None: the cascade.
        """
        self.config = config
        streams = np.random.SeedSequence(seed).spawn(6)
        self._efficiency, self._track, self._cell, self._position, self._impact, self._showers = (
            np.random.default_rng(stream) for stream in streams
        )
        self._calorimeter = Calorimeter(source or by_cascade()) if config.showers else None

    def __call__(self, particles: Particles) -> Particles:
        """Candidates in each event by falling pT.

        Particles are stable and visible (no neutrinos), for tracking `Made`; then candidates are
        `Measured`. If the detector is switched off they come back as they are, only ordered.
        """
        if not self.config.enabled:
            return _by_pt(particles)
        seen = particles[np.abs(particles.eta) < self.config.abs_eta_max]
        charged = seen.charge != 0
        # Below the threshold a track curls up before it gets anywhere: no track and no energy.
        tracks = seen[charged & (seen.pt > self.config.track_pt_min)]
        found = self._efficiency.random(len(tracks.pt)) < self.config.track_efficiency
        if self.config.tracking is not None:
            assert isinstance(tracks, Made)
            found &= np.hypot(*tracks.origin[:, :2].T) < self.config.tracking.radius_max
        lost = tracks[~found & (np.abs(tracks.pdg_id) != MUON)]
        cells = self._cells(joined([seen[~charged], lost]))
        return _by_pt(joined([self._tracks(tracks[found]), cells]))

    def report(self) -> None:
        """Say what was outside of the range of showers, if they are made."""
        if self._calorimeter is not None:
            self._calorimeter.report()

    def _tracks(self, tracks: Particles) -> Particles:
        """Smear pT; hadrons get the pion's mass, leptons keep their name.

        sigma(pT)/pT = r sqrt(1 + (pT/100 GeV)^2), with r such that it is `track_resolution` at
        10 GeV.
        """
        scale = self.config.track_resolution / np.hypot(1, TRACK_REFERENCE / TRACK_KNEE)
        sigma = scale * np.hypot(1, tracks.pt / TRACK_KNEE)
        pt = tracks.pt * np.maximum(1 + sigma * self._track.standard_normal(len(sigma)), 0.01)
        kind = np.abs(tracks.pdg_id)
        electron, muon = kind == ELECTRON, kind == MUON
        mass = np.where(electron, MASS_ELECTRON, np.where(muon, MASS_MUON, MASS_PION))
        pdg_id = np.where(electron | muon, tracks.pdg_id, np.where(tracks.charge > 0, PION, -PION))
        measured = Particles(
            tracks.event,
            *(pt, tracks.eta, tracks.phi, mass, tracks.charge, pdg_id.astype(np.int32)),
            layers=None if self._calorimeter is None else np.zeros((len(pt), LAYERS)),
        )
        if self.config.tracking is None:
            return measured
        assert isinstance(tracks, Made)
        return Measured(
            **vars(measured), impact=smeared(tracks, self.config.tracking, self._impact)
        )

    def _cells(self, neutral: Particles) -> Particles:
        """Add energy up in cells, smear it, drop cells below the threshold; massless candidates.

        A candidate's direction is random in its cell: on a grid many distances would be equal, and
        rounding would decide how jets are reclustered.
        """
        config = self.config
        electromagnetic = np.isin(np.abs(neutral.pdg_id), (PHOTON, ELECTRON))
        n_eta = int(np.ceil(2 * config.abs_eta_max / config.tower_size))
        n_phi = max(1, round(2 * np.pi / config.tower_size))
        i_eta = np.minimum(
            ((neutral.eta + config.abs_eta_max) / config.tower_size).astype(np.int64), n_eta - 1
        )
        i_phi = ((neutral.phi + np.pi) / (2 * np.pi) * n_phi).astype(np.int64) % n_phi
        key = ((neutral.event * 2 + electromagnetic) * n_eta + i_eta) * n_phi + i_phi
        cell, member = np.unique(key, return_inverse=True)
        energy = np.bincount(
            member,
            weights=np.sqrt((neutral.pt * np.cosh(neutral.eta)) ** 2 + neutral.mass**2),
            minlength=len(cell),
        )
        event_kind, place = np.divmod(cell, n_eta * n_phi)
        event, em = event_kind // 2, event_kind % 2 == 1
        within = self._position.random((len(cell), 2))
        eta = (place // n_phi + within[:, 0]) * config.tower_size - config.abs_eta_max
        phi = (place % n_phi + within[:, 1]) * 2 * np.pi / n_phi - np.pi
        sigma = np.where(
            em,
            np.hypot(config.ecal_resolution / np.sqrt(energy), ECAL_CONSTANT),
            np.hypot(config.hcal_resolution / np.sqrt(energy), HCAL_CONSTANT),
        )
        seen = energy * (1 + sigma * self._cell.standard_normal(len(cell)))
        layers = None
        if self._calorimeter is not None:
            # What ends far below the threshold needs no shower.
            high = energy > config.neutral_pt_min / 2 * np.cosh(eta)
            inside = em & high & (np.abs(eta) < SHOWERS_ETA)
            seeds = self._showers.integers(2**62, size=len(cell))[inside]
            layers = np.zeros((len(cell), LAYERS))
            layers[inside] = self._calorimeter(energy[inside], event[inside], seeds)
            seen = np.where(inside, layers.sum(axis=1), seen)
        pt = seen / np.cosh(eta)
        cells = Particles(
            event,
            pt,
            eta,
            phi,
            np.zeros(len(cell)),
            np.zeros(len(cell), dtype=np.int8),
            np.where(em, PHOTON, NEUTRAL_HADRON).astype(np.int32),
            layers=layers,
        )
        if config.tracking is not None:
            cells = Measured(**vars(cells), impact=np.tile(NO_TRACK, (len(cell), 1)))
        return cells[pt > config.neutral_pt_min]


def joined(parts: Sequence[Kind]) -> Kind:
    """Particles of some parts of one kind, one after the other."""
    return type(parts[0])(
        **{
            name: None if first is None else np.concatenate([getattr(one, name) for one in parts])
            for name, first in vars(parts[0]).items()
        }
    )


def _by_pt(particles: Particles) -> Particles:
    """Event by event, in the event by falling pT."""
    return particles[np.lexsort((-particles.pt, particles.event))]

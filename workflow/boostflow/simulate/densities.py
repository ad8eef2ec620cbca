"""Jets on a background: areas by ghosts, the density under them, and what of a jet is signal.

Ghosts are particles without momentum that are clustered with all others (arXiv:0707.1378,
arXiv:0802.1188). Those on a grid measure areas: each stands for `GHOST_AREA`. Ghosts of the
signal's particles say which jet each of these lies in.
"""

from __future__ import annotations

from dataclasses import replace

import awkward as ak
import fastjet
import numpy as np
from numpy.typing import NDArray

from boostflow.config.embedding import Embedding
from boostflow.simulate.detector import Particles
from boostflow.simulate.jets import by_pt, kinematics, momenta

GHOST_AREA = 0.01
"""Area of a ghost in eta and phi, FastJet's own default."""
GHOST_PT = 1e-60
"""pT of a ghost (GeV): sums of doubles do not notice it."""
SHARED = 0.5
"""Part of a generator jet's pT that the jet matched to it holds at least."""


def grid(abs_eta_max: float, seed: int) -> Particles:
    """Ghosts of one event, one at random in each cell of a grid in |eta| below `abs_eta_max`."""
    n_phi = round(2 * np.pi / np.sqrt(GHOST_AREA))
    n_eta = round(2 * abs_eta_max * 2 * np.pi / n_phi / GHOST_AREA)
    inside = np.random.default_rng(seed).random((2, n_eta, n_phi))
    eta = (np.arange(n_eta)[:, None] + inside[0]) / n_eta * 2 * abs_eta_max - abs_eta_max
    phi = (np.arange(n_phi) + inside[1]) / n_phi * 2 * np.pi - np.pi
    none = np.zeros(n_eta * n_phi, np.int64)
    return Particles(
        none, np.full(len(none), GHOST_PT), eta.ravel(), phi.ravel(), 0.0 * none, none, none
    )


class Embedded:
    """A batch of events with their background, ready to be clustered.

    Attributes:
        events: number of events.
        cell: area of one ghost of the grid.
    """

    def __init__(
        self, candidates: Particles, signal: Particles, events: int, abs_eta_max: float, seed: int
    ) -> None:
        """Put candidates, ghosts of the grid and ghosts of the signal together.

        Args:
            candidates: what the detector sees, ordered by event.
            signal: particles of the generator without background, ordered by event.
            events: number of events in the batch.
            abs_eta_max: ghosts cover |eta| below.
            seed: of the grid.
        """
        ghosts = grid(abs_eta_max, seed)
        self.events = events
        self.cell = 4 * np.pi * abs_eta_max / len(ghosts.pt)
        self._signal = signal
        self._seen = np.bincount(candidates.event, minlength=events)
        self._ghosts = len(ghosts.pt)
        one = momenta(ghosts, 1)
        grids = ak.concatenate([one] * events) if events else one[:0]
        shadows = replace(signal, pt=np.full(len(signal.pt), GHOST_PT), mass=0 * signal.mass)
        self._all = ak.concatenate(
            [momenta(candidates, events), grids, momenta(shadows, events)], axis=1
        )

    def jets(self, radius: float, pt_min: float) -> ak.Array:
        """Anti-kT jets as of `jets.cluster`, with `area`.

        `constituents` are the positions of candidates, `shadows` those of the signal's particles in
        their event.
        """
        return by_pt(self._clustered(fastjet.antikt_algorithm, radius, pt_min))

    def _clustered(self, algorithm: int, radius: float, pt_min: float) -> ak.Array:
        sequence = fastjet.ClusterSequence(self._all, fastjet.JetDefinition(algorithm, radius))
        found = sequence.inclusive_jets(min_pt=pt_min)
        index = ak.sort(sequence.constituent_index(min_pt=pt_min), axis=-1)
        seen = ak.Array(self._seen)
        ghosts = seen + self._ghosts
        is_ghost = (index >= seen) & (index < ghosts)
        columns = kinematics(found) | {
            "area": self.cell * ak.sum(is_ghost, axis=2),
            "constituents": index[index < seen],
            "shadows": (index - ghosts)[index >= ghosts],
        }
        return ak.zip(columns, depth_limit=2)

    def density(self, config: Embedding, abs_eta_max: float) -> tuple[NDArray, NDArray]:
        """Medians over kT jets: pT over area (rho, GeV), and pT per particle (GeV).

        Of an event without any jet in |eta| < `abs_eta_max`, they are 0, up to the momenta of
        ghosts. Jets of ghosts alone
        count for rho, with a pT of 0, and have no pT per particle.

        Returns:
            Shape (events,) each.
        """
        radius = config.rho_radius
        found = self._clustered(fastjet.kt_algorithm, radius, 0.0)
        found = found[np.abs(found.eta) < abs_eta_max - radius]
        found = found[ak.argsort(found.pt, axis=1, ascending=False)][:, config.rho_excluded :]
        number = ak.num(found.constituents, axis=2)
        rho = _median(found.pt[found.area > 0] / found.area[found.area > 0])
        return rho, _median((found.pt / ak.where(number > 0, number, 1))[number > 0])

    def matched(self, jets: ak.Array, truth: ak.Array) -> ak.Array:
        """Position of the generator jet that each jet holds at least half of, or -1; int16.

        Args:
            jets: from `jets`.
            truth: jets of the signal alone, with their `constituents`.
        """
        signal = np.bincount(self._signal.event, minlength=self.events)
        first = np.cumsum(signal) - signal
        jet_of = _owner(jets.shadows, first, len(self._signal.pt))
        truth_of = _owner(truth.constituents, first, len(self._signal.pt))
        n_truth = int(ak.sum(ak.num(truth)))
        total = np.bincount(
            truth_of[truth_of >= 0], self._signal.pt[truth_of >= 0], minlength=n_truth
        )
        both = (jet_of >= 0) & (truth_of >= 0)
        pairs, member = np.unique(
            np.stack([jet_of[both], truth_of[both]]), axis=1, return_inverse=True
        )
        shared = np.bincount(member.ravel(), self._signal.pt[both], minlength=pairs.shape[1])
        # A generator jet is at most in one jet with more than half; two of them can be in one jet,
        # which is matched to the harder one.
        good = shared > SHARED * total[pairs[1]]
        order = np.argsort(total[pairs[1][good]], kind="stable")
        result = np.full(int(ak.sum(ak.num(jets))), -1, np.int64)
        result[pairs[0][good][order]] = pairs[1][good][order]
        start = np.cumsum(ak.to_numpy(ak.num(truth))) - ak.to_numpy(ak.num(truth))
        event = np.repeat(np.arange(self.events), ak.to_numpy(ak.num(jets)))
        local = np.where(result >= 0, result - start[event], -1)
        return ak.unflatten(local.astype(np.int16), ak.num(jets))


def _owner(index: ak.Array, first: NDArray, size: int) -> NDArray[np.int64]:
    """Number of the jet, of all events together, that each particle is in; -1 for none.

    Args:
        index: of each jet the positions of its particles in the event.
        first: where each event's particles begin.
        size: number of particles.
    """
    owner = np.full(size, -1, np.int64)
    each = ak.num(index, axis=2)
    jet = np.repeat(np.arange(int(ak.sum(ak.num(each)))), ak.to_numpy(ak.flatten(each)))
    owner[ak.to_numpy(ak.flatten(index + ak.Array(first), axis=None))] = jet
    return owner


def _median(values: ak.Array) -> NDArray[np.float64]:
    """Median of each list, 0 of an empty one."""
    ordered, n = ak.sort(values, axis=1), ak.to_numpy(ak.num(values))
    flat, first = ak.to_numpy(ak.flatten(ordered)), np.cumsum(n) - n
    result = np.zeros(len(n))
    some = n > 0
    low, high = (first + (n - 1) // 2)[some], (first + n // 2)[some]
    result[some] = (flat[low] + flat[high]) / 2
    return result

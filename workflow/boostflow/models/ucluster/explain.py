"""What the trained network sees in single jets: attention between particles, learned grooming."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.models.ucluster import export
from boostflow.models.ucluster.batch import gather
from boostflow.models.ucluster.features import FEATURES, layout
from boostflow.models.ucluster.scoring import load, run

if TYPE_CHECKING:
    import awkward as ak


@dataclass(frozen=True)
class Explanation:
    """One jet with n particles by falling pT, k neighbours and C mass channels.

    eta, phi: (n,) relative to the jet axis.
    pt: (n,) in GeV.
    neighbours: (n, k) positions; a particle is its own first one, and stands for missing ones.
    attention: (n, k) weights of the neighbours in the first block, which add up to 1.
    weights: (n, C) weights of the particles in the mass channels, 0 to 1.
    mass: of all particles (GeV).
    channel_masses: (C,) masses of the weighted particles (GeV).
    """

    eta: NDArray[np.float32]
    phi: NDArray[np.float32]
    pt: NDArray[np.float32]
    neighbours: NDArray[np.int32]
    attention: NDArray[np.float32]
    weights: NDArray[np.float32]
    mass: float
    channel_masses: NDArray[np.float64]


def explain(model: Path, jets: ak.Array) -> list[Explanation]:
    """Look into the network for each of the jets.

    Args:
        model: directory of a trained model.
        jets: with `constituents.catalogue.COLUMNS` and at least one constituent each.

    Raises:
        BoostflowError: the model is damaged, or the jets lack a column.
    """
    config, session = load(model, threads=1)
    packed = layout(config.constituents, config.neighbours).pack(jets, "jets to explain")
    names = [export.ATTENTION, *([export.CHANNELS] if config.mass_channels else [])]
    found = []
    for row in range(len(packed)):
        batch = gather(packed, np.array([row]))
        attention, *channels = run(session, batch, names)
        weights = channels[0] if channels else np.zeros((len(attention), 0), np.float32)
        column = dict(zip(FEATURES, batch.features.T, strict=True))
        found.append(
            Explanation(
                column["eta_rel"],
                column["phi_rel"],
                np.exp(column["log_pt"]),
                batch.neighbours,
                attention,
                weights,
                float(_masses(np.ones((len(attention), 1)), batch.momenta)[0]),
                _masses(weights, batch.momenta),
            )
        )
    return found


def most_selective(jets: Iterable[Explanation]) -> int | None:
    """The mass channel whose weights differ most between particles (by pT); None without any."""
    jets = list(jets)
    pt = np.concatenate([jet.pt / jet.pt.sum() for jet in jets]).astype(float)
    weights = np.concatenate([jet.weights for jet in jets]).astype(float)
    if not weights.shape[1]:
        return None
    mean = np.average(weights, axis=0, weights=pt)
    return int(np.argmax(np.average((weights - mean) ** 2, axis=0, weights=pt)))


def _masses(weights: NDArray, momenta: NDArray[np.float32]) -> NDArray[np.float64]:
    """Masses (GeV) of particles with weights (n, C) and light-cone momenta (n, 4) in 100 GeV."""
    plus, minus, px, py = momenta.astype(float).T @ weights.astype(float)
    return 100 * np.sqrt(np.maximum(plus * minus - px**2 - py**2, 0))

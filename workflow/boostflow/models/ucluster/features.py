"""What the network reads of a particle; `boostflow.constituents` makes it."""

from __future__ import annotations

from boostflow.constituents.packing import Layout

FEATURES = (
    "eta_rel",
    "phi_rel",
    "log_pt_rel",
    "delta_r",
    "log_e",
    "log_e_rel",
    "log_pt",
    "cos_theta_rel",
    "log_local_pt",
)
"""The particle features, first those of the published model in its order."""

PUBLISHED = 8
"""How many of them the published model has."""


def layout(constituents: int, neighbours: int) -> Layout:
    """All features, light-cone momenta and neighbours of each particle.

    Args:
        constituents: of a jet that are kept.
        neighbours: k, the particle itself included.
    """
    return Layout(FEATURES, constituents, neighbours, momenta=True)


def used(local_pt: bool) -> int:
    """How many of `FEATURES` a network reads."""
    return len(FEATURES) if local_pt else PUBLISHED

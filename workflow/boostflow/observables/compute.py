"""Columns of observables, computed from jagged arrays of constituents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from boostflow.errors import BoostflowError
from boostflow.observables.definitions import OBSERVABLES
from boostflow.observables.jets import Jets
from boostflow.observables.tracks import Vertices

if TYPE_CHECKING:
    import awkward as ak

PAIRS = 1 << 20
"""Pairs of constituents in a block of jets: its matrices (8 MB each) stay in the cache."""

PT_TINY = 1e-9
"""Constituents below (GeV) have no direction worth speaking of."""

ENERGY_MAX = 1e9
"""A jet with a constituent above (GeV) is broken input."""


def compute(
    pt: ak.Array,
    eta: ak.Array,
    phi: ak.Array,
    mass: ak.Array,
    charge: ak.Array | None = None,
    *,
    impact: Mapping[str, ak.Array] | None = None,
    vertices: Mapping[str, ak.Array] | None = None,
    names: Sequence[str] | None = None,
    zcut: float = 0.1,
    beta: float = 1.0,
    radius: float = 0.8,
) -> dict[str, np.ndarray]:
    """Observables of jets from their constituents.

    Constituents without transverse momentum (below 1 eV) count for nothing. If a value of a jet
    is NaN or infinite, a pT negative or an energy beyond 1e9 GeV, all its observables are NaN.

    Args:
        pt, eta, phi, mass: one list of constituents a jet (GeV).
        charge: the same, in units of e; only observables that declare `charges` need it.
        impact: the same, `d0`, `d0Err`, `dz`, `dzErr` (cm, negative errors without a track), for
            those that declare `tracks`.
        vertices: one list of secondary vertices a jet of each of `pt`, `mass` (GeV), `dlenSig`,
            ..., by falling `dlenSig`, for those that declare `vertices`.
        names: which observables; None for all that the input allows.
        zcut: threshold of soft drop.
        beta: angular exponent of tau_N and of the energy correlation functions.
        radius: jet radius R that normalises tau_N and the angularity.

    Returns:
        One float32 array (jets) for each name.

    Raises:
        BoostflowError: an unknown name, or an observable without what it needs.
    """
    lacks = {
        "charges": charge is None,
        "tracks": impact is None,
        "vertices": vertices is None,
    }

    def missing(name: str) -> list[str]:
        return [what for what, no in lacks.items() if no and getattr(OBSERVABLES[name], what)]

    if names is None:
        names = [name for name in OBSERVABLES if not missing(name)]
    unknown = [name for name in names if name not in OBSERVABLES]
    if unknown:
        raise BoostflowError(
            f"unknown observable {', '.join(unknown)}: known are {', '.join(OBSERVABLES)}"
        )
    if without := [name for name in names if missing(name)]:
        raise BoostflowError(f"observable {without[0]} needs {OBSERVABLES[without[0]].needs}")

    jagged = {"pt": pt, "eta": eta, "phi": phi, "mass": mass}
    jagged |= ({} if charge is None else {"charge": charge}) | dict(impact or {})
    offsets, flat, bad = _flatten(list(jagged.values()))
    columns = dict(zip(jagged, flat, strict=True))
    found = None if vertices is None else Vertices.of(vertices)
    out = {name: np.empty(len(offsets) - 1, dtype=np.float32) for name in names}
    for start, stop in _blocks(offsets):
        inside = slice(offsets[start], offsets[stop])
        values = {name: column[inside] for name, column in columns.items()}
        jets = Jets(
            offsets[start : stop + 1] - offsets[start],
            *(values[name] for name in ("pt", "eta", "phi", "mass")),
            values.get("charge"),
            impact=None if impact is None else {name: values[name] for name in impact},
            vertices=None if found is None else found[start:stop],
            zcut=zcut,
            beta=beta,
            radius=radius,
        )
        for name in names:
            out[name][start:stop] = OBSERVABLES[name].formula(jets)
    for column in out.values():
        column[bad] = np.nan
    return out


def _flatten(jagged: list[ak.Array]) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Offsets and flat float64 columns of the usable constituents, and a mask of the bad jets."""
    import awkward as ak

    counts = ak.to_numpy(ak.num(jagged[0])).astype(np.int64)
    columns = [ak.to_numpy(ak.flatten(a)).astype(np.float64) for a in jagged]
    with np.errstate(over="ignore", invalid="ignore"):
        energy = columns[0] * np.cosh(columns[1]) + np.abs(columns[3])
    finite = np.all(np.isfinite(columns), axis=0)
    wrong = ~finite | (columns[0] < 0) | ~(energy < ENERGY_MAX)
    jet = np.repeat(np.arange(len(counts)), counts)
    bad = np.bincount(jet[wrong], minlength=len(counts)) > 0
    use = (columns[0] > PT_TINY) & ~bad[jet]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(jet[use], minlength=len(counts)))])
    return offsets.astype(np.int64), [column[use] for column in columns], bad


def _blocks(offsets: np.ndarray) -> list[tuple[int, int]]:
    """Ranges of jets with about `PAIRS` pairs of constituents each."""
    before = np.concatenate([[0], np.cumsum(np.diff(offsets) ** 2)])
    edges = np.searchsorted(before, np.arange(0, before[-1], PAIRS), side="left")
    cuts = np.unique(np.concatenate([[0], edges, [len(offsets) - 1]]))
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))

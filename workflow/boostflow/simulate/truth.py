"""GenPart: the particles of the hard process, and hadrons, that truth matching needs."""

from __future__ import annotations

import numpy as np

from boostflow.compiled import njit
from boostflow.processes import BOTTOM, CHARM, has_quark
from boostflow.simulate.record import Record

# Bits of GenPart_statusFlags as CMS numbers them.
IS_HARD_PROCESS = 1 << 7
FROM_HARD_PROCESS = 1 << 8
IS_FIRST_COPY = 1 << 12
IS_LAST_COPY = 1 << 13

HADRON_PT_MIN = 5.0
"""Hadrons with heavy quarks below are not kept (GeV), as in ATLAS' flavours of jets
(arXiv:1512.01094)."""


@njit(cache=True)
def _kept_mother(first, mother, kept):
    """For each kept particle, the position in its event's kept list of its nearest kept ancestor.

    `kept` is -1 for a particle that is not kept, else its position; row 0 of an event is no
    particle and ends the walk.
    """
    result = np.full(len(kept), -1, dtype=np.int16)
    for i in range(len(kept)):
        if kept[i] < 0:
            continue
        j = mother[i]
        while j > 0:
            position = kept[first[i] + j]
            if position >= 0:
                result[i] = position
                break
            j = mother[first[i] + j]
    return result


def select(record: Record, heavy: tuple[int, ...], flavours: bool = False) -> dict[str, np.ndarray]:
    """Choose the particles of GenPart: hard partons, heavy particles and their decay products.

    Kept are the outgoing particles of the hard process and of its resonance decays (Pythia status
    22 and 23: `isHardProcess`, `isFirstCopy`) and the last copy of each heavy particle, the one
    that decays (`isLastCopy`). The decay products' mother is that last copy.

    Returns:
        `index` (positions in the flat record), `counts` (per event), `statusFlags` (int32) and
        `genPartIdxMother` (int16, -1 for none), the latter two per kept particle.
    """
    first = np.repeat(record.offsets[:-1], np.diff(record.offsets))
    size = np.diff(record.offsets)
    hard = (np.abs(record.status) == 22) | (np.abs(record.status) == 23)
    is_heavy = np.isin(np.abs(record.pdg_id), heavy)
    copied = (record.pdg_id[first + record.daughter1] == record.pdg_id) | (
        record.pdg_id[first + record.daughter2] == record.pdg_id
    )
    last = is_heavy & ~copied
    hadrons = _decaying_hadrons(record, first) if flavours else np.zeros(len(hard), dtype=bool)
    last |= hadrons
    keep = hard | last
    counts = np.add.reduceat(keep, record.offsets[:-1]) if len(size) else size
    total = np.cumsum(keep)
    before = np.repeat(total[record.offsets[1:] - 1] - counts, size)
    position = np.where(keep, total - 1 - before, -1)
    mother = _kept_mother(first, record.mother.astype(np.int64), position)
    flags = (
        np.where(hard, IS_HARD_PROCESS | IS_FIRST_COPY, 0)
        | np.where(last, IS_LAST_COPY, 0)
        | np.where(hadrons, 0, FROM_HARD_PROCESS)
    )
    index = np.flatnonzero(keep)
    return {
        "index": index,
        "counts": counts,
        "statusFlags": flags[index].astype(np.int32),
        "genPartIdxMother": mother[index],
    }


def _decaying_hadrons(record: Record, first: np.ndarray) -> np.ndarray:
    """Whether each row is a hadron whose heaviest quark, b or c, decays."""
    hard = np.hypot(record.px, record.py) > HADRON_PT_MIN
    result = np.zeros(len(hard), dtype=bool)
    for quark in (BOTTOM, CHARM):
        mine = has_quark(record.pdg_id, quark)
        before = np.concatenate([[0], np.cumsum(mine)])
        one, last = (first + x for x in (record.daughter1, record.daughter2))
        # Products of hadrons follow each other.
        heavy_products = before[np.maximum(one, last) + 1] - before[one]
        result |= mine & hard & (record.daughter1 > 0) & (heavy_products == 0)
    return result

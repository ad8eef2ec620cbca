"""Writing NanoAOD-like ROOT files (TTree, not RNTuple) batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from boostflow.io import atomic
from boostflow.nanoaod import EMBEDDING, LAYER_FIELDS
from boostflow.observables.catalogue import leading_fields
from boostflow.simulate.tracks import IMPACT
from boostflow.simulate.vertices import FIELDS

if TYPE_CHECKING:
    import awkward as ak

    from boostflow.simulate.generator import CrossSection

FLOAT, INT16, INT32, UINT8 = "float32", "int16", "int32", "uint8"

COLLECTIONS: dict[str, dict[str, str]] = {
    "FatJet": {
        **dict.fromkeys(("pt", "eta", "phi", "mass"), FLOAT),
        "nConstituents": INT32,
        "genJetAK8Idx": INT16,
    },
    "GenJetAK8": dict.fromkeys(("pt", "eta", "phi", "mass"), FLOAT),
    "GenPart": {
        **dict.fromkeys(("pt", "eta", "phi", "mass"), FLOAT),
        **dict.fromkeys(("pdgId", "status", "statusFlags"), INT32),
        "genPartIdxMother": INT16,
    },
}
CONSTITUENTS: dict[str, dict[str, str]] = {
    "FatJet": dict.fromkeys(("msoftdrop", "tau1", "tau2", "tau3", "tau4"), FLOAT),
    "FatJetPFCands": {"jetIdx": INT32, "pFCandsIdx": INT32},
    "PFCands": {
        **dict.fromkeys(("pt", "eta", "phi", "mass"), FLOAT),
        "charge": INT32,
        "pdgId": INT32,
    },
}
"""Fields of files with constituents."""
LEADING = {"FatJet": dict.fromkeys(leading_fields().values(), FLOAT)}
"""Fields of files without."""
BACKGROUND = {"FatJet": {"area": FLOAT}}
"""Fields of events on a background."""
DENSITIES = dict.fromkeys(("Rho_median", *EMBEDDING.values()), FLOAT)
"""Numbers of such events."""
SHOWERS = {"FatJet": dict.fromkeys(LAYER_FIELDS, FLOAT)}
"""Fields of jets where showers are made."""
TRACKING: dict[str, dict[str, str]] = {
    "PFCands": dict.fromkeys(IMPACT, FLOAT),
    "SV": dict.fromkeys(FIELDS, FLOAT) | dict.fromkeys(("ndof", "ntracks", "charge"), INT16),
}
"""Fields of collections that files have with tracking alone."""
SCALARS: dict[str, str] = {
    "run": "uint32",
    "luminosityBlock": "uint32",
    "event": "uint64",
    "genWeight": FLOAT,
    **dict.fromkeys(("Generator_scalePDF", "Generator_x1", "Generator_x2"), FLOAT),
    **dict.fromkeys(("Generator_id1", "Generator_id2"), INT32),
    "MET_pt": FLOAT,
    "MET_phi": FLOAT,
}
SHOWER_WEIGHTS = "PSWeight"
WEIGHTS = (SHOWER_WEIGHTS, "LHEScaleWeight", "LHEPdfWeight")


class Branches(NamedTuple):
    """The branches of a file that not all files have."""

    shower_weights: bool = True
    tracking: bool = False
    background: bool = False
    constituents: bool = True
    showers: bool = False

    def collections(self) -> dict[str, dict[str, str]]:
        """Fields of the collections."""
        result = {name: dict(fields) for name, fields in COLLECTIONS.items()}
        for wanted, fields_of in (
            (self.constituents, CONSTITUENTS),
            (not self.constituents, LEADING),
            (self.background, BACKGROUND),
            (self.tracking, TRACKING),
            (self.showers, SHOWERS),
        ):
            for name, fields in fields_of.items() if wanted else ():
                result[name] = result.get(name, {}) | fields
        return result

    def scalars(self) -> dict[str, str]:
        """Numbers of each event."""
        return SCALARS | (DENSITIES if self.background else {})


USUAL = Branches()
"""Those of most files."""


class RootFile:
    """An open file with the trees `Events` and `Runs`."""

    def __init__(self, path: Path, branches: Branches) -> None:
        """Make the file with these branches."""
        import awkward as ak
        import uproot

        self._collections, self._scalars = branches.collections(), branches.scalars()
        self._weights = [w for w in WEIGHTS if branches.shower_weights or w != SHOWER_WEIGHTS]
        types = {
            **{name: np.dtype(kind) for name, kind in self._scalars.items()},
            **dict.fromkeys(
                self._weights, ak.types.from_datashape("var * float32", highlevel=False)
            ),
            **{
                name: ak.types.from_datashape(
                    "var * {" + ", ".join(f"{k}: {v}" for k, v in columns.items()) + "}",
                    highlevel=False,
                )
                for name, columns in self._collections.items()
            },
        }
        self.file = uproot.recreate(path, compression=uproot.ZSTD(3))
        self._events = self.file.mktree(
            "Events",
            types,
            title="simulated events",
            counter_name=lambda name: f"n{name}",
            field_name=lambda outer, inner: inner if outer == "" else f"{outer}_{inner}",
        )
        self._sums = np.zeros(3)

    def extend(self, events: dict[str, np.ndarray | ak.Array]) -> None:
        """Append events: a column for each of `SCALARS`, `WEIGHTS` and the collections.

        Weights have the shape (events, entries).
        """
        import awkward as ak

        columns: dict[str, np.ndarray | ak.Array] = {
            name: np.asarray(events[name]).astype(kind) for name, kind in self._scalars.items()
        }
        for name in self._weights:
            columns[name] = ak.from_regular(np.asarray(events[name]).astype(np.float32))
        for name, kinds in self._collections.items():
            rows = events[name]
            columns[name] = ak.zip(
                {key: ak.values_astype(rows[key], np.dtype(kind)) for key, kind in kinds.items()}
            )
        self._events.extend(columns)
        weight = columns["genWeight"].astype(np.float64)
        self._sums += len(weight), weight.sum(), (weight**2).sum()

    def finish(self, xsec: CrossSection) -> None:
        """Write the tree `Runs`: sums of weights over all events, and the cross-section."""
        count, sumw, sumw2 = self._sums
        row = {
            "run": np.array([1], dtype=np.uint32),
            "genEventCount": np.array([count], dtype=np.int64),
            "genEventSumw": np.array([sumw]),
            "genEventSumw2": np.array([sumw2]),
            "xsec": np.array([xsec.value]),
            "xsecError": np.array([xsec.error]),
        }
        self.file.mktree("Runs", {name: column.dtype for name, column in row.items()})
        self.file["Runs"].extend(row)


@contextmanager
def create(path: str | Path, branches: Branches = USUAL) -> Iterator[RootFile]:
    """Open a file that appears at `path` only when the block has ended well."""
    with atomic(path) as part:
        root = RootFile(part, branches)
        with root.file:
            yield root

"""Files of public sets: what their layouts share. Blocks are read, so that memory stays flat."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import awkward as ak
import numpy as np
from coffea.processor import accumulate

from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest.features import Features
from boostflow.ingest.rows import Rows
from boostflow.progress import Progress

BLOCK = 64 << 20
"""Bytes of events that are read at a time."""

ROUNDING = 1e-6
"""Squares of masses below this times E^2 are rounding errors of float32 momenta."""


@dataclass(frozen=True)
class Chunk:
    """Some of a file's events."""

    row: np.ndarray
    """(events) their positions in the file."""
    fatjets: ak.Array
    """One list an event; `boostflow.ingest.rows.Rows.write` says what of."""
    label: np.ndarray | None
    """(events) the class that the file gives them, if it does."""
    met: ak.Array | None
    """(events) records of pt (GeV) and phi."""


class Layout(ABC):
    """A kind of file. `with` opens and checks it, `read` gives its events.

    Args:
        file: path.
        select: class of the events that are taken, or all.
        radius: of the fat jets, where they are made here.
        pt_min: fat jets below need not be made (GeV).

    Attributes:
        features: what the file has.
        entries: its number of events, of all classes.
        row_bytes: size of an event in memory.
        key: HDF5 dataset of events, whose first and last rows tell files apart.
    """

    features: Features
    entries: int
    row_bytes: int
    key: Any = None

    def __init__(self, file: str, select: str, radius: float, pt_min: float) -> None:
        self.file, self.select, self.radius, self.pt_min = file, select, radius, pt_min

    def __enter__(self) -> Self:
        with self.reading():
            self.open()
        try:
            with self.reading():
                self.inspect()
        except BaseException:
            self.close()
            raise
        return self

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Around what reads: on broken bytes libraries raise many kinds of errors, all alike here.

        Raises:
            BadFile: the file is damaged.
        """
        try:
            yield
        except BoostflowError:
            raise
        except Exception as error:
            said = reason(error) or type(error).__name__
            raise BadFile(f"{self.file}: cannot be read ({said}); the file is damaged") from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def open(self) -> None:
        """Open the file.

        Raises:
            BadFile: it is missing, or of another format.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    @abstractmethod
    def inspect(self) -> None:
        """Find the tables and set the attributes.

        Raises:
            BadFile: the file has another layout.
        """

    @abstractmethod
    def read(self, start: int, stop: int) -> Chunk:
        """The events of class `select` among the rows from `start` to `stop`.

        Raises:
            BadFile: the rows are damaged.
        """

    def require_finite(self, values: np.ndarray, name: str, row: np.ndarray) -> None:
        """Raise BadFile if a value is NaN or infinite.

        Args:
            values: (n, ...) a part of a table.
            name: of the table.
            row: (n) the rows that they belong to.
        """
        if not np.isfinite(values).all():
            first = row[np.argwhere(~np.isfinite(values))[0, 0]]
            raise BadFile(
                f"{self.file}: NaN or infinite values in {name} (first in row {first}); "
                "the file is damaged"
            )

    def require_energies(self, energies: np.ndarray, row: np.ndarray) -> None:
        """Raise BadFile if an energy is negative.

        Args:
            energies: (n, ...) of particles.
            row: (n) the rows that they belong to.
        """
        if (energies < 0).any():
            first = row[np.argwhere(energies < 0)[0, 0]]
            raise BadFile(f"{self.file}: negative energy in row {first}; the file is damaged")


def from_padded(momenta: np.ndarray) -> ak.Array:
    """One list of constituents a jet, from (px, py, pz, E) of shape (jets, slots, 4).

    Slots without transverse momentum are padding.
    """
    jet, slot = np.nonzero((momenta[..., :2] != 0).any(axis=2))
    return ak.unflatten(
        from_momenta(*momenta[jet, slot].T), np.bincount(jet, minlength=len(momenta))
    )


def from_momenta(px: Any, py: Any, pz: Any, e: Any) -> ak.Array:
    """Records of pt, eta, phi, mass (GeV) of constituents with transverse momentum."""
    pt = np.hypot(px, py)
    mass2 = e**2 - pt**2 - pz**2
    return ak.zip(
        {
            "pt": pt,
            "eta": np.arcsinh(pz / pt),
            "phi": np.arctan2(py, px),
            "mass": np.sqrt(np.where(mass2 > ROUNDING * e**2, mass2, 0)),
        }
    )


def single_jets(text: str, *notes: str, charges: bool = False) -> Features:
    """What a file has where each jet is an event of its own.

    Args:
        text: what the set is called.
        notes: sentences on what is off.
        charges: whether constituents come with their charge and kind.
    """
    return Features(
        constituents=True,
        truth=False,
        gen_weight=False,
        weights={},
        met=None,
        charges=charges,
        classes=True,
        notes=[
            f"{text}: every jet is an event of its own with weight 1, HT is its pT, MET is taken as"
            " 0",
            *notes,
        ],
    )


def one_an_event(columns: dict[str, Any]) -> ak.Array:
    """Jets, each in an event of its own."""
    jets = ak.zip(columns, depth_limit=1)
    return ak.unflatten(jets, np.ones(len(jets), dtype=int))


def read_chunks(layout: Layout, rows: Rows, entries: range) -> dict[str, Any]:
    """Write the rows of some events; return their counts.

    Events get run 1, luminosity block `number` + 1 of the job, and their row in the file as number.

    Args:
        layout: an open file.
        rows: what its rows are made with.
        entries: which rows of the file.

    Raises:
        BadFile: the file is damaged.
    """
    step = max(1, min(rows.job.ingest.chunksize, BLOCK // layout.row_bytes))
    bar = Progress(f"ingest {layout.file}", len(entries), "events")
    counts: dict[str, Any] = {}
    for start in entries[::step]:
        stop = min(start + step, entries.stop)
        with layout.reading():
            chunk = layout.read(start, stop)
        columns: dict[str, Any] = {
            "run": np.ones_like(chunk.row),
            "luminosityBlock": np.full_like(chunk.row, rows.job.number + 1),
            "event": chunk.row,
        }
        if chunk.label is not None:
            columns["label"] = ak.Array(chunk.label)
        if chunk.met is not None:
            columns["MET"] = chunk.met
        events = ak.zip(columns, depth_limit=1)
        counts = accumulate([counts, rows.write(events, chunk.fatjets, start, chunk.row)])
        bar.update(stop - start)
    return counts


def reason(error: Exception) -> str:
    """What a library says of a bad file, in one line."""
    return " ".join(str(error).split())[:160]

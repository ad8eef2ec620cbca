"""HDF5 files of events: what their layouts share. Blocks are read, so that memory stays flat."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import awkward as ak
import numpy as np
from coffea.processor import accumulate

from boostflow.errors import BadFile
from boostflow.ingest.features import Features
from boostflow.ingest.rows import Rows
from boostflow.progress import Progress

if TYPE_CHECKING:
    import h5py

BLOCK = 64 << 20
"""Bytes of events that are read at a time."""


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
        key: dataset of events, whose first and last rows tell files apart.
    """

    features: Features
    entries: int
    row_bytes: int
    key: h5py.Dataset | None = None

    def __init__(self, file: str, select: str, radius: float, pt_min: float) -> None:
        self.file, self.select, self.radius, self.pt_min = file, select, radius, pt_min

    def __enter__(self) -> Self:
        self.root = _open(self.file)
        try:
            self.inspect()
        except BaseException:
            self.root.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.root.close()

    @abstractmethod
    def inspect(self) -> None:
        """Find the datasets and set the attributes.

        Raises:
            BadFile: the file has another layout.
        """

    @abstractmethod
    def read(self, start: int, stop: int) -> Chunk:
        """The events of class `select` among the rows from `start` to `stop`.

        Raises:
            BadFile: the rows are damaged.
        """

    def contents(self) -> str:
        """Names and shapes of the file's datasets, for messages."""
        found = [f"{name} {dataset.shape}" for name, dataset in self.datasets().items()]
        return f"the file has {', '.join(found) or 'no dataset'}"

    def datasets(self) -> dict[str, h5py.Dataset]:
        """All datasets by path."""
        import h5py

        found: dict[str, h5py.Dataset] = {}

        def visit(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                found[name] = item

        self.root.visititems(visit)
        return found

    def require_filters(self, dataset: h5py.Dataset) -> None:
        """Raise BadFile if the dataset is compressed in a way that cannot be undone here."""
        properties = dataset.id.get_create_plist()
        for i in range(properties.get_nfilters()):
            code, _, _, name = properties.get_filter(i)
            if not _available(code):
                raise BadFile(
                    f"{self.file}: {dataset.name} is compressed with "
                    f"{name.decode() or f'filter {code}'}, which can be undone neither by HDF5 nor "
                    "by hdf5plugin: write it anew with another compression"
                )

    def numbers(self, dataset: h5py.Dataset, *where: slice) -> np.ndarray:
        """A part of a dataset as float64.

        Raises:
            BadFile: it cannot be read, or has NaN or infinite values.
        """
        try:
            values = np.asarray(dataset[where], dtype=np.float64)
        except OSError as error:
            raise BadFile(
                f"{self.file}: {dataset.name} cannot be read to its end ({_reason(error)})"
            ) from None
        if not np.isfinite(values).all():
            row = where[0].start + int(np.argwhere(~np.isfinite(values))[0, 0])
            raise BadFile(
                f"{self.file}: NaN or infinite values in {dataset.name} (first in row {row}); "
                "the file is damaged"
            )
        return values


def read_chunks(layout: Layout, rows: Rows, number: int, entries: range) -> dict[str, Any]:
    """Write the rows of some events; return their counts.

    Events get run 1, luminosity block `number` + 1 and their row in the file as number.

    Args:
        layout: an open file.
        rows: what its rows are made with.
        number: of the file in its sample.
        entries: which rows of the file.

    Raises:
        BadFile: the file is damaged.
    """
    step = max(1, min(rows.config.chunksize, BLOCK // layout.row_bytes))
    bar = Progress(f"ingest {layout.file}", len(entries), "events")
    counts: dict[str, Any] = {}
    for start in entries[::step]:
        stop = min(start + step, entries.stop)
        chunk = layout.read(start, stop)
        columns: dict[str, Any] = {
            "run": np.ones_like(chunk.row),
            "luminosityBlock": np.full_like(chunk.row, number + 1),
            "event": chunk.row,
        }
        if chunk.label is not None:
            columns["label"] = ak.Array(chunk.label)
        if chunk.met is not None:
            columns["MET"] = chunk.met
        events = ak.zip(columns, depth_limit=1)
        counts = accumulate([counts, rows.write(events, chunk.fatjets, start)])
        bar.update(stop - start)
    return counts


def _open(file: str) -> h5py.File:
    import h5py

    try:
        # Read-only file systems often refuse the locks of HDF5.
        return h5py.File(file, "r", locking=False)
    except FileNotFoundError:
        raise BadFile(f"{file}: no such file") from None
    except OSError as error:
        if "truncated file" in str(error):
            raise BadFile(
                f"{file}: is shorter than its header says: copy it again ({_reason(error)})"
            ) from None
        raise BadFile(f"{file}: not a readable HDF5 file ({_reason(error)})") from None


def _available(code: int) -> bool:
    """Whether HDF5 has a filter, also after hdf5plugin has brought its own."""
    from h5py import h5z

    if not h5z.filter_avail(code):
        import hdf5plugin  # noqa: F401
    return h5z.filter_avail(code)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:160]

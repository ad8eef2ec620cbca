"""HDF5 files of events: what their layouts share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from boostflow.errors import BadFile
from boostflow.ingest.layouts import Layout, reason
from boostflow.ingest.reading import imposter

if TYPE_CHECKING:
    import h5py


class Hdf5Layout(Layout):
    """A layout of datasets, of which `root` is the file."""

    def open(self) -> None:
        """Open the file, read-only."""
        self.root = _open(self.file)

    def close(self) -> None:
        """Close the file."""
        self.root.close()

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

        try:
            self.root.visititems(visit)
        # HDF5's own errors, as whatever Python has that is nearest.
        except (RuntimeError, OSError, KeyError, ValueError, TypeError) as error:
            raise BadFile(
                f"{self.file}: not a readable HDF5 file ({reason(error)}); the file is damaged"
            ) from None
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
                f"{self.file}: {dataset.name} cannot be read to its end ({reason(error)})"
            ) from None
        self.require_finite(values, dataset.name, np.arange(where[0].start, where[0].stop))
        return values


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
                f"{file}: is shorter than its header says: copy it again ({reason(error)})"
            ) from None
        raise BadFile(
            f"{file}: not a readable HDF5 file ({imposter(file) or reason(error)})"
        ) from None


def _available(code: int) -> bool:
    """Whether HDF5 has a filter, also after hdf5plugin has brought its own."""
    from h5py import h5z

    if not h5z.filter_avail(code):
        import hdf5plugin  # noqa: F401
    return h5z.filter_avail(code)

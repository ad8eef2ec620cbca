"""Tables of ROOT and Parquet files, some rows at a time, as Arrow's batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from boostflow.errors import BoostflowError
from boostflow.ingest.reading import reason
from boostflow.io import parquet, parquet_options

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["parquet", "ttree", "rntuple"]
ROOT_SUFFIX = ".root"


@dataclass(frozen=True)
class Layout:
    """What a table is besides its rows."""

    format: Format
    tree: str | None
    """Name of the tree of a ROOT file."""
    schema: pa.Schema
    """Columns, their types, and what else Parquet says of them."""


class Sink(Protocol):
    """A file that is being written."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Write some more rows."""


@contextmanager
def opened(path: Path, tree: str | None, rows: int) -> Iterator[tuple[Layout, Iterator[Any]]]:
    """The layout of a table, and its rows as record batches.

    Args:
        path: a ROOT or Parquet file.
        tree: of a ROOT file; null for the only one.
        rows: how many at a time.

    Raises:
        BoostflowError: it is neither, has no such tree, or holds what could not be written again.
    """
    if path.suffix == ROOT_SUFFIX:
        with _root(path, tree, rows) as found:
            yield found
        return
    if tree is not None:
        raise BoostflowError(f"{path}: --tree is for ROOT files, *.root")
    import pyarrow.parquet as pq

    with parquet(path), pq.ParquetFile(path) as file:
        yield Layout("parquet", None, file.schema_arrow), file.iter_batches(rows, use_threads=False)


@contextmanager
def _root(path: Path, tree: str | None, rows: int) -> Iterator[tuple[Layout, Iterator[Any]]]:
    import pyarrow as pa
    import uproot

    try:
        file = uproot.open(path)
    except FileNotFoundError:
        raise BoostflowError(f"{path}: no such file") from None
    except Exception as error:  # whatever a damaged file leads to
        raise BoostflowError(f"{path}: not a ROOT file ({reason(error)})") from None
    with file:
        if file.file.fEND > path.stat().st_size:
            raise BoostflowError(f"{path}: is truncated: it says that it is longer")
        kinds = file.classnames(cycle=False)
        trees = [name for name, kind in kinds.items() if kind in ("TTree", "ROOT::RNTuple")]
        if tree is None and (others := sorted(set(kinds) - set(trees))):
            raise BoostflowError(
                f"{path}: holds {', '.join(others)} besides trees, which would be lost: name the"
                " tree that is wanted, --tree"
            )
        if tree is None and len(trees) != 1:
            what = f"the trees {', '.join(trees)}: choose one" if trees else "no tree"
            raise BoostflowError(f"{path}: has {what}{', --tree' if trees else ''}")
        name = tree or trees[0]
        if name not in trees:
            raise BoostflowError(f"{path}: no tree {name}; it has {', '.join(trees) or 'none'}")
        is_tree = kinds[name] == "TTree"
        found = file[name]
        fields = []
        for branch, kind in _kinds(found, is_tree, path).items():
            fields.append(pa.field(branch, kind, nullable=False))
        schema = pa.schema(fields)

        def batches() -> Iterator[Any]:
            try:
                for arrays in found.iterate(schema.names, step_size=rows, library="np"):
                    columns = [pa.array(arrays[field.name], field.type) for field in schema]
                    yield pa.record_batch(columns, schema=schema)
            except Exception as error:  # a damaged basket
                raise BoostflowError(f"{path}: {name} cannot be read ({reason(error)})") from None

        yield Layout("ttree" if is_tree else "rntuple", name, schema), batches()


def _kinds(tree: Any, is_tree: bool, path: Path) -> dict[str, pa.DataType]:
    """Types of all branches; what is not one number an entry is refused, for it would change."""
    import numpy as np
    import pyarrow as pa

    found, other = {}, []
    for branch in list(tree.keys()):
        kind = getattr(tree[branch].interpretation, "numpy_dtype", None) if is_tree else None
        if not is_tree:
            (form,) = tree[branch].to_akform()[0].contents
            kind = np.dtype(form.primitive) if hasattr(form, "primitive") else None
        if kind is None or kind.kind not in "fiub" or kind.shape:
            other.append(branch)
        else:
            found[branch] = pa.from_numpy_dtype(kind.newbyteorder("="))
    if other:
        raise BoostflowError(
            f"{path}: {', '.join(other[:5])}: ROOT files with more than one number an entry and"
            " branch would not come back as they are: convert it to Parquet first"
        )
    return found


@contextmanager
def written(path: Path, layout: Layout) -> Iterator[Sink]:
    """Open a new file for the rows of a table.

    Args:
        path: of the new file.
        layout: of the table.
    """
    if layout.format == "parquet":
        import pyarrow.parquet as pq

        with pq.ParquetWriter(path, layout.schema, **parquet_options(layout.schema)) as writer:
            yield _Parquet(writer)
        return
    import uproot

    assert layout.tree is not None
    types = {field.name: field.type.to_pandas_dtype() for field in layout.schema}
    with uproot.recreate(path) as file:
        make = file.mktree if layout.format == "ttree" else file.mkrntuple
        yield _Root(make(layout.tree, types))


class _Parquet:
    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def add(self, batch: pa.RecordBatch) -> None:
        self.writer.write_batch(batch)


class _Root:
    def __init__(self, tree: Any) -> None:
        self.tree = tree

    def add(self, batch: pa.RecordBatch) -> None:
        columns = {name: batch[name].to_numpy(zero_copy_only=False) for name in batch.schema.names}
        self.tree.extend(columns)

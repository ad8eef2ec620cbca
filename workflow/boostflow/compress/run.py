"""The commands `compress` and `decompress`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard
from numpy.typing import NDArray

from boostflow.coding.codec import Codec
from boostflow.compress import container
from boostflow.compress.tables import ROOT_SUFFIX, Layout, opened, written
from boostflow.errors import BoostflowError
from boostflow.io import atomic
from boostflow.models.family import Family, Task, families
from boostflow.models.score import manifest

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 50_000
"""Rows at a time: memory does not depend on the size of a file."""
LEVEL = 9
"""Of zstandard, for what passes unchanged."""


def compress(source: Path, target: Path, model: Path, tree: str | None) -> str:
    """Compress a table of jets; all columns that the model does not have pass unchanged.

    Args:
        source: ROOT or Parquet file.
        target: file to write, which holds the model, too.
        model: folder of a trained model.
        tree: of a ROOT file; null for the only one.

    Returns:
        A line that says how small it became.

    Raises:
        BoostflowError: the model is none, or the file lacks one of its columns or is no table.
    """
    begin = time.monotonic()
    _require_new(source, target)
    family = _family(manifest(model)["kind"], str(model))
    codec: Codec = family.module("codec").trained(model)
    packer, total, blocks = zstandard.ZstdCompressor(level=LEVEL), 0, 0
    with opened(source, tree, BLOCK) as (layout, batches), atomic(target) as part:
        _require(codec, layout, source, model)
        about = {"kind": family.kind, "format": layout.format, "tree": layout.tree}
        with part.open("wb") as file:
            writer = container.Writer(file)
            writer.add(container.ABOUT, json.dumps(about).encode())
            writer.add(container.SCHEMA, layout.schema.serialize().to_pybytes())
            writer.add(
                container.MODEL, zstandard.ZstdCompressor(level=19).compress(codec.content())
            )
            for batch in batches:
                if not len(batch):
                    continue
                names = list(codec.rounded())
                coded = codec.encode({name: _numbers(batch, name, source) for name in names})
                rest = packer.compress(_stream(batch.drop_columns(names)))
                writer.add(container.ROWS, len(coded).to_bytes(8, "little") + coded + rest)
                total += len(batch)
                blocks += 1
            writer.add(container.LAST, json.dumps({"rows": total, "blocks": blocks}).encode())
    return _said(source, target, total, time.monotonic() - begin)


def decompress(source: Path, target: Path) -> str:
    """The table that was compressed, with its columns within their bounds.

    Args:
        source: file that `compress` wrote.
        target: ROOT or Parquet file to write, as the one that was compressed.

    Returns:
        A line that says what was done.

    Raises:
        BoostflowError: the file is truncated, altered, of another version or none of `compress`;
            or the target is of another format than what was compressed.
    """
    begin = time.monotonic()
    _require_new(source, target)
    found = container.chunks(source)
    codec, layout = _opening(found, source)
    is_root = target.suffix == ROOT_SUFFIX
    if is_root == (layout.format == "parquet"):
        wanted = "Parquet" if layout.format == "parquet" else "ROOT (*.root)"
        raise BoostflowError(f"{target}: what was compressed is {wanted}: name such a file")
    total = blocks = 0
    with atomic(target) as part, written(part, layout) as sink:
        for name, content in found:
            if name == container.LAST:
                last = json.loads(content)
                break
            batch = _batch(codec, layout, content, f"{source}: block {blocks}")
            sink.add(batch)
            total += len(batch)
            blocks += 1
        if [last["rows"], last["blocks"]] != [total, blocks]:
            raise BoostflowError(f"{source}: was altered: rows are missing")
        for _ in found:  # nothing may follow
            pass
    return _said(target, source, total, time.monotonic() - begin)


def _family(kind: str, where: str) -> Family:
    family = families().get(kind)
    if family is None or family.codec is None:
        can = [name for name, one in families().items() if one.codec]
        raise BoostflowError(
            f"{where}: a model of kind {kind!r} does not {Task.COMPRESS}: kinds that do are"
            f" {', '.join(can)}"
        )
    return family


def _require_new(source: Path, target: Path) -> None:
    """Refuse to write over what is read, which would lose its digits for good, or over a folder."""
    if target.is_dir():
        raise BoostflowError(f"{target}: is a folder: name a file to write")
    if target.resolve() == source.resolve():
        raise BoostflowError(f"{target}: is what is read: name another file to write")


def _require(codec: Codec, layout: Layout, source: Path, model: Path) -> None:
    names = layout.schema.names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BoostflowError(
            f"{source}: has more than one column {', '.join(twice)}: rename or leave out all but"
            " one"
        )
    missing = [name for name in codec.rounded() if name not in names]
    if missing:
        raise BoostflowError(
            f"{source}: no column {', '.join(missing)}, which {model} compresses; it has"
            f" {', '.join(names)}"
        )


def _numbers(batch: pa.RecordBatch, name: str, source: Path) -> NDArray:
    """A column of numbers, shape (rows,)."""
    import pyarrow as pa

    column = batch[name]
    column = getattr(column, "storage", column)
    if column.null_count:
        raise BoostflowError(f"{source}: {name} has missing values (null): fill them first")
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise BoostflowError(f"{source}: {name} is {column.type}: one number a row is needed")
    found: NDArray = column.to_numpy(zero_copy_only=False)
    return found


def _stream(batch: pa.RecordBatch) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _opening(found: Iterator[tuple[bytes, bytes]], source: Path) -> tuple[Codec, Layout]:
    import pyarrow as pa

    parts = {}
    for wanted in (container.ABOUT, container.SCHEMA, container.MODEL):
        name, content = next(found, (b"", b""))
        if name != wanted:
            raise BoostflowError(f"{source}: was altered: it does not begin as it should")
        parts[name] = content
    about = json.loads(parts[container.ABOUT])
    family = _family(about["kind"], str(source))
    content = zstandard.ZstdDecompressor().decompress(parts[container.MODEL])
    codec: Codec = family.module("codec").open_codec(content, str(source))
    schema = pa.ipc.read_schema(pa.py_buffer(parts[container.SCHEMA]))
    return codec, Layout(about["format"], about["tree"], schema)


def _batch(codec: Codec, layout: Layout, content: bytes, where: str) -> pa.RecordBatch:
    """The rows of a chunk."""
    import pyarrow as pa

    length = int.from_bytes(content[:8], "little")
    try:
        coded = codec.decode(content[8 : 8 + length])
        rest = zstandard.ZstdDecompressor().decompress(content[8 + length :])
        others = pa.ipc.open_stream(rest).read_next_batch()
    except (BoostflowError, zstandard.ZstdError, pa.ArrowInvalid, StopIteration) as error:
        raise BoostflowError(f"{where}: cannot be decoded: {error}") from None

    def column(field: pa.Field) -> Any:
        if field.name not in coded:
            return others[field.name]
        storage = getattr(field.type, "storage_type", field.type)
        values = pa.array(coded[field.name], storage)
        if storage is field.type:
            return values
        return pa.ExtensionArray.from_storage(field.type, values)

    return pa.record_batch([column(field) for field in layout.schema], schema=layout.schema)


def _said(large: Path, small: Path, rows: int, seconds: float) -> str:
    before, after = large.stat().st_size, small.stat().st_size
    return (
        f"{rows} rows, {before / 1e6:.2f} MB as {large.name}, {after / 1e6:.2f} MB compressed"
        f" ({before / max(after, 1):.2f} times smaller), {seconds:.1f} s"
    )

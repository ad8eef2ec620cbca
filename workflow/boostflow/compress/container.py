"""A compressed file: chunks with checksums, so that a damaged one is told from a whole one.

    magic, version, then for each chunk: name (4 bytes), length (8 bytes), checksum (16), content

The last chunk is `LAST`. A checksum covers number, name and content of its chunk.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from boostflow.errors import BoostflowError

MAGIC = b"boostflow compressed\n"
VERSION = 1
HEAD = struct.Struct("<4sQ16s")
ABOUT, SCHEMA, MODEL, ROWS, LAST = b"abou", b"sche", b"mode", b"rows", b"last"
"""Names of chunks."""


def _checksum(number: int, name: bytes, content: bytes) -> bytes:
    digest = hashlib.blake2b(struct.pack("<Q4s", number, name), digest_size=16)
    digest.update(content)
    return digest.digest()


class Writer:
    """Chunks one after the other into an open file."""

    def __init__(self, file: BinaryIO) -> None:
        """`file`: new."""
        self.file, self.number = file, 0
        file.write(MAGIC + struct.pack("<H", VERSION))

    def add(self, name: bytes, content: bytes) -> None:
        """Add a chunk."""
        self.file.write(HEAD.pack(name, len(content), _checksum(self.number, name, content)))
        self.file.write(content)
        self.number += 1


def chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of all chunks of a file, in order.

    Raises:
        BoostflowError: it is missing, no such file, of another version, truncated or altered.
    """
    try:
        size = path.stat().st_size
        file = path.open("rb")
    except OSError as error:
        raise BoostflowError(f"{path}: {error.strerror}") from None
    with file:
        start = file.read(len(MAGIC) + 2)
        if not start.startswith(MAGIC) or len(start) < len(MAGIC) + 2:
            raise BoostflowError(f"{path}: is no file that `boostflow compress` wrote")
        (version,) = struct.unpack("<H", start[len(MAGIC) :])
        if version != VERSION:
            raise BoostflowError(
                f"{path}: of version {version}, and this boostflow reads {VERSION}: use that which"
                " wrote it"
            )
        number, name = 0, b""
        while name != LAST:
            head = file.read(HEAD.size)
            if len(head) < HEAD.size:
                raise BoostflowError(f"{path}: is truncated: it ends after {number} chunks")
            name, length, checksum = HEAD.unpack(head)
            if length > size - file.tell():
                raise BoostflowError(
                    f"{path}: is truncated or altered: chunk {number} is not whole"
                )
            content = file.read(length)
            if _checksum(number, name, content) != checksum:
                raise BoostflowError(
                    f"{path}: was altered: the checksum of chunk {number} is wrong"
                )
            yield name, content
            number += 1
        if file.read(1):
            raise BoostflowError(f"{path}: was altered: something follows its end")

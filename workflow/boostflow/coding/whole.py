"""Numbers without any loss, by pcodec."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def packed(values: NDArray) -> bytes:
    """Numbers as bytes, shape (N,); those that pcodec has no type for as 32 bits."""
    from pcodec import ChunkConfig, standalone

    if values.dtype.kind not in "fiu" or values.dtype.itemsize == 1:
        values = values.astype(np.int32)
    return bytes(standalone.simple_compress(values, ChunkConfig()))


def unpacked(content: bytes) -> NDArray:
    """The numbers that `packed` was given, shape (N,).

    Raises:
        ValueError: there are none.
    """
    from pcodec import standalone

    found: NDArray | None = standalone.simple_decompress(content)
    if found is None:
        raise ValueError("no numbers")
    return found

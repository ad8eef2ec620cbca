"""Codes as bits, as few as their probabilities allow: an asymmetric numeral system.

Jarek Duda, arXiv:1311.2540; streaming as in Fabian Giesen, arXiv:1402.3392: a state of 64 bits,
words of 32. What is encoded last is decoded first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.coding.kernels import BITS, LOW_BITS, LOWEST, WORD, intervals, pull, push
from boostflow.coding.mixture import Mixture, tables
from boostflow.errors import BoostflowError


def bits(code: NDArray[np.int64], codes: int, given: Mixture) -> NDArray[np.float64]:
    """What each code costs: minus the logarithm to base 2 of its probability, shape (N,)."""
    return BITS - np.log2(intervals(code, codes, *given, tables()[0])[1])


class Encoder:
    """Columns of codes to bytes; the column that is added last is the first to be decoded."""

    def __init__(self, size: int) -> None:
        """`size`: most codes that will be added."""
        self.words = np.empty(size + 2, np.uint32)
        self.state, self.count = LOWEST, 0

    def add(self, code: NDArray[np.int64], codes: int, given: Mixture) -> None:
        """Add a column of codes from 0 to `codes` - 1."""
        low, size = intervals(code, codes, *given, tables()[0])
        self.state, self.count = push(low, size, self.state, self.words, self.count)
        self.state = np.uint64(self.state)

    def content(self) -> bytes:
        """All that was added."""
        end = np.array([self.state & LOW_BITS, self.state >> WORD], np.uint64).astype("<u4")
        return self.words[: self.count].astype("<u4").tobytes() + end.tobytes()


class Decoder:
    """Bytes to columns of codes, in the reverse of the order in which they were added."""

    def __init__(self, content: bytes) -> None:
        """`content`: of an encoder."""
        words = np.frombuffer(content, "<u4").astype(np.uint32)
        if len(words) < 2:
            raise BoostflowError("coded columns end too early")
        self.state = np.uint64(words[-2]) | (np.uint64(words[-1]) << WORD)
        self.words, self.at = words, len(words) - 2

    def take(self, codes: int, given: Mixture) -> NDArray[np.int64]:
        """A column of codes, shape (N,).

        Raises:
            BoostflowError: there are not as many.
        """
        found = np.zeros(len(given.mean), np.int64)
        self.state, self.at = pull(
            self.state, self.at, self.words, codes, *given, tables()[0], found
        )
        self.state = np.uint64(self.state)
        if self.at < 0:
            raise BoostflowError("coded columns end too early")
        return found

    def end(self) -> None:
        """Raise BoostflowError unless all has been taken, and as it was added."""
        if self.at or self.state != LOWEST:
            raise BoostflowError("coded columns do not end where they should")

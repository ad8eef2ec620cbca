"""Deterministic seeds: each follows from the run's seed and names, never from time."""

from __future__ import annotations

import hashlib


def derive(seed: int, *names: str | int) -> int:
    """A seed in [1, 900,000,000] (Pythia's range) from the run's seed and what it is for.

    The same arguments give the same seed on every machine, and different names give independent
    streams: `derive(1, "simulate", "top", 3)`.
    """
    text = "/".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) % 900_000_000 + 1

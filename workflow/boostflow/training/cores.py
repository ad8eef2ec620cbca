"""Cores of the ranks that share a machine."""

from __future__ import annotations

import os
from collections.abc import Mapping


def share(environment: Mapping[str, str], threads: int, cores: list[int]) -> list[int]:
    """The cores of one rank where the ranks of its machine use all that there are; else all.

    Without cores of their own two ranks meet on one of them again and again while another one
    idles: Horovod's messages wake them, and Linux moves who is woken towards who wakes. A machine
    with more cores than ranks is left alone: other jobs may be there, and would choose the same.

    Args:
        environment: of a process that horovodrun has started.
        threads: of each rank.
        cores: numbers of those that this process may use.
    """
    rank, size = (int(environment.get(f"HOROVOD_LOCAL_{name}", "0")) for name in ("RANK", "SIZE"))
    if size < 2 or len(cores) != size * threads:
        return cores
    return cores[rank * threads :][:threads]


def take(environment: Mapping[str, str], threads: int) -> None:
    """Keep this process on its `share`; before it starts any thread, for threads inherit it."""
    if hasattr(os, "sched_setaffinity"):  # Linux
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, share(environment, threads, cores))

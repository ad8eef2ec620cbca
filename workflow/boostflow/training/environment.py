"""Variables that TensorFlow and Horovod read when they are imported in a process."""

from __future__ import annotations

CYCLE = "5"
"""Milliseconds between two times that Horovod looks for something to reduce, on the CPU.

Its 1 ms costs 17 % of each core that computes, 5 ms cost 4 %; an all-reduce waits half a cycle."""


def environment(threads: int, gpu: bool = False) -> dict[str, str]:
    """Variables of a training process, to be set before TensorFlow is imported.

    Args:
        threads: of the process.
        gpu: whether it has one: its steps are short and its core idles, so Horovod's own cycle of
            1 ms stays.
    """
    cycle = {} if gpu else {"HOROVOD_CYCLE_TIME": CYCLE}
    count = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    return (
        dict.fromkeys(count, str(threads))
        | cycle
        | {
            "TF_CPP_MIN_LOG_LEVEL": "2",
            # The C library maps large tensors anew in each step: half of the time went into that.
            "TF_CPU_ALLOCATOR_USE_BFC": "true",
            # A rank that is alive but stuck ends the job, too. No rank is busy alone for so long.
            "HOROVOD_STALL_CHECK_TIME_SECONDS": "10",
            "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": "40",
            # Rank 0 does that check. If it is stopped itself, the others miss its messages.
            "HOROVOD_GLOO_TIMEOUT_SECONDS": "30",
        }
    )

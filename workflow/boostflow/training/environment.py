"""Variables that TensorFlow and Horovod read when they are imported in a process."""

from __future__ import annotations


def environment(threads: int) -> dict[str, str]:
    """Variables of a training process, to be set before TensorFlow is imported.

    Args:
        threads: of the process.
    """
    count = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    return dict.fromkeys(count, str(threads)) | {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # The C library maps large tensors anew in each step: half of the time went into that.
        "TF_CPU_ALLOCATOR_USE_BFC": "true",
        # A rank that is alive but stuck ends the job, too. No rank is ever busy alone for so long.
        "HOROVOD_STALL_CHECK_TIME_SECONDS": "10",
        "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": "40",
        # Rank 0 does that check. If it is stopped itself, the others miss its messages.
        "HOROVOD_GLOO_TIMEOUT_SECONDS": "30",
    }

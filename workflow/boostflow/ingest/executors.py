"""Executors: the chunks of a file are worked on here, in processes, or in jobs on other nodes."""

from __future__ import annotations

import io
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import TYPE_CHECKING, Any

from boostflow.config.chain import Ingest
from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    from distributed import Client

LOST = 60
"""Seconds after which a worker that lost its scheduler ends, and a chunk without workers fails."""
KILLED = "a process that read a chunk was killed, for want of memory most likely"


@contextmanager
def executor(config: Ingest) -> Iterator[Any]:
    """One of coffea's executors; its processes and jobs end with the block.

    Raises:
        BoostflowError: SLURM takes no jobs for workers, or workers have ended.
    """
    from coffea import processor

    if config.executor == "futures":
        from loky import ProcessPoolExecutor
        from loky.process_executor import TerminatedWorkerError

        pool = ProcessPoolExecutor(config.workers, initializer=_end_with, initargs=(os.getpid(),))
        try:
            # coffea prints a traceback of what a chunk raises, besides raising it.
            with redirect_stderr(io.StringIO()):
                yield processor.FuturesExecutor(pool=pool, status=False, retries=0)
        except TerminatedWorkerError:
            raise BoostflowError(f"{KILLED}: fewer ingest.workers need less") from None
        finally:
            pool.shutdown(kill_workers=True)
    elif config.executor == "dask":
        with _client(config) as client:
            try:
                yield processor.DaskExecutor(client=client, status=False, retries=0)
            except RuntimeError as error:
                if "KilledWorker" not in str(error):
                    raise
                raise BoostflowError(f"{KILLED}: raise ingest.dask.mem_mb") from None
    else:
        yield processor.IterativeExecutor(status=False, retries=0)


def _end_with(parent: int) -> None:
    """End this process with its parent, even a killed one: loky's workers would wait for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _client(config: Ingest) -> Iterator[Client]:
    import dask
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.WARNING)
    dask.config.set({"distributed.scheduler.no-workers-timeout": f"{LOST}s"})
    if config.dask.on_slurm():
        from boostflow.ingest.slurmworkers import workers

        with workers(config.workers, config.dask, LOST) as client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=config.workers,
            threads_per_worker=1,
            # Any port: None would be 8787, which another run may have.
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client

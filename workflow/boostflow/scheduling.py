"""Three places of Snakemake 9.27, mended: two do needless work, one lets wide jobs wait for ever.

They are reported here as they would be upstream. A Snakemake that has other names for them is left
as it is.
"""

from __future__ import annotations

import threading
from typing import Any


def apply() -> None:
    """Mend these places in this process, once."""
    from snakemake.dag import DAG
    from snakemake.scheduling.job_scheduler import JobScheduler

    for owner, name, mend in (
        (JobScheduler, "_schedule_reevalutation", one_timer),
        (JobScheduler, "job_selector", wide_first),
        (DAG, "_check_groups", each_group_once),
    ):
        original = getattr(owner, name, None)
        if original is not None and original.__module__ != __name__:
            setattr(owner, name, mend(original))


def one_timer(_original: Any) -> Any:
    """A scheduler that waits for one look at a time.

    While a rate of jobs is set, which it always is, each evaluation of the scheduler asks for
    another one a second later, and so does each finished job: after hundreds of jobs it looks
    hundreds of times a second until the run ends. One look that is still to come is enough.
    """

    def schedule(self: Any, delay: float) -> None:
        pending = getattr(self, "_pending_look", None)
        if pending is not None and pending.is_alive():
            return
        self._pending_look = threading.Timer(delay, self._open_jobs.release)
        self._pending_look.start()

    return schedule


def wide_first(original: Any) -> Any:
    """A selection that keeps cores free for a job that needs several and has priority.

    Cores become free one by one. While jobs of one core are ready the original gives it to one of
    these, so a job of two waits for the end of the run, whatever its priority.

    Args:
        original: `JobScheduler.job_selector`.
    """

    def select(self: Any, jobs: Any) -> Any:
        free = self.resources["_cores"]
        waiting = [job.priority for job in jobs if job.scheduler_resources.get("_cores", 0) > free]
        if waiting:
            jobs = {job for job in jobs if job.priority >= max(waiting)}
        return original(self, jobs)

    return select


def each_group_once(original: Any) -> Any:
    """A check for groups that depend on themselves which looks at each group once.

    The original looks at the group of each job, and in it at all its jobs: the square of a group's
    size, times what lies upstream.

    Args:
        original: `DAG._check_groups`.
    """

    def check(self: Any) -> None:
        group_of = self._group
        self._group = {id(group): group for group in group_of.values()}
        try:
            original(self)
        finally:
            self._group = group_of

    return check

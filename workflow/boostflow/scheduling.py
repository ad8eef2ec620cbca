"""Places of Snakemake 9.27, mended: one lets wide jobs wait for ever, the others do work again.

They are reported here as they would be upstream. A Snakemake that has other names for them is left
as it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from types import FunctionType, MethodType
from typing import Any


def apply() -> None:
    """Mend these places in this process, once."""
    from snakemake import common, rules
    from snakemake.dag import DAG
    from snakemake.jobs import GroupJob
    from snakemake.scheduling.job_scheduler import JobScheduler

    mends: tuple[tuple[Any, str, Callable[[Any], Any]], ...] = (
        (JobScheduler, "_schedule_reevalutation", one_timer),
        (JobScheduler, "job_selector", wide_first),
        (DAG, "_check_groups", each_group_once),
        (DAG, "update_ready", each_ready_once),
        (GroupJob, "__eq__", same_first),
        (common, "get_function_params", each_signature_once),
        (rules, "get_function_params", each_signature_once),
    )
    for owner, name, mend in mends:
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


def each_ready_once(original: Any) -> Any:
    """An update of the ready jobs that asks each group once whether it is ready.

    The original asks for each job of a group three times, and goes through the group each time.

    Args:
        original: `DAG.update_ready`; what it asks does not change while it runs.
    """

    def update(self: Any, jobs: Any = None) -> Any:
        ready, answers = self._ready, {}

        def once(job: Any) -> Any:
            asked = id(self._group.get(job, job))
            if asked not in answers:
                answers[asked] = ready(job)
            return answers[asked]

        self._ready = once
        try:
            return original(self, jobs)
        finally:
            del self._ready

    return update


def same_first(original: Any) -> Any:
    """A comparison of groups of jobs that sees at once that a group is equal to itself.

    The original compares all jobs of both, after a slow question for their type.

    Args:
        original: `GroupJob.__eq__`.
    """

    def equal(self: Any, other: Any) -> Any:
        return self is other or original(self, other)

    return equal


def each_signature_once(original: Any) -> Any:
    """The parameters of a function, found once for each.

    The original inspects the functions of the rules anew for each value of each job.

    Args:
        original: `get_function_params`.
    """

    @lru_cache(maxsize=1000)
    def found(function: Any, bound_to: type | None) -> Any:
        return original(function if bound_to is None else MethodType(function, bound_to))

    def parameters(function: Any) -> Any:
        if isinstance(function, MethodType):
            return found(function.__func__, type(function.__self__))
        return found(function, None) if isinstance(function, FunctionType) else original(function)

    return parameters

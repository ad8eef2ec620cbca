"""How many cluster jobs a run makes: what `snakemake --dry-run` says at its end.

Snakemake groups jobs: connected jobs of one group are a component, and `group-components` of the
profile says how many components a cluster job takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Term:
    """A group, or a rule outside of all groups, with the jobs that would run."""

    rules: Counter[str] = field(default_factory=Counter)
    components: int = 0
    a_job: int = 1
    """Components that one cluster job takes."""
    submitted: set[Hashable] = field(default_factory=set)

    @property
    def cluster_jobs(self) -> int:
        """Number of cluster jobs."""
        return len(self.submitted)


def terms(workflow: Any) -> dict[str, Term]:
    """The cluster jobs of a resolved workflow, by group or rule.

    Args:
        workflow: snakemake's Workflow once its graph is there; rules that run nothing are left out.

    Returns:
        A term for each group, and for each rule without one. A term has
        ceil(components / a_job) cluster jobs.
    """
    dag = workflow.dag
    counts = workflow.group_settings.group_components
    found: dict[str, Term] = {}
    roots: dict[Any, Any] = {}

    def root(job: Any) -> Any:
        while roots[job] is not job:
            roots[job] = roots[roots[job]]
            job = roots[job]
        return job

    jobs = [job for job in dag.needrun_jobs(exclude_finished=False) if not job.rule.norun]
    roots.update((job, job) for job in jobs)
    for job in jobs:
        group = dag.get_job_group(job)
        term = found.setdefault(job.group or job.rule.name, Term())
        term.rules[job.rule.name] += 1
        term.submitted.add(id(group) if group else job)
        if group:
            term.a_job = counts.get(job.group, 1)
            for other in dag.dependencies[job]:
                if other in roots and other.group == job.group:
                    roots[root(job)] = root(other)
    for job in jobs:
        if root(job) is job:
            found[job.group or job.rule.name].components += 1
    return found


def describe(found: dict[str, Term]) -> str:
    """The terms as a table, largest first, and their sum."""
    rows = [("cluster jobs", "group or rule", "components", "a job", "jobs")]
    for name, term in sorted(found.items(), key=lambda item: -item[1].cluster_jobs):
        rules = ", ".join(f"{n} {rule}" for rule, n in term.rules.items())
        rows.append((str(term.cluster_jobs), name, str(term.components), str(term.a_job), rules))
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:4]]
    lines = []
    for *cells, rules in rows:
        padded = (f"{cell:{side}{n}}" for cell, side, n in zip(cells, "><>>", widths, strict=True))
        lines.append(f"{'  '.join(padded)}  {rules}")
    submitted = sum(term.cluster_jobs for term in found.values())
    jobs = sum(term.rules.total() for term in found.values())
    return "\n".join([*lines, f"{submitted} cluster jobs for {jobs} jobs of Snakemake"])


class Plan:
    """The text of `describe`, as a message of the last job: Snakemake prints it in a dry run."""

    def __init__(self, workflow: Any) -> None:
        self.workflow = workflow

    def __str__(self) -> str:
        submits = self.workflow.dryrun and self.workflow.nodes is not None
        return f"this run makes\n{describe(terms(self.workflow))}" if submits else ""

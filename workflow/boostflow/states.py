"""Which jobs each systematic variation has, and which of them are still to be done.

Snakemake resolves its graph as in a dry run: nothing is executed, and what it says is what a run
would do, down to changed parameters and files that are older than what they are made from.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boostflow.config.load import declared
from boostflow.config.systematics import AnySystematic
from boostflow.errors import BoostflowError
from boostflow.texttable import Text
from boostflow.variations import NOMINAL, Variations

AFTER = "evaluation, fit, report"
"""Row of the jobs that belong to no variation."""


@dataclass
class Row:
    """Nominal, an entry, or what comes after all of them."""

    name: str
    kind: str = ""
    use: str = ""
    """`fit` or `crosscheck`, of entries."""
    directions: list[str] = field(default_factory=list)
    """`up`, `down`, or `m0`, `m1`..."""
    stages: list[str] = field(default_factory=list)
    """Rules that it has jobs of, in the order of the chain."""
    jobs: int = 0
    missing: int = 0
    """Jobs to run whose files are not there."""
    outdated: int = 0
    """Jobs to run again: their files are there, but something that they depend on has changed."""
    enabled: bool = True
    fit: str = ""
    """State of the fit for rates, which have no jobs of their own."""

    @property
    def state(self) -> str:
        """State of the variation's jobs in words."""
        if not self.enabled:
            return "off"
        if not self.jobs:
            return self.fit or "touches nothing"
        if not self.missing + self.outdated:
            return "done"
        if self.missing == self.jobs:
            return "to do"
        parts = {"to do": self.missing, "outdated": self.outdated}
        return ", ".join(f"{n} of {self.jobs} {what}" for what, n in parts.items() if n)

    def as_json(self) -> dict[str, Any]:
        """The row as JSON data, for machines."""
        keys = ("name", "kind", "use", "directions", "stages", "jobs", "missing", "outdated")
        return {key: getattr(self, key) for key in keys} | {"state": self.state}


def states(
    snakefile: Path, configfiles: Sequence[Path] = (), folder: Path | None = None
) -> list[Row]:
    """Rows: nominal, each entry in the order of its declaration, what comes after.

    Args:
        snakefile: of boostflow.
        configfiles: as for `snakemake --configfile`.
        folder: where snakemake would be started; null for the working directory.

    Raises:
        BoostflowError: Snakemake cannot resolve the workflow.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import WorkflowError
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        Quietness,
        ResourceSettings,
    )

    # The list of jobs of a dry run, which `quiet` leaves in part.
    logging.disable(logging.INFO)
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, dryrun=True)) as api:
        try:
            workflow = api.workflow(
                resource_settings=ResourceSettings(cores=1),
                config_settings=ConfigSettings(configfiles=[p.resolve() for p in configfiles]),
                snakefile=snakefile,
                workdir=folder,
            )
            dag = workflow.dag(dag_settings=DAGSettings(force_incomplete=True))
            dag.execute_workflow(executor="dryrun")
        except WorkflowError as error:
            raise BoostflowError(str(error)) from None
        found = workflow._workflow
        analysis = found.globals["ANALYSIS"]
        entries = declared(analysis.config, analysis.root)
        return rows(found.dag, analysis.variations, entries)


def rows(dag: Any, variations: Variations, entries: Mapping[str, AnySystematic]) -> list[Row]:
    """Rows of nominal, all systematics and what follows them, from a resolved graph of jobs.

    Args:
        dag: of Snakemake.
        variations: of the entries that are enabled.
        entries: all of them.
    """
    result = {NOMINAL: Row(NOMINAL)}
    for name, block in entries.items():
        use = getattr(block, "use", "fit")
        directions = list(block.members())
        result[name] = Row(name, block.kind, use, directions, enabled=block.enabled)
    result[AFTER] = Row(AFTER)
    needed = set(dag.needrun_jobs(exclude_finished=False))
    owners: dict[Any, str] = {}
    for jobs in dag.toposorted():
        for job in jobs:
            owners[job] = owner(job, variations)
    fitting = ""
    for job, name in owners.items():
        if job.rule.norun:
            continue
        if "prepared" in job.wildcards_dict:
            # A prepared input belongs to the first that trains on it; nominal comes before entries.
            name = min((owners[user] for user in dag.depending[job]), key=list(result).index)
        row = result[name]
        row.jobs += 1
        if job.rule.name not in row.stages:
            row.stages.append(job.rule.name)
        if job in needed:
            there = all(Path(str(file)).exists() for file in job.output)
            row.outdated += there
            row.missing += not there
        if job.rule.name == "infer":
            fitting = "to do" if job in needed else "done"
    order = [rule.name for rule in dag.workflow.rules]
    for row in result.values():
        row.stages.sort(key=order.index)
        if row.kind == "rate" and row.enabled:
            row.fit, row.stages = fitting or "touches nothing", ["infer"] if fitting else []
    return list(result.values())


def owner(job: Any, variations: Variations) -> str:
    """The row of a job, by its wildcards."""
    wildcards = job.wildcards_dict
    if "systematic" in wildcards:
        return wildcards["systematic"]
    variation = wildcards.get("variation")
    if variation is None:
        return NOMINAL if job.rule.name == "check" else AFTER
    return NOMINAL if variation == NOMINAL else variations.by_name[variation].systematic


def table(found: Iterable[Row], width: int = 120) -> str:
    """The rows as plain text."""
    page = Text(width)
    columns = ["entry", "kind", "variations", "runs", "jobs", "state"]
    lines = []
    for row in found:
        directions = row.directions
        if len(directions) > 2:
            directions = [f"{directions[0]}..{directions[-1]}"]
        kind = f"{row.kind} ({row.use})" if row.use == "crosscheck" else row.kind
        stages = ", ".join(row.stages) if row.name != AFTER else ""
        cells = [row.name, kind, ", ".join(directions), stages]
        lines.append([*cells, str(row.jobs) if row.jobs else "", row.state])
    page.grid("Systematic variations", columns, lines, right=[4])
    return page.text()

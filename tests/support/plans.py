"""The jobs that snakemake would run, without running any."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from boostflow.clusterplan import Term, terms
from boostflow.config.load import declared
from boostflow.states import Row, rows

REPOSITORY = Path(__file__).resolve().parents[2]

Job = tuple[str, str]
"""Rule and, in short, what its wildcards are: ("select", "jes_up/top")."""


class Plan:
    """An analysis in a folder of its own, whose results are empty files of the right age."""

    def __init__(self, folder: Path, config: dict[str, Any], systematics: dict[str, Any]) -> None:
        # Copies: a test that changes them changes no other's.
        self.folder, self.config = folder, copy.deepcopy(config)
        self.systematics = copy.deepcopy(systematics)
        self.snakefile = REPOSITORY / "Snakefile"

    def jobs(self, *targets: str) -> set[Job]:
        """What would be run for the targets (default: everything)."""
        with self._dag(targets) as dag:
            return {short(job) for job in dag.needrun_jobs(exclude_finished=False)}

    def groups(self, **components: int) -> dict[str, set[frozenset[Job]]]:
        """The cluster jobs that would be submitted, by group or rule, as sets of jobs.

        Args:
            components: how many components of a group make one cluster job.
        """
        found: dict[str, set[frozenset[Job]]] = defaultdict(set)
        with self._dag((), submit=True, components=components) as dag:
            for job in dag.needrun_jobs(exclude_finished=False):
                if not job.rule.norun:
                    together = dag.get_job_group(job) or [job]
                    name = job.group or job.rule.name
                    found[name].add(frozenset(short(other) for other in together))
        return dict(found)

    def terms(self, **components: int) -> dict[str, Term]:
        """The same as `boostflow.clusterplan` counts it."""
        with self._dag((), submit=True, components=components) as dag:
            return terms(dag.workflow)

    def settings(self) -> dict[str, dict[str, Any]]:
        """What each job that would be run is told (its typed job), by rule and wildcards."""
        with self._dag(()) as dag:
            return {
                "/".join(short(job)): json.loads((self.folder / job.params.job).read_text())
                for job in dag.needrun_jobs(exclude_finished=False)
                if hasattr(job.params, "job")
            }

    def resources(self, name: str, **rules: dict[str, Any]) -> dict[str, set[Any]]:
        """A resource of the jobs of each rule; `rules` are those that a profile sets, by rule."""
        with self._dag((), overwrite=rules) as dag:
            found: dict[str, set[Any]] = defaultdict(set)
            for job in dag.needrun_jobs(exclude_finished=False):
                found[job.rule.name].add(job.resources.get(name))
            return dict(found)

    def priorities(self) -> dict[Job, float]:
        """The priority of each job that would be run."""
        with self._dag(()) as dag:
            return {short(job): job.priority for job in dag.needrun_jobs(exclude_finished=False)}

    def inputs(self, wanted: Job) -> list[str]:
        """The files that a job reads, in order."""
        with self._dag(()) as dag:
            (job,) = (job for job in dag.jobs if short(job) == wanted)
            return [str(path) for path in job.input]

    def parameters(self, wanted: Job) -> dict[str, Any]:
        """The parameters of a job by name."""
        with self._dag(()) as dag:
            (job,) = (job for job in dag.jobs if short(job) == wanted)
            return dict(job.params.items())

    def rows(self) -> dict[str, Row]:
        """The rows of `make variations`, by name."""
        with self._dag(()) as dag:
            analysis = dag.workflow.globals["ANALYSIS"]
            entries = declared(analysis.config, analysis.root)
            return {row.name: row for row in rows(dag, analysis.variations, entries)}

    def finish(self) -> None:
        """Pretend that everything has been run: make every output, in order, and the records."""
        with self._dag(()) as dag:
            stamp = time.time() - 10_000
            for depth, jobs in enumerate(dag.toposorted()):
                for job in jobs:
                    for output in job.output:
                        path = self.folder / str(output)
                        if job.rule.name.startswith("train"):
                            path.mkdir(parents=True, exist_ok=True)
                            # Snakemake reads a directory's age from a stamp in it.
                            stamped = path / ".snakemake_timestamp"
                            stamped.touch()
                            os.utime(stamped, (stamp + depth,) * 2)
                        else:
                            path.parent.mkdir(parents=True, exist_ok=True)
                            path.touch()
                            if path.parent.name == "checked":
                                new = dag.workflow.globals["ANALYSIS"].unchecked
                                path.write_text(json.dumps(dict.fromkeys(new)))
                        os.utime(path, (stamp + depth,) * 2)
                    if job.output:
                        asyncio.run(dag.workflow.persistence.finished(job))

    @contextlib.contextmanager
    def _dag(
        self,
        targets: tuple[str, ...],
        submit: bool = False,
        components: dict[str, int] | None = None,
        overwrite: dict[str, dict[str, Any]] | None = None,
    ) -> Iterator[Any]:
        from snakemake.api import SnakemakeApi
        from snakemake.settings.types import (
            ConfigSettings,
            DAGSettings,
            GroupSettings,
            OutputSettings,
            Quietness,
            ResourceSettings,
        )

        systematics = self.folder / "systematics.yaml"
        systematics.write_text(yaml.safe_dump(self.systematics))
        config = {**self.config, "systematics": str(systematics), "output": "out"}
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(config))
        # The Snakefile tells its jobs by the environment, which is that of the other tests, too.
        with (
            mock.patch.dict(os.environ),
            SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, dryrun=True)) as api,
        ):
            workflow = api.workflow(
                resource_settings=ResourceSettings(
                    cores=4, nodes=1 if submit else None, overwrite_resources=overwrite or {}
                ),
                config_settings=ConfigSettings(configfiles=[path]),
                snakefile=self.snakefile,
                workdir=self.folder,
            )
            dag = workflow.dag(dag_settings=DAGSettings(targets=set(targets)))
            grouping = GroupSettings(group_components=components or {})
            dag.execute_workflow(executor="dryrun", group_settings=grouping)
            yield workflow._workflow.dag


def short(job: Any) -> Job:
    """A job's rule and the values of its wildcards."""
    return job.rule.name, "/".join(str(value) for value in job.wildcards_dict.values())


CONFIG: dict[str, Any] = {
    "samples": {
        name: {"source": "simulation", "process": name, "label": name, "parts": 2}
        for name in ("top", "quark")
    },
    "models": {
        "bdt": {"kind": "bdt"},
        "ucluster": {"kind": "ucluster", "samples": ["top", "quark"], "clusters": 2},
    },
}

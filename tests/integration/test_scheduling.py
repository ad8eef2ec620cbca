"""What Snakemake itself costs while jobs run, and when it plans groups."""

from __future__ import annotations

import inspect
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from boostflow import scheduling
from support.analyses import REPOSITORY

SHORT, SECONDS, RATE = 60, 5, 3

WAITING = f"""
from pathlib import Path
import time
from snakemake.scheduling.job_scheduler import JobScheduler
from boostflow import scheduling

select = JobScheduler.job_selector

def counted(self, jobs):
    with Path("looks.txt").open("a") as file:
        print(time.time(), file=file)
    return select(self, jobs)

JobScheduler.job_selector = counted
scheduling.apply()

rule all:
    input: "long", expand("late-{{i}}", i=range(3))

rule short:
    output: "short-{{i}}"
    shell: "touch {{output}}"

rule long:
    input: expand("short-{{i}}", i=range({SHORT}))
    output: "long"
    threads: 2
    shell: "date +%s.%N > begin; sleep {SECONDS}; date +%s.%N > end; touch {{output}}"

rule other:
    input: expand("short-{{i}}", i=range({SHORT}))
    output: "late-{{i}}"
    priority: -1
    shell: "touch {{output}}"
"""

WIDE = """
from boostflow import scheduling
scheduling.apply()

rule all:
    input: "wide", expand("narrow-{i}", i=range(8))

rule first:
    output: "first"
    priority: 1
    shell: "touch {output}"

rule wide:
    input: "first"
    output: "wide"
    threads: 2
    priority: PRIORITY
    shell: "ls > {output}"

rule narrow:
    output: "narrow-{i}"
    shell: "sleep 0.$((3 + {wildcards.i} % 3 * 2)); touch {output}"
"""

WALKS = """
from boostflow import scheduling
from snakemake.dag import DAG
from snakemake.jobs import GroupJob

scheduling.apply()
looked = [0]
members = GroupJob.__iter__

def counted(self):
    looked[0] += 1
    return members(self)

check = DAG._check_groups

def checked(self):
    before, groups = looked[0], len(set(map(id, self._group.values())))
    GroupJob.__iter__ = counted
    check(self)
    GroupJob.__iter__ = members
    print("walks", looked[0] - before, "groups", groups, "jobs", len(self._group), flush=True)

DAG._check_groups = checked
"""

READY = """
from boostflow import scheduling
from snakemake.dag import DAG

asked = []
ready = DAG._ready

def counted(self, job):
    asked.append(job)
    return ready(self, job)

DAG._ready = counted
scheduling.apply()
update = DAG.update_ready

def updated(self, jobs=None):
    asked.clear()
    update(self, jobs)
    groups = {id(self._group.get(job, job)) for job in self.needrun_jobs()}
    print("asked", len(asked), "groups", len(groups), "jobs", len(self._group), flush=True)

DAG.update_ready = updated
"""

GROUPS = """
rule all:
    input: expand("b-{i}", i=range(5)), "z"
    group: "end"

rule a:
    output: "a-{i}"
    group: "g"
    shell: "touch {output}"

rule b:
    input: "a-{i}"
    output: "b-{i}"
    group: "g"
    shell: "touch {output}"

rule m:
    input: "a-{i}"
    output: "m-{i}"
    shell: "touch {output}"

rule z:
    input: MIDDLE
    output: "z"
    group: "g"
    shell: "touch {output}"
"""


def snakemake(folder: Path, text: str, *more: str) -> subprocess.CompletedProcess[str]:
    """A run of a Snakefile of its own."""
    (folder / "Snakefile").write_text(text)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *more]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("local", [True, False], ids=["local", "rate of the slurm profile"])
def test_a_scheduler_with_nothing_to_do_looks_seldom(tmp_path: Path, local: bool) -> None:
    """After many jobs have ended, one runs and others wait for its cores."""
    profile = yaml.safe_load((REPOSITORY / "profiles/slurm/config.yaml").read_text())
    rate = [] if local else ["--max-jobs-per-second", str(profile["max-jobs-per-second"])]
    done = snakemake(tmp_path, WAITING, *rate)
    assert done.returncode == 0, done.stderr
    begin, end = (float((tmp_path / name).read_text()) for name in ("begin", "end"))
    looks = [float(line) for line in (tmp_path / "looks.txt").read_text().split()]
    # The jobs before have all ended a second after the long one has begun.
    during = [look for look in looks if begin + 1 < look < end]
    assert len(during) <= RATE * (end - begin - 1)
    assert max(looks) > end  # the others were started when the cores were free


@pytest.mark.parametrize(("priority", "early"), [("1", True), ("0", False)])
def test_a_job_of_several_cores_is_not_kept_waiting(
    tmp_path: Path, priority: str, early: bool
) -> None:
    """One with priority has the cores as soon as what runs has ended; others take what is there."""
    done = snakemake(tmp_path, WIDE.replace("PRIORITY", priority), "--scheduler", "greedy")
    assert done.returncode == 0, done.stderr
    before = [name for name in (tmp_path / "wide").read_text().split() if "narrow" in name]
    assert (len(before) <= 2) == early


@pytest.mark.parametrize(("head", "word"), [(WALKS, "walks"), (READY, "asked")])
def test_each_group_is_looked_at_once(tmp_path: Path, head: str, word: str) -> None:
    """When groups are checked, and when it is found which of them can start."""
    fine = snakemake(tmp_path, head + GROUPS.replace("MIDDLE", '"a-0"'), "--dry-run")
    assert fine.returncode == 0, fine.stderr
    line = next(x for x in fine.stdout.splitlines() if x.startswith(word))
    looks, groups, jobs = (int(word) for word in line.split()[1::2])
    assert looks == groups < jobs


def test_a_group_that_depends_on_itself_is_still_refused(tmp_path: Path) -> None:
    refused = snakemake(tmp_path, WALKS + GROUPS.replace("MIDDLE", '"m-0", "a-0"'), "--dry-run")
    assert refused.returncode == 1
    assert "This is not allowed" in refused.stdout


def test_a_signature_is_found_once() -> None:
    """Methods are told from the functions behind them, as they lack the first parameter."""
    asked = []

    def original(function: Any) -> Any:
        asked.append(function)
        return inspect.signature(function).parameters

    def scaled(wildcards: Any, attempt: int) -> None: ...

    class Resource:
        __hash__ = None  # type: ignore[assignment]

        def evaluate(self, *args: Any, **more: Any) -> None: ...

    parameters = scheduling.each_signature_once(original)
    for _ in range(3):
        assert [*parameters(scaled)] == ["wildcards", "attempt"]
        assert [*parameters(Resource().evaluate)] == ["args", "more"]
        assert [*parameters(Resource.evaluate)] == ["self", "args", "more"]
    assert len(asked) == 3
    assert [*parameters(partial(scaled, None))] == ["attempt"]


def test_a_group_is_equal_to_itself_without_a_look() -> None:
    asked = []
    equal = scheduling.same_first(lambda one, other: bool(asked.append((one, other))))
    assert equal("a", "a") and not asked
    assert not equal("a", "b") and asked == [("a", "b")]

"""Starting the ranks of a Horovod training: on this machine, or on the nodes of a SLURM job."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

from boostflow.errors import BoostflowError

log = logging.getLogger("launch")

SHIMS = Path(__file__).with_name("shims")
"""Holds the `ssh` that horovodrun finds inside a SLURM job."""
GLOO_TIMEOUT = 120
"""Seconds that ranks may start apart: TensorFlow comes slowly from a busy shared file system."""
DEVICES = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Allocation:
    """What a SLURM job holds."""

    job: str
    cpus: dict[str, int]
    """CPUs by node, in the order of the nodes."""
    tasks: int
    cpus_per_task: int

    def places(self) -> dict[str, int]:
        """How many ranks each node has room for.

        A job of several tasks has one place a task. A job of one task is one program's, which may
        use its CPUs for ranks as it does on a laptop.
        """
        if self.tasks == 1:
            return dict(self.cpus)
        return {host: max(n // self.cpus_per_task, 1) for host, n in self.cpus.items()}


def launch(processes: int, command: Sequence[str]) -> NoReturn:
    """Become the `horovodrun` that runs `command` on this many ranks.

    Inside a SLURM job the ranks are spread over its nodes, else they run here.

    Raises:
        BoostflowError: the job has too few tasks or GPUs, SLURM does not answer, or there is no
            horovodrun.
    """
    environment = dict(os.environ)
    if processes < 1:
        raise BoostflowError(f"{processes} processes: at least 1 is needed")
    options = ["-H", f"localhost:{processes}", "--gloo"]
    job = environment.get("SLURM_JOB_ID")
    if job:
        slots = spread(processes, allocation(job), environment.get("SLURMD_NODENAME", ""))
        check_gpus(next(iter(slots.values())), environment)
        if len(slots) > 1:
            options = [
                *("-H", ",".join(f"{host}:{n}" for host, n in slots.items()), "--gloo"),
                *("--network-interfaces", interface_to(list(slots)[1]), "--disable-cache"),
                *("--gloo-timeout-seconds", str(GLOO_TIMEOUT)),
            ]
            if shutil.which("srun"):
                environment["PATH"] = f"{SHIMS}{os.pathsep}{environment['PATH']}"
    start = ["horovodrun", "-np", str(processes), *options, *command]
    try:
        os.execvpe(start[0], start, environment)
    except FileNotFoundError:
        raise BoostflowError("no horovodrun on PATH: run `make env`, activate .venv") from None


@cache
def has_slurm() -> bool:
    """Whether this machine submits to SLURM.

    The `sbatch` of the shims needs another one behind it, and that one a cluster that it knows: the
    programs alone may be installed. A cluster whose controller does not answer just now is one.
    """
    own = (SHIMS / "submit").resolve()
    folders = [folder for folder in os.get_exec_path() if Path(folder).resolve() != own]
    path = os.pathsep.join(folders)
    if shutil.which("sbatch", path=path) is None:
        return False
    asked = shutil.which("sinfo", path=path)
    if asked is None:
        return False
    try:
        done = subprocess.run(
            [asked, "--noheader"], capture_output=True, text=True, check=False, timeout=15
        )
    except subprocess.TimeoutExpired:
        return True
    return not re.search(r"fetch(_| )config|slurm\.conf", done.stderr)


def allocation(job: str) -> Allocation:
    """Ask SLURM what a job holds.

    The variables that sbatch sets are no source: Snakemake's SLURM plugin removes most of them.

    Raises:
        BoostflowError: SLURM does not answer.
    """
    text = slurm("scontrol", "show", "job", "--details", "--oneliner", job)
    cpus = {}
    for nodes, ids in re.findall(r" Nodes=(\S+) CPU_IDs=(\S+)", text):
        for host in slurm("scontrol", "show", "hostnames", nodes).split():
            cpus[host] = cpus.get(host, 0) + _count(ids)
    tasks = re.search(r" NumTasks=(\d+)", text)
    each = re.search(r" CPUs/Task=(\d+)", text)
    if not cpus or tasks is None:
        raise BoostflowError(f"SLURM job {job}: it holds no nodes (has it ended?): {text[:200]}")
    order = slurm("squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()
    hosts = slurm("scontrol", "show", "hostnames", order).split()
    return Allocation(
        job, {host: cpus[host] for host in hosts}, int(tasks[1]), int(each[1]) if each else 1
    )


def slurm(*command: str) -> str:
    """What a SLURM command prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BoostflowError(
            f"SLURM_JOB_ID is set but there is no {command[0]} on PATH: without it the nodes of the"
            " job are unknown; unset SLURM_JOB_ID to stay on this machine"
        ) from None
    if done.returncode:
        raise BoostflowError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout


def _count(ids: str) -> int:
    """How many CPUs a list such as `0-3,6` names."""
    ends = [part.split("-") for part in ids.split(",")]
    return sum(int(end[-1]) - int(end[0]) + 1 for end in ends)


def spread(processes: int, held: Allocation, here: str) -> dict[str, int]:
    """Ranks by node, this node first: one on each node, then a second one, while there is room.

    Raises:
        BoostflowError: there are fewer tasks than ranks, or this node is not one of the job's.
    """
    places = held.places()
    room = sum(places.values()) if held.tasks == 1 else min(held.tasks, sum(places.values()))
    if here not in places:
        raise BoostflowError(
            f"this is not a node of SLURM job {held.job} ({', '.join(places)}): start it there,"
            " with sbatch or srun"
        )
    if processes > room:
        what = "CPUs" if held.tasks == 1 else "tasks"
        raise BoostflowError(
            f"{processes} processes, but SLURM job {held.job} has {what} for {room} of them:"
            f" set `tasks` of train_distributed to {processes} in the profile, or `processes` of"
            f" the model to {room}"
        )
    slots = dict.fromkeys([here, *(host for host in places if host != here)], 0)
    while left := processes - sum(slots.values()):
        for host in [h for h in slots if slots[h] < places[h]][:left]:
            slots[host] += 1
    return {host: n for host, n in slots.items() if n}


def interface_to(host: str) -> str:
    """The network interface by which this machine reaches another one.

    Raises:
        BoostflowError: it does not.
    """
    import psutil

    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))  # of a datagram socket: chooses a route, sends nothing
            address = probe.getsockname()[0]
    except OSError as error:
        here = socket.gethostname()
        raise BoostflowError(f"{here} does not reach node {host}: {error}") from None
    for name, addresses in psutil.net_if_addrs().items():
        if any(a.family == socket.AF_INET and a.address == address for a in addresses):
            return name
    raise BoostflowError(f"no network interface has the address {address} that leads to {host}")


def gpus(environment: Mapping[str, str]) -> list[str]:
    """The GPUs that SLURM or the user has given; none if nobody has said."""
    devices = [name for name in environment.get(DEVICES, "").split(",") if name]
    return [] if devices and devices[0] in ("-1", "NoDevFiles") else devices


def check_gpus(ranks: int, environment: Mapping[str, str]) -> None:
    """Raise BoostflowError if this node has GPUs for some of its ranks alone."""
    given = gpus(environment)
    if given and len(given) < ranks:
        raise BoostflowError(
            f"{ranks} processes on node {socket.gethostname()}, but {len(given)} of its GPUs: ask"
            f" for {ranks} in `gres` of train_distributed in the profile, or for more nodes"
        )


def take_gpu(environment: MutableMapping[str, str]) -> None:
    """Leave a rank that horovodrun has started its own GPU of those that its node may use."""
    local = environment.get("HOROVOD_LOCAL_RANK")
    if local is None:
        return
    given = gpus(environment)
    if given:
        environment[DEVICES] = given[int(local) % len(given)]
    log.info(
        "rank %s of %s on %s, GPU %s",
        *(environment.get("HOROVOD_RANK"), environment.get("HOROVOD_SIZE")),
        *(socket.gethostname(), environment[DEVICES] if given else "not chosen"),
    )

"""Typed jobs: what one job of a stage is told, and which files its command names.

The settings of a job are a `Job`: its JSON is what a rule's `params` stand for, so a job runs again
when, and only when, one of its keys changes. The files of a job are its inner class `Files`: the
rule, the command line and the function behind the stage all take them from there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict

from boostflow.config.base import Block
from boostflow.io import write_small

FOLDER = Path(".snakemake/boostflow")
"""Folder of the settings of jobs, in the working directory, which all jobs share."""

T = TypeVar("T")
Entry = TypeVar("Entry", bound=BaseModel)


@dataclass(frozen=True)
class Flow:
    """Source of the path of a file: a keyword of its rule."""

    section: str
    """`input`, `output` or `params`."""
    folder_of: str | None = None
    """The path is the folder of the first file of this name."""


Input = Annotated[T, Flow("input")]
"""A file that is read."""
Output = Annotated[T, Flow("output")]
"""A file that is written."""
PlotFolder = Annotated[Path, Flow("output", folder_of="plots")]
"""The folder of the plots that a rule names."""
Given = Annotated[T, Flow("params")]
"""A path that is neither: the folder of a training's checkpoints."""
Named = Annotated[T, Flow("params")]
"""A small file that the configuration names, of which the job has a digest among its settings. No
input: Snakemake would go by its path, which another clone of the repository has elsewhere, and by
its time, which may be older than that of the one before. Its rule says `named(...)`."""


class Label(NamedTuple):
    """The text above the axes of a plot: who, and with what data."""

    left: str = "boostflow simulation"
    right: str = ""


class Files(BaseModel):
    """The files of a job; lists may be empty, what may be None may be left out."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    @classmethod
    def flows(cls) -> dict[str, Flow]:
        """The source of each path, by the name of its field."""
        return {
            name: next(mark for mark in field.metadata if isinstance(mark, Flow))
            for name, field in cls.model_fields.items()
        }

    @classmethod
    def many(cls, name: str) -> bool:
        """Whether a name stands for a list of files."""
        return get_origin(cls.model_fields[name].annotation) is list

    @classmethod
    def optional(cls, name: str) -> bool:
        """Whether a file may be missing."""
        return type(None) in get_args(cls.model_fields[name].annotation)


class Job(Block):
    """What one job of a stage is told, besides the names of its files."""

    stage: ClassVar[str]
    """Name of the command."""
    runs: ClassVar[str]
    """The function behind it, `package.module:function`; it takes the job and its files."""
    crashed: ClassVar[str | None] = None
    """Of a stage that reads files of the user's: the function that is called where a library's
    fault has ended the process; it takes the job, its files and the signal."""

    class Files(Files):
        """The files of the job."""

    def text(self) -> str:
        """The job as JSON, always the same for the same values."""
        return self.model_dump_json(indent=1)

    def write(self, folder: Path = FOLDER) -> Path:
        """Write the job where its command finds it, unless it is there; returns the JSON file.

        The name holds a digest of the content: other settings are another file, which is how
        Snakemake notices them, and both can be compared.
        """
        text = self.text()
        digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        path = folder / f"{self.stage}-{digest}.json"
        # A file of another size is what a machine that lost power left.
        if not path.exists() or path.stat().st_size != len(text.encode()):
            write_small(path, text)
        return path


def command(job: type[Job]) -> str:
    """The shell command of a rule, which names the job's JSON and its files and nothing else."""
    words = [f"boostflow {job.stage} {{params.job:q}}"]
    for name, flow in job.Files.flows().items():
        option = f"--{name.replace('_', '-')}"
        if flow.folder_of is not None:
            words.append(f'{option} "$(dirname {{{flow.section}.{flow.folder_of}[0]:q}})"')
        else:
            words.append(f"{option} {{{flow.section}.{name}:q}}")
    return " ".join(words)


def without(entry: Entry, ignored: dict[str, Any]) -> Entry:
    """A block with these keys at other values, where it has them: what does not depend on them.

    Args:
        entry: a systematic, for instance.
        ignored: values by key.
    """
    known = {key: value for key, value in ignored.items() if key in type(entry).model_fields}
    return entry.model_copy(update=known)

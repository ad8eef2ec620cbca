"""What is said of files on which a library has crashed: found one by one, left out or refused."""

from __future__ import annotations

import signal

from boostflow.config.files import expand
from boostflow.config.needs import Needs
from boostflow.config.samples import FileSample
from boostflow.errors import BadFile
from boostflow.guard import crash, survived
from boostflow.ingest import check as checking
from boostflow.ingest.checked import Checked
from boostflow.ingest.skipped import or_skip
from boostflow.io import scratch
from boostflow.jobs.chain import CheckInputs, Ingest, execution


def ingest(job: Ingest, files: Ingest.Files, fault: signal.Signals) -> None:
    """Refuse the file of a job whose process a fault has ended, or leave it out.

    Raises:
        BadFile: `on_bad_file` is fail.
    """
    file = job.address or str(files.file)
    job = job.model_copy(update={"ingest": execution(job.ingest)})
    with scratch(files.table.absolute(), "chunks"):
        pass  # of the process that crashed

    def read() -> None:
        raise BadFile(f"{file}: {crash(fault)}")

    or_skip(read, file, job, files)


def check(job: CheckInputs, files: CheckInputs.Files, fault: signal.Signals) -> None:
    """Look at each file in a process of its own first, then at all that did not crash it.

    Raises:
        BoostflowError: there are problems, as of any check.
    """
    found: dict[str, str] = {}
    for name, block in job.samples.items():
        for file in expand(block)[0] if isinstance(block, FileSample) else ():
            one = Checked(name, file)
            needed = job.needs.get(name, Needs())

            def look(one: Checked = one, block: FileSample = block, needed: Needs = needed) -> None:
                checking.look_at(one, block, job, needed)

            if (ended := survived(look)) is not None:
                found[file] = crash(ended)
    checking.run(job, files, found)

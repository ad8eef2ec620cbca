"""What is said where a library has crashed a selection."""

from __future__ import annotations

import signal

from boostflow.errors import BoostflowError
from boostflow.jobs.chain import Select


def crashed(job: Select, files: Select.Files, fault: signal.Signals) -> None:
    """Say which files a library may have crashed on.

    Raises:
        BoostflowError: always.
    """
    one = [file for file in (files.corrections, files.veto, files.parts) if file is not None]
    named = [*files.weights, *one]
    raise BoostflowError(
        f"a library crashed ({fault.name}) while sample {job.sample} was selected: one of these is"
        f" damaged: {', '.join(map(str, named))}"
    )

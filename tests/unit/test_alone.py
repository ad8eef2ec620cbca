"""What libraries import beside themselves, left out in a job's own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import boostflow

HIDE = """
import sys
from boostflow import alone
{first}
with alone.without("email", "json"):
    try:
        import email
        print("there")
    except ImportError:
        print("hidden")
import email.message, json
print(sys.modules["email"] is not None and email.message.Message is not None)
"""


def printed(first: str) -> list[str]:
    """What a process prints that does `first`, without what the installed packages import."""
    code = HIDE.format(first=first)
    environment = os.environ | {"PYTHONPATH": str(Path(boostflow.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-S", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    ).stdout.split()


def test_only_a_process_of_its_own_hides_modules_and_only_for_an_import() -> None:
    assert printed("alone.declare()") == ["hidden", "True"]
    assert printed("") == ["there", "True"]
    assert printed("alone.declare(); import email") == ["there", "True"]


def test_a_job_has_xgboost_without_scikit_learn() -> None:
    code = (
        "import sys; from boostflow import alone; alone.declare();"
        "from boostflow.models.boosting import xgboost; xgboost().Booster();"
        "print(sorted({'sklearn', 'pandas', 'scipy.stats'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_a_job_starts_compiled_loops_without_what_they_do_not_use() -> None:
    code = (
        "import sys; from boostflow import alone; alone.declare();"
        "from boostflow.observables import kernels;"
        "print(kernels.distance2(1.0, 0.0, 3.0, 1.0), len(kernels.distance2.signatures));"
        "print(sorted({'scipy.linalg', 'vector', 'awkward'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "5.0 1\n[]\n"

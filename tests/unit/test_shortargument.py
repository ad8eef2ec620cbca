"""Long arguments go through files, which follow their content."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from boostflow.cli import json_argument
from boostflow.shortargument import LONGEST, short_argument


def test_long_arguments_are_files(tmp_path: Path) -> None:
    short, long = (
        json.dumps({"files": [f"data/{i:08d}.root" for i in range(n)]}) for n in (9, 9000)
    )
    assert short_argument(short, tmp_path) == short
    given = short_argument(long, tmp_path)
    assert len(long) > LONGEST > len(given)
    assert json_argument(given) == json.loads(long)
    assert short_argument(long, tmp_path) == given
    assert short_argument(long.replace("data", "other"), tmp_path) != given
    # One of the size that a command takes, also where each character is quoted.
    quoted = "'" * LONGEST
    subprocess.run(["true", quoted, quoted], check=True)

"""Text on terminals of other encodings than UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from boostflow.terminal import ERRORS
from boostflow.texttable import Text


def test_tables_and_letters_in_ascii() -> None:
    page = Text()
    page.grid("Yields", ["sample", "mu"], [["top", "1 ± 0.2"]])
    page.line("σ ≥ 3 → τ21, Ω")
    plain = page.text().encode("ascii", ERRORS).decode()
    assert "1 +- 0.2" in plain
    assert "-----" in plain
    assert plain.endswith("sigma >= 3 -> tau21, \\u03a9\n")


def test_names_of_files_are_no_markup() -> None:
    page = Text()
    page.grid("Files [b]", ["file [c]"], [["a [d].root"], ["[/]:cat:.root"]])
    page.line("skipped a [d]:cat:.root")
    text = page.text()
    for name in ("Files [b]", "file [c]", "a [d].root", "[/]:cat:.root", "a [d]:cat:.root"):
        assert name in text


def test_what_an_encoding_has_stays() -> None:
    assert "1 ± 0.2 µ".encode("latin-1", ERRORS) == b"1 \xb1 0.2 \xb5"


def test_the_name_of_a_file_that_is_no_text() -> None:
    name = os.fsdecode(b"a\xff.root")
    assert name.encode("utf-8", ERRORS) == b"a\\udcff.root"


@pytest.mark.integration
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict"])
def test_commands_print_on_any_terminal(encoding: str, tmp_path: Path) -> None:
    systematics = {"jes": {"kind": "shift", "correction": "no π"}}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(systematics), encoding="utf-8")
    config = {"systematics": "s.yaml", "output": "Ω"}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def done(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "boostflow.cli", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
            text=True,
            encoding="latin-1",
            check=False,
        )

    assert done("output", "c.yaml").stdout == "\\u03a9\n"
    wrong = done("check", "--configfile", "c.yaml")
    assert wrong.returncode == 1
    assert "unknown correction 'no \\u03c0'" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert "---------" in done("observables").stdout

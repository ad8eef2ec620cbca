"""Checks of the folder that everything is written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from boostflow.config.config import Config
from boostflow.config.problems import Place, Problem


def check(config: Config, at: Place) -> Iterator[Problem]:
    """The output can be a folder, also for Snakemake, which takes braces for wildcards."""
    if any(c in config.output for c in "{}") or Path(config.output).is_file():
        yield (at / "output").problem(f"{config.output!r} cannot be a folder")

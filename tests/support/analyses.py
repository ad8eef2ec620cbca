"""The real snakemake, in folders of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]


class Analysis:
    """A folder in which `snakemake` is run with a configuration."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.folder, self.config = folder, config
        self.out = folder / "out"

    def snakemake(self, *arguments: str, cores: int = 2) -> subprocess.CompletedProcess[str]:
        """Run snakemake; what it prints is in `stdout`."""
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump({**self.config, "output": "out"}))
        return subprocess.run(
            [
                *(sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")),
                *("--directory", str(self.folder), "--cores", str(cores), "--show-failed-logs"),
                *(*arguments, "--configfile", str(path)),
            ],
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=1500,
        )

    def planned(self, *targets: str) -> dict[str, int]:
        """Number of jobs by rule that a run would do."""
        done = self.snakemake("--dry-run", *targets)
        assert done.returncode == 0, done.stdout
        lines = done.stdout.splitlines()
        if not any(line.startswith("Job stats:") for line in lines):
            return {}
        start = next(i for i, line in enumerate(lines) if line.startswith("Job stats:"))
        jobs = {}
        for line in lines[start + 3 :]:
            if line.startswith("total"):
                break
            name, number = line.split()
            jobs[name] = int(number)
        return jobs


def shipped_test_config() -> dict[str, Any]:
    """config/test.yaml, with paths that hold in any folder."""
    config = yaml.safe_load((REPOSITORY / "config" / "test.yaml").read_text())
    config["systematics"] = str(REPOSITORY / config["systematics"])
    return config

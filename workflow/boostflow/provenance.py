"""The record of a run: what it was configured to do, with which versions, from which commit."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import platform
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from boostflow import __version__
from boostflow.io import atomic, write_json

if TYPE_CHECKING:
    from boostflow.jobs.summary import Provenance

PACKAGES = (
    "awkward",
    "coffea",
    "correctionlib",
    "fastjet",
    "hist",
    "horovod",
    "keras",
    "numba",
    "numpy",
    "onnx",
    "onnxruntime",
    "pyhf",
    "pythia8mc",
    "snakemake",
    "tensorflow",
    "tensorflow-cpu",
    "uproot",
    "xgboost",
    "xgboost-cpu",
)


def run(job: Provenance, files: Provenance.Files) -> None:
    """Write the configuration and the systematics as YAML, and the record of the run as JSON.

    The record holds versions, the seed, the git commit, a hash of the configuration, the machine
    and the time.
    """
    for path, data in ((files.config, job.config), (files.systematics, job.systematics)):
        with atomic(path) as part:
            text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
            part.write_text(text, encoding="utf-8")
    write_json(
        files.record,
        {
            "boostflow": __version__,
            "commit": commit(Path(__file__).resolve().parent),
            "config_hash": digest(job.config, job.systematics),
            "seed": job.config.get("seed"),
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
            "versions": versions(PACKAGES),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )


def digest(config: dict[str, Any], systematics: dict[str, Any]) -> str:
    """A name of the configuration: the same for the same keys and values."""
    both = json.dumps([config, systematics], sort_keys=True).encode()
    return hashlib.blake2b(both, digest_size=16).hexdigest()


def commit(folder: Path) -> str | None:
    """The git commit of the code, with `-dirty` if files differ from it; None outside of git."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no git commit to record: {error}", file=sys.stderr)
        return None
    return found.stdout.strip()


def versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of those distributions that are installed.

    TensorFlow and XGBoost have other names in the CPU environment than in the GPU one.
    """
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found

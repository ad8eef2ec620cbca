"""The record that lies in every model's directory: what it is and what it was made from."""

from __future__ import annotations

import hashlib
import platform
import resource
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from boostflow.provenance import versions


def manifest(
    config: BaseModel, inputs: Iterable[Path], packages: Iterable[str], seconds: float, **more: Any
) -> dict[str, Any]:
    """A manifest as JSON data.

    Args:
        config: the model's block; its `kind` is repeated at the top.
        inputs: the training files, for a checksum of their content.
        packages: distributions whose versions matter, as far as they are installed.
        seconds: wall time of the training.
        more: whatever the kind of model needs to be read back.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in inputs:
        with Path(path).open("rb") as file:
            for piece in iter(lambda: file.read(1 << 20), b""):
                digest.update(piece)
    block = config.model_dump(mode="json")
    return {
        "kind": block["kind"],
        "config": block,
        "seed": block.get("seed"),
        "inputs": digest.hexdigest(),
        "versions": {
            "python": platform.python_version(),
            **versions(packages),
        },
        "seconds": round(seconds, 1),
        # Of this process; Linux counts kibibytes.
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        **more,
    }

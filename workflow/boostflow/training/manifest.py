"""The record that lies in every model's directory: what it is and what it was made from."""

from __future__ import annotations

import hashlib
import platform
import resource
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from boostflow.io import atomic, write_json
from boostflow.models.family import ModelBlock, family_of
from boostflow.provenance import versions

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


@contextmanager
def model_folder(
    files: Train.Files,
    config: ModelBlock,
    start: float,
    metrics: Mapping[str, Any],
    **more: Any,
) -> Iterator[Path]:
    """The new folder of a model that one process has trained, for what its scores need.

    It gets its name when all is in it, metrics.json and manifest.json last.

    Args:
        files: of the training.
        config: the model's block, with what was found of it.
        start: of the training, by `time.monotonic`.
        metrics: `history`, and what plots of the family need.
        more: of the manifest, see `manifest`.
    """
    with atomic(files.output) as folder:
        folder.mkdir()
        yield folder
        write_json(folder / "metrics.json", metrics)
        seconds = time.monotonic() - start
        about = manifest(config, files.jets, family_of(config).packages, seconds, **more)
        write_json(folder / "manifest.json", about)


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

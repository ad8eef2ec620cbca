"""Points of a search on disk: a trained model, what it was made from, and its validation jets.

The folder of a point is called by its block. It is whole if its record says that it was trained on
the same content, so a search that runs again, another one, and the model itself can take it over.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from boostflow.errors import BoostflowError
from boostflow.io import atomic, read_json, write_json
from boostflow.models.search import name_of, point

if TYPE_CHECKING:
    from boostflow.jobs.models import Train
    from boostflow.models.family import ModelBlock

log = logging.getLogger("search")

MODEL = "model"
"""Folder of the trained model, in that of a point."""
SCORES = "validation.npz"
"""Probabilities of the validation jets, in the folder of a point."""


class Point(NamedTuple):
    """A point of a search."""

    block: ModelBlock
    """What is trained."""
    folder: Path
    """Folder of the point."""
    inputs: str
    """Checksum of what it is trained on."""

    @property
    def name(self) -> str:
        """The name, which follows from the block."""
        return self.folder.name

    @property
    def model(self) -> Path:
        """Folder of the trained model."""
        return self.folder / MODEL

    @property
    def scores(self) -> Path:
        """Probabilities of the validation jets."""
        return self.folder / SCORES

    def record(self) -> dict[str, Any] | None:
        """What is known of the training if it is there and of the same input, else None."""
        try:
            found = read_json(self.folder / "record.json")
        except BoostflowError:
            return None
        whole = isinstance(found, dict) and self.model.is_dir()
        return found if whole and found.get("inputs") == self.inputs else None

    def write(self, seconds: float, cpu_seconds: float) -> None:
        """Record that the model has been trained.

        Args:
            seconds: wall time.
            cpu_seconds: of all threads.
        """
        record = {
            "inputs": self.inputs,
            "seconds": round(seconds, 2),
            "cpu_seconds": round(cpu_seconds, 2),
            "block": self.block.model_dump(mode="json"),
        }
        write_json(self.folder / "record.json", record)


def point_of(block: ModelBlock, points: Path, inputs: str) -> Point:
    """The point that a block is, whatever else the block has.

    Args:
        block: of a point or a model.
        points: folder of all points.
        inputs: checksum of what is trained on, from `checksum`.
    """
    alone = point(block, {})
    return Point(alone, points / name_of(alone), inputs)


def inputs(files: Train.Files) -> list[Path]:
    """What probabilities of a training follow from, in the order of its checksum."""
    prepared = [] if files.prepared is None else [files.prepared]
    return [*files.jets, *prepared, *files.models, *files.prepared_below]


def checksum(paths: Iterable[Path]) -> str:
    """A checksum of the content of files and of all files in folders, hidden ones left out."""
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in inside:
            if file.name.startswith("."):
                continue
            digest.update(f"/{file.name}/".encode())
            with file.open("rb") as opened:
                for piece in iter(lambda: opened.read(1 << 20), b""):
                    digest.update(piece)
    return digest.hexdigest()


def take_over(point: Point, block: ModelBlock, output: Path) -> None:
    """Make the folder of a model of that of a point.

    Args:
        point: which has been trained.
        block: of the model, which differs in keys that do not enter the training.
        output: folder to write.
    """
    with atomic(output) as part:
        for file in sorted(point.model.rglob("*")):
            copy = part / file.relative_to(point.model)
            copy.parent.mkdir(parents=True, exist_ok=True)
            # Not by `copytree`, which says little of a full disk.
            if file.is_file():
                shutil.copyfile(file, copy)
        about = read_json(part / "manifest.json")
        mine, other = block.model_dump(mode="json"), point.block.model_dump(mode="json")
        about["config"] |= {key: value for key, value in mine.items() if value != other[key]}
        write_json(part / "manifest.json", about | {"point": point.name})
    log.info("the model is the point %s of its search", point.name)
